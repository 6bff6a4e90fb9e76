//! Asking over HTTP: connections that are kept alive, each asking again as soon as it is answered.

use std::{
    borrow::Cow,
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use super::{Report, Round, webhook::Webhook};
use crate::{Failure, Outcome};

/// Which requests to send, over how many connections.
#[derive(Serialize, Deserialize)]
pub struct Requests {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// How many connections, and so requests under way.
    pub connections: usize,
    /// What they ask.
    pub asks: Asks,
    /// The status that is right.
    pub status: u16,
}

/// Which requests are sent; the connections take them in turns.
#[derive(Serialize, Deserialize)]
pub enum Asks {
    /// These, again and again.
    These(Vec<String>),
    /// What guests write, each time something new.
    Guests(Webhook),
}

impl Asks {
    fn nth(&self, n: usize) -> Cow<'_, str> {
        match self {
            Self::These(requests) => Cow::Borrowed(&requests[n % requests.len()]),
            Self::Guests(webhook) => Cow::Owned(webhook.request(n)),
        }
    }
}

pub struct Client {
    job: Rc<Requests>,
    connections: RefCell<Vec<Connection>>,
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Which request is next.
    next: usize,
}

impl Client {
    pub async fn connect(job: Requests) -> Outcome<Self> {
        let mut connections = Vec::with_capacity(job.connections);
        for next in 0..job.connections {
            let stream = TcpStream::connect(&job.address).await?;
            stream.set_nodelay(true)?;
            connections.push(Connection { stream, buffer: Vec::with_capacity(64 * 1024), next });
        }
        Ok(Self { job: Rc::new(job), connections: RefCell::new(connections) })
    }

    pub async fn round(&self, round: Round) -> Outcome<Report> {
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(round.seconds);
        let mut tasks = JoinSet::new();
        for mut connection in self.connections.take() {
            let job = self.job.clone();
            tasks.spawn_local(async move {
                let times = connection.ask_until(&job, until).await?;
                Ok::<_, Failure>((connection, times))
            });
        }
        let mut all = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            let (connection, times) = ended??;
            self.connections.borrow_mut().push(connection);
            all.extend(times);
        }
        Ok(Report::of(all, 0, round.seconds))
    }
}

impl Connection {
    async fn ask_until(&mut self, job: &Requests, until: Instant) -> Outcome<Vec<u32>> {
        let mut times = Vec::new();
        loop {
            let request = job.asks.nth(self.next);
            self.next += job.connections;
            let sent = Instant::now();
            if sent >= until {
                return Ok(times);
            }
            self.stream.write_all(request.as_bytes()).await?;
            let status = self.answer().await?;
            if status != job.status {
                let told = String::from_utf8_lossy(&self.buffer).into_owned();
                return Err(format!("{status} instead of {}: {told}", job.status).into());
            }
            // What is over after the end does not count.
            if Instant::now() < until {
                times.push(u32::try_from(sent.elapsed().as_micros())?);
            }
        }
    }

    /// Reads an answer whole; its status.
    async fn answer(&mut self) -> Outcome<u16> {
        self.buffer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| self.buffer.len() < whole) {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if whole.is_none()
                && let Some(head) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n")
            {
                whole = Some(head + 4 + content_length(&self.buffer[..head])?);
            }
        }
        status(&self.buffer).ok_or_else(|| "no HTTP".into())
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> Outcome<usize> {
    let head = std::str::from_utf8(head)?;
    let length =
        head.lines().filter_map(|line| line.split_once(':')).find(|it| it.0.eq_ignore_ascii_case("content-length"));
    Ok(length.ok_or("an answer without a length")?.1.trim().parse()?)
}
