//! The HTTP server. It is put together as the HTTP library does it, on streams that report what comes in: the library
//! itself gives a slow head up for the first request of a connection only.

use std::{fmt, io, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, Protocol, Request, Response, body::MessageBody, error::DispatchError};
use actix_server::Server;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{dev::AppConfig, rt::net::TcpStream};

use crate::{client_stream::ClientStream, connections::Connections};

/// How much the HTTP library takes, and how long it waits.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Threads.
    pub workers: usize,
    /// Connections of each of them.
    pub connections_of_worker: usize,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// How long the library itself waits for the first head.
    pub head: Duration,
    /// How long it waits for a peer that is to close.
    pub disconnect: Duration,
    /// How many seconds it waits for answers under way when it stops.
    pub flush_seconds: u64,
}

/// A server of this application. It heeds no signals.
///
/// # Errors
/// Those of the listener.
pub fn http_server<F, I, S, B>(
    app: F,
    listener: TcpListener,
    connections: Connections,
    limits: HttpLimits,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let builder = Server::build()
        .workers(limits.workers)
        .max_concurrent_connections(limits.connections_of_worker)
        .shutdown_timeout(limits.flush_seconds)
        .disable_signals();
    let stops = builder.graceful_shutdown_signal();
    let server = builder.listen("http", listener, move || {
        let (stops, connections) = (stops.clone(), connections.clone());
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stops = stops.clone();
                async move { stops.notified().await }
            })
            .keep_alive(limits.keep_alive)
            .client_request_timeout(limits.head)
            .client_disconnect_timeout(limits.disconnect)
            .on_connect_ext(|stream: &ClientStream, extensions| {
                if let Some(connection) = stream.connection() {
                    extensions.insert(Arc::clone(connection));
                }
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let (peer, stream) = (stream.peer_addr().ok(), ClientStream::accept(stream, &connections));
            async move { Ok::<_, DispatchError>((stream, Protocol::Http1, peer)) }
        })
        .and_then(http)
    })?;
    Ok(server.run())
}
