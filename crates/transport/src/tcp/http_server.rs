//! The HTTP server, built from the parts of actix-web on streams that report received bytes. `actix_web::HttpServer`
//! has a header timeout for the first request of a connection only.

use std::{fmt, io, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, Protocol, Request, Response, body::MessageBody, error::DispatchError};
use actix_server::Server;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{dev::AppConfig, rt::net::TcpStream};

use crate::tcp::{client_stream::ClientStream, slow_headers::ClientConnections};

/// Limits and timeouts of the HTTP library.
#[derive(Clone, Copy, Debug)]
pub struct HttpLimits {
    /// Number of HTTP worker threads.
    pub workers: usize,
    pub connections_per_worker: usize,
    /// Keep-alive timeout of a connection between two requests.
    pub keep_alive: Duration,
    /// The HTTP library's own timeout for the head of the first request; a fallback behind [`ClientConnections`].
    pub head: Duration,
    /// Time for a peer to close its side of the connection after ours.
    pub disconnect: Duration,
    /// Time for responses in progress at shutdown, in seconds.
    pub flush_seconds: u64,
}

/// Creates the HTTP server for an application. It handles no signals. Fails if the listener fails.
pub fn http_server<F, I, S, B>(
    app: F,
    listener: TcpListener,
    connections: ClientConnections,
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
        .max_concurrent_connections(limits.connections_per_worker)
        .shutdown_timeout(limits.flush_seconds)
        .disable_signals();
    let shutdown = builder.graceful_shutdown_signal();
    let server = builder.listen("http", listener, move || {
        let (shutdown, connections) = (shutdown.clone(), connections.clone());
        let app = app().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
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
