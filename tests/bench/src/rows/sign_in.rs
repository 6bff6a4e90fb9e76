//! A flood of sign-ins from many addresses: how long a person waits in a browser that knows them.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::sleep,
};

use super::{Bench, median, thousands};
use crate::{
    BenchError, BenchResult,
    databases::BenchDatabaseKind,
    site::{PASSWORD, Site, SiteSizes},
    table::BenchRow,
};

/// Foreign attempts, each of another name and address.
const ATTEMPTS: usize = 1_000;
/// Seconds that the person may wait.
const GOAL: f64 = 2.0;
/// After the foreign attempts have been sent.
const DELAY: Duration = Duration::from_millis(50);

pub fn measure(bench: &Bench) -> BenchResult<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for kind in BenchDatabaseKind::all() {
        let sizes = SiteSizes { hotels: 1, staff: 2, stays: 2, messages: 1 };
        let site = Site::new(kind, sizes, &bench.folder)?;
        let person = SignIn { username: site.generated.hotels[0].staff[0].username.clone(), ..SignIn::default() };
        let first = runtime.block_on(person.send(&site.address))?;
        let known = SignIn { cookie: first.device.ok_or("no device cookie")?, ..person };
        let mut rounds = Vec::new();
        for number in 0..bench.rounds {
            rounds.push(runtime.block_on(FloodRound::run(&site.address, &known, number))?);
        }
        row(kind, &rounds).print();
    }
    Ok(())
}

/// A request to sign in.
#[derive(Clone, Default)]
struct SignIn {
    username: String,
    /// The address of the client, as a trusted proxy gives it; empty for the proxy's own.
    address: String,
    /// The device cookie; empty for a new browser.
    cookie: String,
}

struct SignInAnswer {
    status: u16,
    /// The device cookie that the response sets.
    device: Option<String>,
}

impl SignIn {
    /// Sends the request on a connection of its own.
    async fn send(&self, server: &str) -> BenchResult<SignInAnswer> {
        let Self { username, address, cookie } = self;
        let body = json!({ "username": username, "password": PASSWORD }).to_string();
        let header = |name: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{name}: {value}\r\n"),
        };
        let request = format!(
            "POST /api/auth/login/ HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             {}{}Content-Length: {}\r\n\r\n{body}",
            header("X-Forwarded-For", address),
            header("Cookie", cookie),
            body.len()
        );
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut response = String::new();
        stream.read_to_string(&mut response).await?;
        let status = response.split(' ').nth(1).and_then(|it| it.parse().ok()).ok_or("no HTTP response")?;
        let cookies = response.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        let device = cookies.filter_map(|cookie| cookie.split(';').next()).find(|it| it.starts_with("mm_device="));
        Ok(SignInAnswer { status, device: device.map(str::to_owned) })
    }
}

/// A flood with one sign-in of a person in a known browser.
struct FloodRound {
    /// Seconds that the person waited.
    wait: f64,
    /// Seconds until the last foreign attempt had its response.
    all: f64,
    /// Foreign attempts whose password was checked, and those that were refused at once.
    checked: usize,
    refused: usize,
}

impl FloodRound {
    async fn run(server: &str, known: &SignIn, round: usize) -> BenchResult<Self> {
        let began = Instant::now();
        let mut flood = JoinSet::new();
        for n in 0..ATTEMPTS {
            let address = format!("10.{round}.{}.{}", n / 250, n % 250 + 1);
            let attempt = SignIn { username: format!("nobody {round} {n}"), address, cookie: String::new() };
            let server = server.to_owned();
            flood.spawn(async move { Ok::<_, BenchError>(attempt.send(&server).await?.status) });
        }
        let person = async {
            sleep(DELAY).await;
            let began = Instant::now();
            let answer = known.send(server).await?;
            match answer.status {
                200 => Ok(began.elapsed().as_secs_f64()),
                status => Err(BenchError::from(format!("the person got {status}"))),
            }
        };
        let attempts = async {
            let (mut checked, mut refused) = (0, 0);
            while let Some(answer) = flood.join_next().await {
                match answer?? {
                    401 => checked += 1,
                    429 => refused += 1,
                    status => return Err(BenchError::from(format!("a foreign attempt got {status}"))),
                }
            }
            Ok((checked, refused))
        };
        let (wait, (checked, refused)) = tokio::try_join!(person, attempts)?;
        Ok(Self { wait, all: began.elapsed().as_secs_f64(), checked, refused })
    }
}

fn row(kind: BenchDatabaseKind, rounds: &[FloodRound]) -> BenchRow {
    let of = |value: fn(&FloodRound) -> f64| median(&mut rounds.iter().map(value).collect::<Vec<_>>());
    let longest = rounds.iter().map(|it| it.wait).fold(0.0, f64::max);
    BenchRow {
        what: format!(
            "sign-in flood: a known browser beside {} foreign attempts from as many addresses, {}",
            thousands(ATTEMPTS as f64),
            kind.name()
        ),
        product: format!(
            "{:.2} s, {longest:.2} s at the most; {} foreign passwords checked, {} attempts refused, all in {:.1} s",
            of(|it| it.wait),
            of(|it| it.checked as f64),
            of(|it| it.refused as f64),
            of(|it| it.all),
        ),
        baseline: "–".to_owned(),
        ratio: "–".to_owned(),
        required: format!("≤ {GOAL:.0} s"),
        reached: Some(longest <= GOAL),
    }
}
