//! Publish and subscribe alone: one connection that publishes at a pace, one that hears it. It is steered as
//! the load client is.

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
    Outcome,
    load::{Pace, Report, Round, say},
};

/// Some sixty letters, as what the product tells its other nodes; without quotes, which Redis would take off.
const COMMAND: &[u8] = b"PUBLISH bus {node:12345678901234567890,type:head,seq:1234567890123456789}\r\n";
/// What comes of a message: an array, and the length and the text of three words.
const LINES_OF_ONE: usize = 7;

/// Runs it; reads Redis' address from standard input.
///
/// # Errors
/// Those of the connections.
pub fn run() -> Outcome<()> {
    let mut lines = stdin().lock().lines();
    let address: String = serde_json::from_str(&lines.next().ok_or("no address")??)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut line = runtime.block_on(Line::connect(&address))?;
    say("ready")?;
    for round in lines {
        let report = runtime.block_on(line.round(serde_json::from_str(&round?)?))?;
        say(&serde_json::to_string(&report)?)?;
    }
    Ok(())
}

struct Line {
    publishes: TcpStream,
    hears: BufReader<TcpStream>,
}

impl Line {
    async fn connect(address: &str) -> Outcome<Self> {
        let (publishes, mut hears) = (TcpStream::connect(address).await?, TcpStream::connect(address).await?);
        publishes.set_nodelay(true)?;
        hears.write_all(b"SUBSCRIBE bus\r\n").await?;
        let mut hears = BufReader::new(hears);
        // The answer: an array, two words with their lengths, and a number.
        skip(&mut hears, 6).await?;
        Ok(Self { publishes, hears })
    }

    async fn round(&mut self, round: Round) -> Outcome<Report> {
        let Pace::Every(a_second) = round.pace else { return Err("only at a pace".into()) };
        let count = (a_second * round.seconds) as usize;
        // They come in the order in which they were published.
        let (sent, mut times) = (RefCell::new(VecDeque::new()), Vec::with_capacity(count));
        let (mut answers, mut publishes) = self.publishes.split();
        let publishing = async {
            let (mut at, mut answer) = (Instant::now(), [0; 64]);
            for _ in 0..count {
                sleep_until(at.into()).await;
                sent.borrow_mut().push_back(Instant::now());
                publishes.write_all(COMMAND).await?;
                let _ = answers.read(&mut answer).await?;
                at += Duration::from_secs_f64(1.0 / a_second);
            }
            Outcome::Ok(())
        };
        let hears = &mut self.hears;
        let hearing = async {
            for _ in 0..count {
                skip(hears, LINES_OF_ONE).await?;
                let sent = sent.borrow_mut().pop_front().ok_or("heard before it was published")?;
                times.push(u32::try_from(sent.elapsed().as_micros())?);
            }
            Outcome::Ok(())
        };
        tokio::try_join!(publishing, hearing)?;
        Ok(Report::of(times, count as u64, round.seconds))
    }
}

async fn skip(stream: &mut BufReader<TcpStream>, lines: usize) -> Outcome<()> {
    let mut line = Vec::new();
    for _ in 0..lines {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Err("Redis closed the connection".into());
        }
    }
    Ok(())
}
