//! HTTP load: keep-alive connections, each of which sends the next request as soon as it has the response.

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

use super::{Round, RoundReport, webhook::WebhookLoad};
use crate::{BenchError, BenchResult};

#[derive(Serialize, Deserialize)]
pub struct HttpLoad {
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// The number of connections, and so of requests in flight.
    pub connections: usize,
    pub source: RequestSource,
    /// The expected status.
    pub status: u16,
}

/// The requests, which the connections take in turns.
#[derive(Serialize, Deserialize)]
pub enum RequestSource {
    /// These, repeated.
    Fixed(Vec<String>),
    /// Webhook bodies with new messages of guests.
    Guests(WebhookLoad),
}

impl RequestSource {
    fn nth(&self, n: usize) -> Cow<'_, str> {
        match self {
            Self::Fixed(requests) => Cow::Borrowed(&requests[n % requests.len()]),
            Self::Guests(webhook) => Cow::Owned(webhook.request(n)),
        }
    }
}

pub struct HttpClientPool {
    job: Rc<HttpLoad>,
    connections: RefCell<Vec<HttpConnection>>,
}

struct HttpConnection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// The index of the next request.
    next: usize,
}

impl HttpClientPool {
    pub async fn connect(job: HttpLoad) -> BenchResult<Self> {
        let mut connections = Vec::with_capacity(job.connections);
        for next in 0..job.connections {
            let stream = TcpStream::connect(&job.address).await?;
            stream.set_nodelay(true)?;
            connections.push(HttpConnection { stream, buffer: Vec::with_capacity(64 * 1024), next });
        }
        Ok(Self { job: Rc::new(job), connections: RefCell::new(connections) })
    }

    pub async fn round(&self, round: Round) -> BenchResult<RoundReport> {
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(round.seconds);
        let mut tasks = JoinSet::new();
        for mut connection in self.connections.take() {
            let job = self.job.clone();
            tasks.spawn_local(async move {
                let times = connection.send_until(&job, until).await?;
                Ok::<_, BenchError>((connection, times))
            });
        }
        let mut all = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            let (connection, times) = ended??;
            self.connections.borrow_mut().push(connection);
            all.extend(times);
        }
        Ok(RoundReport::new(all, 0, round.seconds))
    }
}

impl HttpConnection {
    async fn send_until(&mut self, job: &HttpLoad, until: Instant) -> BenchResult<Vec<u32>> {
        let mut times = Vec::new();
        loop {
            let request = job.source.nth(self.next);
            self.next += job.connections;
            let sent = Instant::now();
            if sent >= until {
                return Ok(times);
            }
            self.stream.write_all(request.as_bytes()).await?;
            let status = self.read_response().await?;
            if status != job.status {
                let text = String::from_utf8_lossy(&self.buffer).into_owned();
                return Err(format!("{status} instead of {}: {text}", job.status).into());
            }
            // A response after the end of the round does not count.
            if Instant::now() < until {
                times.push(u32::try_from(sent.elapsed().as_micros())?);
            }
        }
    }

    /// Reads a complete response. Returns its status.
    async fn read_response(&mut self) -> BenchResult<u16> {
        self.buffer.clear();
        let mut length = None;
        while length.is_none_or(|length| self.buffer.len() < length) {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if length.is_none()
                && let Some(head) = self.buffer.windows(4).position(|it| it == b"\r\n\r\n")
            {
                length = Some(head + 4 + content_length(&self.buffer[..head])?);
            }
        }
        status(&self.buffer).ok_or_else(|| "no HTTP".into())
    }
}

fn status(response: &[u8]) -> Option<u16> {
    std::str::from_utf8(response.get(9..12)?).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> BenchResult<usize> {
    let head = std::str::from_utf8(head)?;
    let length =
        head.lines().filter_map(|line| line.split_once(':')).find(|it| it.0.eq_ignore_ascii_case("content-length"));
    Ok(length.ok_or("a response without a length")?.1.trim().parse()?)
}
