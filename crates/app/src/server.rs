//! HTTP server process: start, background tasks and graceful shutdown.

#[cfg(feature = "simulator")]
mod simulated_whatsapp;

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
use desk::{
    DbUrl, Desk,
    hotels::{DemoSignIn, PlayedGuests},
    maintenance::Retention,
    outbound::worker::OutboxWorker,
};
use socket2::{Domain, Protocol, Socket, Type};
use transport::{BusKind, ClientConnections, HttpLimits, Hub, http_server};

use crate::{
    app_state::App,
    clock::clock,
    error::CliError,
    health::cache::HealthCache,
    metrics::Metrics,
    middleware::{access_log::log_access, compression::compress},
    pages,
    request::body_memory::BodyMemory,
    routes,
    settings::{JwtSecret, Settings, log_filter::start_logging, origins::Origins},
};

/// The number of TCP connections that the kernel queues until the server accepts them.
const LISTEN_BACKLOG: i32 = 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to send the head of a request. [`ClientConnections`] closes the connections of slower
/// clients in small batches, so that a burst does not stall the thread.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The timeout of the HTTP library for the head of a request. The library would close all expired connections at once,
/// so this timeout is longer than [`HEAD_TIMEOUT`] and never applies.
const LIBRARY_HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the server waits at shutdown for requests in flight. With [`FLUSH_TIMEOUT_SECONDS`] for their responses and
/// the time to close sockets, the shutdown takes less than 10 s.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(6);
const FLUSH_TIMEOUT_SECONDS: u64 = 2;
const MAINTENANCE_INTERVAL: Duration = Duration::from_secs(60);
/// Interval of the timers; the contract allows them 5 s.
const TIMER_INTERVAL: Duration = Duration::from_secs(1);
/// The number of file descriptors reserved for other things than client connections.
const RESERVED_FILES: u64 = 64;
/// The number of the signal SIGXFSZ (a file has reached the size limit of the process), the same on all supported
/// systems.
const SIGXFSZ: i32 = 25;

/// Runs the server (command `serve`) until a signal stops the process.
pub async fn run(mut settings: Settings, is_demo: bool, simulate_whatsapp: bool) -> Result<(), CliError> {
    start_logging(&settings.rust_log);
    if is_demo && !settings.bind_address.ip().is_loopback() {
        return Err(CliError::PublicDemo(settings.bind_address));
    }
    let mut stdout = io::stdout();
    // With a handler SIGXFSZ does not kill the process: the write to the file fails, as on a full disk.
    let _ = signal(SignalKind::from_raw(SIGXFSZ))?;
    // The port is bound first, so that nothing is created or changed if another server uses it.
    let listener = listen(settings.bind_address).map_err(|error| CliError::Listen(settings.bind_address, error))?;
    let address = listener.local_addr()?;
    let hub = Hub::new();
    let desk = open_desk(&settings, &hub).await?;
    if is_demo {
        prepare_demo(&desk, &mut stdout).await?;
    }
    // The simulator of WhatsApp runs until this value is dropped.
    let _simulator = start_simulator(&desk, &mut settings, address, simulate_whatsapp).await?;
    hub.start(desk.clone(), bus_kind(&settings, &desk).await?, settings.log_compare_interval());
    let outbox_worker = start_tasks(&desk, &settings)?;
    let max_sockets = raise_file_limit(&mut stdout)?;
    let connections = ClientConnections::new(max_sockets, HEAD_TIMEOUT, KEEP_ALIVE + DISCONNECT_TIMEOUT);
    let watched = connections.clone();
    supervise(&desk, "connections", move || watched.clone().close_expired());
    let origins = Origins::new(settings.public_url.as_ref(), address.port(), &settings.allowed_origins);
    let body_memory = BodyMemory::new(settings.max_body_memory);
    let (metrics, health) = (Metrics::new()?, HealthCache::default());
    let played_guests = PlayedGuests::default();
    if is_demo {
        let (guests, of) = (played_guests.clone(), desk.clone());
        supervise(&desk, "played guests", move || of.clone().play_guests(guests.clone()));
    }
    let app = App { desk, hub, connections, body_memory, settings, origins, is_demo, played_guests, metrics, health };
    serve(web::Data::new(app), listener, max_sockets, outbox_worker, &mut stdout).await
}

/// Runs the HTTP server. When a signal arrives, closes sockets and the HTTP server, and stops the outbox worker.
async fn serve(
    app: web::Data<App>,
    listener: TcpListener,
    max_sockets: usize,
    outbox_worker: Option<Arc<OutboxWorker>>,
    stdout: &mut impl Write,
) -> Result<(), CliError> {
    let address = listener.local_addr()?;
    let workers = available_parallelism().map_or(2, usize::from).max(2);
    let limits = HttpLimits {
        workers,
        connections_per_worker: (max_sockets / workers).max(1),
        keep_alive: KEEP_ALIVE,
        head: LIBRARY_HEAD_TIMEOUT,
        disconnect: DISCONNECT_TIMEOUT,
        flush_seconds: FLUSH_TIMEOUT_SECONDS,
    };
    let (app_of_workers, connections) = (app.clone(), app.connections.clone());
    let server = move || {
        let server = Server::new().app_data(app_of_workers.clone());
        let headers = pages::security_headers(app_of_workers.settings.is_https());
        let server = server.wrap(from_fn(compress)).wrap(headers).wrap(from_fn(log_access));
        server.configure(routes::configure)
    };
    let server = http_server(server, listener, connections, limits)?;
    let handle = server.handle();
    let mut running = spawn(server);
    // Signal handlers must be installed before the address is printed: a reader of the output may stop the server at
    // once.
    let stop_signal = stop_signal()?;
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()?;
    tokio::select! {
        ended = &mut running => return ended.map_err(io::Error::other)?.map_err(CliError::from),
        () = stop_signal => {}
    }
    tokio::join!(stop_http(&app, handle), stop_outbox_worker(outbox_worker));
    running.await.map_err(io::Error::other)?.map_err(CliError::from)
}

/// Starts the simulator of WhatsApp if `simulate_whatsapp`, and points the settings to it.
#[cfg(feature = "simulator")]
async fn start_simulator(
    desk: &Desk,
    settings: &mut Settings,
    address: SocketAddr,
    simulate_whatsapp: bool,
) -> Result<Option<simulator::RunningSimulator>, CliError> {
    if !simulate_whatsapp {
        return Ok(None);
    }
    let simulator = simulated_whatsapp::start(desk, settings, address).await?;
    writeln!(io::stdout(), "WhatsApp is simulated at {}: nothing is sent to Meta.", simulator.url())?;
    Ok(Some(simulator))
}

/// A program without the simulator has no option that asks for it.
#[cfg(not(feature = "simulator"))]
async fn start_simulator(_: &Desk, _: &mut Settings, _: SocketAddr, _: bool) -> Result<Option<()>, CliError> {
    Ok(None)
}

/// Starts the background tasks: maintenance, timers and, if there is a WhatsApp access token, the outbox worker, read receipts
/// and the download of files.
fn start_tasks(desk: &Desk, settings: &Settings) -> Result<Option<Arc<OutboxWorker>>, CliError> {
    let (maintained, retention) = (desk.clone(), settings.retention());
    supervise(desk, "maintenance", move || run_maintenance(maintained.clone(), retention));
    let timed = desk.clone();
    supervise(desk, "timers", move || run_timers(timed.clone()));
    let searched = desk.clone();
    supervise(desk, "search index", move || fill_search_index(searched.clone()));
    let Some(client) = settings.whatsapp_client()? else { return Ok(None) };
    let (downloads, media) = (desk.clone(), client.clone());
    supervise(desk, "files", move || downloads.clone().fetch_attachments(media.clone()));
    let (receipts, receipts_client) = (desk.clone(), client.clone());
    supervise(desk, "read receipts", move || receipts.clone().send_read_receipts(receipts_client.clone()));
    let worker = OutboxWorker::new(desk.clone(), client, settings.whatsapp_token_digest());
    let sender = worker.clone();
    supervise(desk, "sender", move || sender.clone().run());
    Ok(Some(worker))
}

async fn open_desk(settings: &Settings, hub: &Hub) -> Result<Desk, CliError> {
    let secret = match &settings.jwt_secret {
        Some(secret) => secret.clone(),
        None => JwtSecret::load_or_create(&settings.database_url)?,
    };
    let (url, lifetimes) = (&settings.database_url, settings.lifetimes());
    Ok(Desk::open(url, secret.as_bytes(), lifetimes, clock(settings), hub.on_commit()).await?)
}

/// Selects the cluster bus: Redis if `REDIS_URL` is set, otherwise PostgreSQL. A server on SQLite is the only node and
/// needs none.
async fn bus_kind(settings: &Settings, desk: &Desk) -> Result<BusKind, CliError> {
    Ok(match (&settings.redis_url, &settings.database_url) {
        (Some(url), _) => BusKind::Redis { url: url.clone(), epoch: desk.epoch().await? },
        (None, url @ DbUrl::Postgres(_)) => BusKind::Database(url.clone()),
        (None, DbUrl::Sqlite(_)) => BusKind::Alone,
    })
}

/// Creates the demo hotel in an empty database, and prints the sign-ins with their password. On a later start prints the
/// sign-ins and how to set a password, which is stored only as a hash. Refuses a database with real data.
async fn prepare_demo(desk: &Desk, stdout: &mut impl Write) -> Result<(), CliError> {
    if desk.is_empty().await? {
        let demo = desk.create_demo_hotel().await?;
        writeln!(stdout, "This is the demo: {} (hotel {}). Sign in as", demo.name, demo.hotel)?;
        print_sign_ins(&demo.sign_ins, stdout)?;
        writeln!(stdout, "with the password {}, which is shown only now.", demo.password)?;
        return Ok(());
    }
    if !desk.is_demo_database().await? {
        return Err(CliError::DemoOnRealData);
    }
    let sign_ins = desk.demo_sign_ins().await?;
    if let Some(first) = sign_ins.first() {
        let program = std::env::args().next().unwrap_or_else(|| "message-manager".to_owned());
        writeln!(stdout, "This is the demo, with the data of the former start. Sign in as")?;
        print_sign_ins(&sign_ins, stdout)?;
        writeln!(
            stdout,
            "with the password of the first start. For a new one: {program} staff passwd {} --permanent",
            first.username
        )?;
    }
    Ok(())
}

fn print_sign_ins(sign_ins: &[DemoSignIn], stdout: &mut impl Write) -> io::Result<()> {
    sign_ins.iter().try_for_each(|it| writeln!(stdout, "  {:14} {} ({})", it.username, it.name, it.role.as_str()))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_BACKLOG)?;
    Ok(socket.into())
}

/// Raises the process limit of open files to the maximum. Returns how many sockets this allows, at two file descriptors
/// each: through the second one a socket can be closed if its actor is stuck.
fn raise_file_limit(stdout: &mut impl Write) -> io::Result<usize> {
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    let sockets = files.saturating_sub(RESERVED_FILES) / 2;
    writeln!(stdout, "open files: {files}, enough for {sockets} sockets")?;
    Ok(usize::try_from(sockets).unwrap_or(usize::MAX).clamp(1, u32::MAX as usize))
}

/// Starts a supervised background task that runs as long as the server and is restarted after a panic.
fn supervise<F: Future<Output = ()> + 'static>(desk: &Desk, name: &'static str, start: impl FnMut() -> F + 'static) {
    let supervisor = desk.supervisor().clone();
    spawn(async move { supervisor.run(name, start).await });
}

/// Runs all maintenance tasks once a minute, on every node. A task changes nothing if another node was first.
async fn run_maintenance(desk: Desk, retention: Retention) {
    let mut ticks = interval(MAINTENANCE_INTERVAL);
    loop {
        ticks.tick().await;
        log_failure("begin stays", desk.start_begun_stays().await);
        log_failure("retry dead letters", desk.retry_due_dead_letters().await);
        log_failure("store the stable part of WhatsApp message ids", desk.fill_stable_ids().await);
        log_failure("store report rows of old messages", desk.fill_reports().await);
        log_failure("record lost visibility", desk.record_access_losses().await);
        log_failure("prune old rows", desk.prune(retention).await);
    }
}

/// Adds messages of a time before the search index to it. Apart from other maintenance: it may take minutes.
async fn fill_search_index(desk: Desk) {
    let mut ticks = interval(MAINTENANCE_INTERVAL);
    loop {
        ticks.tick().await;
        log_failure("add messages to the search index", desk.fill_search_index().await);
    }
}

/// Runs the timers once a second, on every node. A timer changes nothing if another node was first.
async fn run_timers(desk: Desk) {
    loop {
        sleep(TIMER_INTERVAL).await;
        if let Err(error) = desk.run_due_timers().await {
            log::warn!("timers failed: {error}; next attempt in {} s", TIMER_INTERVAL.as_secs());
        }
    }
}

fn log_failure<T>(task: &str, result: Result<T, desk::Error>) {
    if let Err(error) = result {
        let seconds = MAINTENANCE_INTERVAL.as_secs();
        log::warn!("maintenance task failed: {task}: {error}; next attempt in {seconds} s");
    }
}

/// Installs handlers for SIGTERM and SIGINT, and returns a future that resolves when one of these signals arrives.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Stops the HTTP server: accepts no more connections, closes the sockets, and waits for requests in flight.
async fn stop_http(app: &App, handle: ServerHandle) {
    log::info!("shutting down: closing sockets and finishing requests in flight");
    handle.pause().await;
    tokio::join!(app.hub.shut_down(), wait_for_requests(&app.metrics));
    handle.stop(true).await;
}

/// Stops the outbox worker: finishes messages in flight and releases the sender leases.
async fn stop_outbox_worker(worker: Option<Arc<OutboxWorker>>) {
    if let Some(worker) = worker
        && let Err(error) = worker.stop().await
    {
        log::warn!("cannot release the sender leases: {error}; other nodes send after the leases expire");
    }
}

async fn wait_for_requests(metrics: &Metrics) {
    let deadline = Instant::now() + SHUTDOWN_GRACE;
    while metrics.requests_in_flight() > 0 && Instant::now() < deadline {
        sleep(Duration::from_millis(20)).await;
    }
}
