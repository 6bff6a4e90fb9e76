//! Bare publish and subscribe: one connection publishes at a fixed rate, one receives. The protocol is that of the load client.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io::{BufRead, stdin},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    runtime,
    time::sleep_until,
};

use crate::{
    BenchResult,
    load::{LoadPace, Round, RoundReport, print_line},
};

/// About as long as a cluster signal. It has no quotes, which Redis would remove.
const COMMAND: &[u8] = b"PUBLISH bus {node:12345678901234567890,type:head,seq:1234567890123456789}\r\n";
/// The lines of a received message: an array of three strings, each with its length.
const LINES_OF_ONE: usize = 7;

/// Reads the address of Redis from standard input and runs rounds.
pub fn run() -> BenchResult<()> {
    let mut lines = stdin().lock().lines();
    let address: String = serde_json::from_str(&lines.next().ok_or("no address")??)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut connections = runtime.block_on(PubSubConnections::connect(&address))?;
    print_line("ready")?;
    for round in lines {
        let report = runtime.block_on(connections.round(serde_json::from_str(&round?)?))?;
        print_line(&serde_json::to_string(&report)?)?;
    }
    Ok(())
}

struct PubSubConnections {
    publisher: TcpStream,
    subscriber: BufReader<TcpStream>,
}

impl PubSubConnections {
    async fn connect(address: &str) -> BenchResult<Self> {
        let (publisher, mut subscriber) = (TcpStream::connect(address).await?, TcpStream::connect(address).await?);
        publisher.set_nodelay(true)?;
        subscriber.write_all(b"SUBSCRIBE bus\r\n").await?;
        let mut subscriber = BufReader::new(subscriber);
        // The response: an array of two strings with their lengths, and a number.
        skip(&mut subscriber, 6).await?;
        Ok(Self { publisher, subscriber })
    }

    async fn round(&mut self, round: Round) -> BenchResult<RoundReport> {
        let LoadPace::PerSecond(a_second) = round.pace else { return Err("only at a fixed rate".into()) };
        let count = (a_second * round.seconds) as usize;
        // Messages arrive in the order of publishing.
        let (sent, mut times) = (RefCell::new(VecDeque::new()), Vec::with_capacity(count));
        let (mut responses, mut publisher) = self.publisher.split();
        let publishing = async {
            let (mut at, mut response) = (Instant::now(), [0; 64]);
            for _ in 0..count {
                sleep_until(at.into()).await;
                sent.borrow_mut().push_back(Instant::now());
                publisher.write_all(COMMAND).await?;
                let _ = responses.read(&mut response).await?;
                at += Duration::from_secs_f64(1.0 / a_second);
            }
            BenchResult::Ok(())
        };
        let subscriber = &mut self.subscriber;
        let receiving = async {
            for _ in 0..count {
                skip(subscriber, LINES_OF_ONE).await?;
                let sent = sent.borrow_mut().pop_front().ok_or("received before it was published")?;
                times.push(u32::try_from(sent.elapsed().as_micros())?);
            }
            BenchResult::Ok(())
        };
        tokio::try_join!(publishing, receiving)?;
        Ok(RoundReport::new(times, count as u64, round.seconds))
    }
}

async fn skip(stream: &mut BufReader<TcpStream>, lines: usize) -> BenchResult<()> {
    let mut line = Vec::new();
    for _ in 0..lines {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err("Redis closed the connection".into());
        }
    }
    Ok(())
}
