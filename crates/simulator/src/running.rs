//! Starting and stopping.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
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
    forge::verify,
    server::{configure, keep_wire, only_local},
    settings::Settings,
    templates::Template,
    webhooks::carry,
    world::World,
};

/// Between attempts to verify the callback.
const VERIFY_EVERY: Duration = Duration::from_secs(2);
/// The threads that answer.
const WORKERS: usize = 2;

/// What a simulator is to be like.
#[derive(Clone)]
pub struct Options {
    /// Where it listens; a loopback address. Port 0: any free one.
    pub bind: SocketAddr,
    /// Signs what is posted.
    pub app_secret: String,
    /// By which the callback is verified.
    pub verify_token: String,
    /// Which callers need; not the secret that signs.
    pub access_token: String,
    /// The account's id.
    pub waba_id: String,
    /// The ids of the account's numbers.
    pub phone_numbers: Vec<String>,
    /// The approved templates.
    pub templates: Vec<Template>,
    /// How it behaves; they can be changed while it runs. The callback is among them.
    pub settings: Settings,
    /// Whether the callback is verified at the start, again and again until it is.
    pub verify: bool,
    /// How many entries of each kind the transcript holds.
    pub transcript: usize,
}

impl Default for Options {
    /// Any free port, secrets that are none, and everything as in life.
    fn default() -> Self {
        Self {
            bind: (Ipv4Addr::LOCALHOST, 0).into(),
            app_secret: "development-app-secret".to_owned(),
            verify_token: "development-verify-token".to_owned(),
            access_token: "development-access-token".to_owned(),
            waba_id: "104000000000001".to_owned(),
            phone_numbers: vec!["105000000000001".to_owned()],
            templates: vec![
                Template::new("hello_world", "en_US", 0),
                Template::new("opener", "en", 0),
                Template::new("pre_arrival", "en", 2),
            ],
            settings: Settings::lifelike(),
            verify: false,
            transcript: 50_000,
        }
    }
}

/// Shows no secret.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("bind", &self.bind).field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why it was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Others must not reach it.
    #[error("the simulator listens on loopback only, and {0} is not")]
    NotLoopback(SocketAddr),
    /// An option that cannot be.
    #[error("{0}")]
    Option(String),
    /// The address is not to be had.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The HTTP client.
    #[error("the HTTP client could not be made: {0}")]
    Client(#[from] reqwest::Error),
    /// A thread, or a signal.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A simulator that runs, in threads of its own, until it is stopped or dropped.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Under which address it is reached: `http://127.0.0.1:8090`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it. What waited to be told is lost.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It is asked at once; the answer is that the thread ends.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            // How it ended is of no use any more.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts one, in threads of its own: within any runtime, or none.
///
/// # Errors
/// A [`StartError`].
pub fn start(options: Options) -> Result<Running, StartError> {
    let bind = options.bind;
    if !bind.ip().is_loopback() {
        return Err(StartError::NotLoopback(bind));
    }
    if options.phone_numbers.is_empty() {
        return Err(StartError::Option("there is to be a phone number id".to_owned()));
    }
    options.settings.check().map_err(StartError::Option)?;
    let listener = TcpListener::bind(bind).map_err(|error| StartError::Listen(bind, error))?;
    let address = listener.local_addr()?;
    let (told, ready) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("simulator".to_owned())
        .spawn(move || System::new().block_on(serve(options, listener, address, &told)))?;
    let ended = || StartError::Io(io::Error::other("the simulator's thread ended"));
    let handle = ready.recv().map_err(|_| ended())??;
    Ok(Running { address, handle, thread: Some(thread) })
}

async fn serve(
    options: Options,
    listener: TcpListener,
    address: SocketAddr,
    told: &mpsc::Sender<Result<ServerHandle, StartError>>,
) -> io::Result<()> {
    // Fails where the program has one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let verified_first = options.verify;
    let made = World::new(options, format!("http://{address}")).map_err(StartError::from);
    let started = made.and_then(|world| {
        let data = web::Data::from(world.clone());
        let app = move || App::new().app_data(data.clone()).wrap(from_fn(only_local)).configure(configure);
        let server = HttpServer::new(app).workers(WORKERS).disable_signals().shutdown_timeout(1).on_connect(keep_wire);
        Ok((world, server.listen(listener)?.run()))
    });
    let (world, server) = match started {
        Ok(it) => it,
        Err(error) => {
            // Who started it waits for this.
            let _ = told.send(Err(error));
            return Ok(());
        }
    };
    spawn(carry(world.clone()));
    if verified_first {
        spawn(verify_until_verified(world));
    }
    let _ = told.send(Ok(server.handle()));
    server.await
}

async fn verify_until_verified(world: Arc<World>) {
    let mut told = false;
    loop {
        match verify(&world).await {
            Ok(answer) if answer["verified"] == true => return log::info!("the callback is verified"),
            Ok(_) if told => {}
            Ok(answer) => log::warn!("the callback is not verified yet, which is tried again: {answer}"),
            Err(_) => return,
        }
        told = true;
        sleep(VERIFY_EVERY).await;
    }
}

/// Runs one until a signal ends it; `told` hears where it listens.
///
/// # Errors
/// A [`StartError`].
pub async fn run(options: Options, told: impl FnOnce(SocketAddr) -> io::Result<()>) -> Result<(), StartError> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = start(options)?;
    told(running.address)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop();
    Ok(())
}
