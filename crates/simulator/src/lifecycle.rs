//! Start and stop of a simulator.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::ServerHandle,
    middleware::from_fn,
    rt::{
        System,
        signal::unix::{SignalKind, signal},
        spawn,
    },
    web,
};
use tokio::time::sleep;

use crate::{
    options::SimulatorOptions,
    server::{configure, keep_descriptor, require_loopback_host},
    state::Simulator,
    verification::verify_callback,
    webhooks::run_delivery_loop,
};

/// Interval between attempts to verify the callback.
const VERIFY_INTERVAL: Duration = Duration::from_secs(2);
/// The number of HTTP worker threads.
const WORKERS: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the simulator listens on loopback only, and {0} is not")]
    NotLoopback(SocketAddr),
    #[error("{0}")]
    Option(String),
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("the HTTP client could not be created: {0}")]
    Client(#[from] reqwest::Error),
    /// The simulator's thread or a signal handler could not be started.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A simulator that runs in its own threads. It stops on [`RunningSimulator::stop`] or on drop; undelivered webhooks
/// are lost.
pub struct RunningSimulator {
    pub address: SocketAddr,
    server: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl RunningSimulator {
    /// Returns the base URL of the simulator, such as `http://127.0.0.1:8090`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn stop(mut self) {
        self.join();
    }

    fn join(&mut self) {
        // The future of `stop` is dropped, because the server stops without it being awaited.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for RunningSimulator {
    fn drop(&mut self) {
        self.join();
    }
}

/// Starts a simulator in its own threads. It can be called inside or outside an async runtime.
///
/// Fails if the address is not a loopback address or is in use, or if an option is invalid.
pub fn start_simulator(options: SimulatorOptions) -> Result<RunningSimulator, StartError> {
    let bind = options.bind;
    if !bind.ip().is_loopback() {
        return Err(StartError::NotLoopback(bind));
    }
    if options.phone_numbers.is_empty() {
        return Err(StartError::Option("at least one phone number id is required".to_owned()));
    }
    options.settings.validate().map_err(StartError::Option)?;
    let listener = TcpListener::bind(bind).map_err(|error| StartError::Listen(bind, error))?;
    let address = listener.local_addr()?;
    let (sender, receiver) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || System::new().block_on(serve(options, listener, address, &sender)))?;
    let ended = || StartError::Io(io::Error::other("the simulator's thread ended"));
    let server = receiver.recv().map_err(|_| ended())??;
    Ok(RunningSimulator { address, server, thread: Some(thread) })
}

/// Runs the HTTP server. Sends its handle, or the error, as soon as it has started.
async fn serve(
    options: SimulatorOptions,
    listener: TcpListener,
    address: SocketAddr,
    started: &mpsc::Sender<Result<ServerHandle, StartError>>,
) -> io::Result<()> {
    // Fails if the process already has a TLS provider, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let verifies_callback = options.verify;
    let simulator = Simulator::new(options, format!("http://{address}")).map_err(StartError::from);
    let created = simulator.and_then(|simulator| {
        let data = web::Data::from(simulator.clone());
        let app = move || App::new().app_data(data.clone()).wrap(from_fn(require_loopback_host)).configure(configure);
        let server =
            HttpServer::new(app).workers(WORKERS).disable_signals().shutdown_timeout(1).on_connect(keep_descriptor);
        Ok((simulator, server.listen(listener)?.run()))
    });
    let (simulator, server) = match created {
        Ok(created) => created,
        Err(error) => {
            let _ = started.send(Err(error));
            return Ok(());
        }
    };
    spawn(run_delivery_loop(simulator.clone()));
    if verifies_callback {
        spawn(retry_verification(simulator));
    }
    let _ = started.send(Ok(server.handle()));
    server.await
}

async fn retry_verification(simulator: Arc<Simulator>) {
    let mut has_logged = false;
    loop {
        match verify_callback(&simulator).await {
            Ok(result) if result["verified"] == true => return log::info!("callback verified"),
            Ok(_) if has_logged => {}
            Ok(result) => {
                log::warn!("callback not verified: {result}; retry every {} s", VERIFY_INTERVAL.as_secs());
                has_logged = true;
            }
            // There is no callback to verify, so no further attempt is made.
            Err(_) => return,
        }
        sleep(VERIFY_INTERVAL).await;
    }
}

/// Runs a simulator until SIGTERM or SIGINT. `on_start` receives the simulator's address.
pub async fn run_until_signal(
    options: SimulatorOptions,
    on_start: impl FnOnce(SocketAddr) -> io::Result<()>,
) -> Result<(), StartError> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let simulator = start_simulator(options)?;
    on_start(simulator.address)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulator.stop();
    Ok(())
}
