//! The server, from its start to its end.

mod stand_in;

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::available_parallelism,
    time::Duration,
};

use actix_web::{
    App as Server,
    dev::ServerHandle,
    middleware::from_fn,
    rt::{
        signal::unix::{SignalKind, signal},
        spawn,
        time::{Instant, interval, sleep},
    },
    web,
};
use desk::{DbUrl, Desk, Keep, Sending};
use socket2::{Domain, Protocol, Socket, Type};
use transport::{BusKind, Connections, HttpLimits, Hub, http_server};

use crate::{
    cli::Failure,
    clock::clock,
    extract::BodyMemory,
    health::Recently,
    log::{access, begin},
    metrics::Metrics,
    origin::Origins,
    pages, routes,
    settings::{JwtSecret, Settings},
    state::App,
};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How long an idle connection is kept, a first request's head is waited for, a closing peer, too.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
const HEAD: Duration = Duration::from_secs(10);
/// How long the HTTP library waits for a head that the watch of connections has not ended: it would end many at once.
const LIBRARY_HEAD: Duration = Duration::from_secs(30);
const DISCONNECT: Duration = Duration::from_secs(5);
/// At the end: how long requests may go on, and then their answers be under way, in seconds.
/// Together with what sockets take this stays below 10 s.
const FINISH: Duration = Duration::from_secs(6);
const FLUSH: u64 = 2;
/// How often it is looked which stays begin, and what is over is forgotten.
const UPKEEP: Duration = Duration::from_secs(60);
/// Descriptors that are needed for other than connections.
const OTHER_FILES: u64 = 64;
/// SIGXFSZ: a file has grown to the limit that the process has. It is this number on all that we know.
const FILE_TOO_LARGE: i32 = 25;

/// Serves until a signal ends it.
///
/// # Errors
/// A [`Failure`] to start.
pub async fn run(mut settings: Settings, demo: bool, simulate_whatsapp: bool) -> Result<(), Failure> {
    begin(&settings.rust_log);
    if demo && !settings.bind_address.ip().is_loopback() {
        return Err(Failure::DemoInPublic(settings.bind_address));
    }
    let mut told = io::stdout();
    // Heard, it does not kill: the write fails, as on a full disk.
    let _ = signal(SignalKind::from_raw(FILE_TOO_LARGE))?;
    // First of all: where another server has the port, nothing is to be made or changed.
    let listener = listen(settings.bind_address).map_err(|error| Failure::Listen(settings.bind_address, error))?;
    let address = listener.local_addr()?;
    let hub = Hub::new();
    let desk = open(&settings, &hub).await?;
    if demo {
        prepare_demo(&desk, &mut told).await?;
    }
    // As long as this runs.
    let _simulated = if simulate_whatsapp {
        let simulated = stand_in::begin(&desk, &mut settings, address).await?;
        writeln!(told, "WhatsApp is only played, at {}: nothing goes to Meta.", simulated.url())?;
        Some(simulated)
    } else {
        None
    };
    hub.begin(desk.clone(), bus(&settings, &desk).await?, settings.compare_every());
    let (maintained, keep) = (desk.clone(), settings.keep());
    supervise(&desk, "maintenance", move || keep_up(maintained.clone(), keep));
    let sending = settings.whatsapp()?.map(|client| {
        let (fetching, media) = (desk.clone(), client.clone());
        supervise(&desk, "files", move || fetching.clone().fetch_attachments(media.clone()));
        Sending::new(desk.clone(), client, settings.whatsapp_token_digest())
    });
    if let Some(sending) = &sending {
        let (sender, marks) = (sending.clone(), sending.clone());
        supervise(&desk, "sender", move || sender.clone().run());
        supervise(&desk, "read receipts", move || marks.clone().show_marks());
    }
    let sockets = allow_sockets(&mut told)?;
    let workers = available_parallelism().map_or(2, usize::from).max(2);
    let connections = Connections::new(sockets, HEAD, KEEP_ALIVE + DISCONNECT);
    let watched = connections.clone();
    supervise(&desk, "connections", move || watched.clone().watch());
    let origins = Origins::new(settings.public_url.as_ref(), address.port(), &settings.allowed_origins);
    let body_memory = BodyMemory::new(settings.max_body_memory);
    let app = web::Data::new(App {
        desk,
        hub,
        connections,
        body_memory,
        settings,
        origins,
        demo,
        metrics: Metrics::new()?,
        recent: Recently::default(),
    });
    let (for_workers, connections) = (app.clone(), app.connections.clone());
    let limits = HttpLimits {
        workers,
        connections_of_worker: (sockets / workers).max(1),
        keep_alive: KEEP_ALIVE,
        head: LIBRARY_HEAD,
        disconnect: DISCONNECT,
        flush_seconds: FLUSH,
    };
    let server = move || {
        let server = Server::new().app_data(for_workers.clone());
        server.wrap(pages::security()).wrap(from_fn(access)).configure(routes::configure)
    };
    let server = http_server(server, listener, connections, limits)?;
    let handle = server.handle();
    let mut running = spawn(server);
    // Whoever reads that it listens may already stop it.
    let asked_to_stop = asked_to_stop()?;
    writeln!(told, "listening on http://{address}")?;
    told.flush()?;
    tokio::select! {
        ended = &mut running => return ended.map_err(io::Error::other)?.map_err(Failure::from),
        () = asked_to_stop => {}
    }
    tokio::join!(stop(&app, handle), end(sending));
    running.await.map_err(io::Error::other)?.map_err(Failure::from)
}

async fn open(settings: &Settings, hub: &Hub) -> Result<Desk, Failure> {
    let secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        None => JwtSecret::kept_beside(&settings.database_url)?,
    };
    let (url, lifetimes) = (&settings.database_url, settings.lifetimes());
    Ok(Desk::open(url, secret.as_bytes(), lifetimes, clock(settings), hub.on_commit()).await?)
}

/// By what servers on this database wake each other.
async fn bus(settings: &Settings, desk: &Desk) -> Result<BusKind, Failure> {
    Ok(match (&settings.redis_url, &settings.database_url) {
        (Some(url), _) => BusKind::Redis { url: url.clone(), epoch: desk.epoch().await? },
        (None, url @ DbUrl::Postgres(_)) => BusKind::Database(url.clone()),
        (None, DbUrl::Sqlite(_)) => BusKind::Alone,
    })
}

/// Makes the demo hotel where there is nothing yet, and says how to sign in.
async fn prepare_demo(desk: &Desk, told: &mut impl Write) -> Result<(), Failure> {
    if !desk.is_empty().await? {
        return if desk.may_be_demo().await? { Ok(()) } else { Err(Failure::NoDemo) };
    }
    let made = desk.make_demo().await?;
    writeln!(told, "This is the demo: {} (hotel {}). Sign in as", made.name, made.hotel)?;
    for it in &made.sign_ins {
        writeln!(told, "  {:14} {} ({})", it.username, it.name, it.role.as_str())?;
    }
    writeln!(told, "with the password {}, which is shown only now.", made.password)?;
    Ok(())
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Raises the limit of open files as far as it goes, and says how many sockets that allows: each
/// has a second descriptor, by which it can be cut off.
fn allow_sockets(told: &mut impl Write) -> io::Result<usize> {
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    let sockets = files.saturating_sub(OTHER_FILES) / 2;
    writeln!(told, "open files: {files}, enough for {sockets} sockets")?;
    Ok(usize::try_from(sockets).unwrap_or(usize::MAX).clamp(1, u32::MAX as usize))
}

/// Starts a task that must not end while the server runs.
fn supervise<F: Future<Output = ()> + 'static>(desk: &Desk, name: &'static str, start: impl FnMut() -> F + 'static) {
    let supervisor = desk.supervisor().clone();
    spawn(async move { supervisor.run(name, start).await });
}

/// Does what time brings, again and again: stays begin, and what is over is forgotten.
async fn keep_up(desk: Desk, keep: Keep) {
    let mut times = interval(UPKEEP);
    loop {
        times.tick().await;
        if let Err(error) = desk.begin_stays().await {
            log::warn!("cannot look which stays begin: {error}");
        }
        if let Err(error) = desk.retry_failed_updates().await {
            log::warn!("cannot try parked updates again: {error}");
        }
        if let Err(error) = desk.fill_stable_ids().await {
            log::warn!("cannot store the stable part of message ids: {error}");
        }
        if let Err(error) = desk.record_lost_sight().await {
            log::warn!("cannot record yet what staff do not see any more: {error}");
        }
        if let Err(error) = desk.prune(keep).await {
            log::warn!("cannot forget what is over: {error}");
        }
    }
}

/// Hears from now on that it is to stop.
fn asked_to_stop() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Takes no more connections, tells the sockets, lets requests finish.
async fn stop(app: &App, handle: ServerHandle) {
    log::info!("stopping");
    handle.pause().await;
    tokio::join!(app.hub.shut_down(), finished(&app.metrics));
    handle.stop(true).await;
}

/// Sends nothing more to guests.
async fn end(sending: Option<Arc<Sending>>) {
    if let Some(sending) = sending
        && let Err(error) = sending.end().await
    {
        log::warn!("another server sends only after the lease: {error}");
    }
}

async fn finished(metrics: &Metrics) {
    let deadline = Instant::now() + FINISH;
    while metrics.under_way() > 0 && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
}
