//! Reading a request body: whole or not at all, in bounded time, and in bounded memory.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpMessage, HttpRequest, error::PayloadError, http::header::CONTENT_LENGTH};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::{
    app_of,
    body_memory::{BodyMemory, Reservation},
};
use crate::problem::Problem;

/// How long the next part of a body may take to come.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a body may take in all: this, and a second for each so many bytes.
const BASE_TIME: Duration = Duration::from_secs(30);
const BYTES_PER_SECOND: usize = 64 * 1024;
/// So many bytes of a body that is not wanted are read all the same: a client that is still
/// writing would otherwise see its connection cut, and no answer.
const DRAINED: usize = 8 * 1024 * 1024;
/// The memory for a body grows by this factor, which bounds what its growth copies and holds twice.
const GROWTH: usize = 8;
const FIRST_CAPACITY: usize = 16 * 1024;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It has more bytes than may be sent here.
    TooLarge {
        /// How many may.
        most: usize,
    },
    /// It ended early, or its encoding is broken.
    Incomplete,
    /// It came too slowly.
    TimedOut,
    /// Other bodies fill the memory that is there for all of them.
    NoMemory,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { most } => Self::too_large(most),
            BodyError::Incomplete => Self::incomplete_body(),
            BodyError::TimedOut => Self::request_timeout(),
            BodyError::NoMemory => Self::no_body_memory(),
        }
    }
}

/// Reads a body of at most so many bytes. Its memory stays reserved until the last slice of it is dropped.
///
/// # Errors
/// A [`BodyError`].
pub async fn read_body(
    request: &HttpRequest,
    body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    most: usize,
) -> Result<Bytes, BodyError> {
    let Ok(app) = app_of(request) else { return Err(BodyError::NoMemory) };
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let read = read(body, declared, most, SILENCE, &app.body_memory).await;
    if read == Err(BodyError::TimedOut) {
        transport::read_no_more(request);
    }
    read
}

/// Refuses a request without reading its body.
pub fn leave_unread(request: &HttpRequest) {
    // The HTTP library reads the rest of a chunked body before it closes, for as long as that takes.
    if request.chunked().unwrap_or(true) {
        transport::read_no_more(request);
    }
}

async fn read(
    mut body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    declared: Option<usize>,
    most: usize,
    silence: Duration,
    memory: &Arc<BodyMemory>,
) -> Result<Bytes, BodyError> {
    let begun = Instant::now();
    let expected = declared.unwrap_or(0).min(most);
    let mut kept = Ok(Kept::new(memory.reserve(), declared.unwrap_or(most).min(most)));
    let mut size = 0_usize;
    loop {
        let due = begun + time_allowed(size.max(expected));
        let next = timeout_at(due.min(Instant::now() + silence), body.next()).await;
        let chunk = match next {
            // Who is refused anyway is told why.
            Err(_) => return kept.and(Err(BodyError::TimedOut)),
            Ok(None) => return kept.map(Kept::into_bytes),
            Ok(Some(Err(_))) => return Err(BodyError::Incomplete),
            Ok(Some(Ok(chunk))) => chunk,
        };
        size = size.saturating_add(chunk.len());
        if let Ok(so_far) = &mut kept {
            let refused = if size > most { Err(BodyError::TooLarge { most }) } else { so_far.push(&chunk) };
            if let Err(error) = refused {
                kept = Err(error);
            }
        }
        if kept.is_err() && size > DRAINED.max(most) {
            return kept.map(Kept::into_bytes);
        }
    }
}

/// How long a body of so many bytes may take.
fn time_allowed(size: usize) -> Duration {
    BASE_TIME + Duration::from_secs((size / BYTES_PER_SECOND) as u64)
}

/// What has come of a body so far.
struct Kept {
    bytes: Vec<u8>,
    reservation: Reservation,
    /// How many bytes it will have at most.
    bound: usize,
}

impl Kept {
    fn new(reservation: Reservation, bound: usize) -> Self {
        Self { bytes: Vec::new(), reservation, bound }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        let needed = self.bytes.len() + chunk.len();
        // What is allocated and not written to takes no memory yet: only what has come is counted.
        if !self.reservation.grow_to(needed) {
            return Err(BodyError::NoMemory);
        }
        if needed > self.bytes.capacity() {
            let capacity = (self.bytes.capacity() * GROWTH).clamp(FIRST_CAPACITY, self.bound.max(FIRST_CAPACITY));
            let more = capacity.max(needed) - self.bytes.len();
            self.bytes.try_reserve_exact(more).map_err(|_| BodyError::NoMemory)?;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn into_bytes(self) -> Bytes {
        if self.bytes.is_empty() { Bytes::new() } else { Bytes::from_owner(self) }
    }
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const MIB: usize = 1024 * 1024;

    type Chunk = Result<Bytes, PayloadError>;

    fn chunk(size: usize) -> Chunk {
        Ok(Bytes::from(vec![b'x'; size]))
    }

    fn coming(chunks: Vec<Chunk>) -> impl Stream<Item = Chunk> + Unpin {
        stream::iter(chunks)
    }

    #[actix_web::test]
    async fn a_body_is_whole_or_refused() {
        let memory = BodyMemory::new(64 * MIB);
        let whole = read(coming(vec![chunk(3), chunk(4)]), Some(7), 10, SILENCE, &memory).await.unwrap();
        assert_eq!((whole.len(), memory.used()), (7, 16 * 1024));
        let part = whole.slice(1..3);
        drop(whole);
        assert_eq!(memory.used(), 16 * 1024, "a slice keeps the memory");
        drop(part);
        assert_eq!(memory.used(), 0);
        let broken = || Err(PayloadError::Incomplete(None));
        for (chunks, error) in [
            (vec![chunk(3), broken()], BodyError::Incomplete),
            (vec![broken()], BodyError::Incomplete),
            (vec![chunk(11)], BodyError::TooLarge { most: 10 }),
            (vec![chunk(11), broken()], BodyError::Incomplete),
        ] {
            assert_eq!(read(coming(chunks), None, 10, SILENCE, &memory).await, Err(error));
        }
        assert_eq!(read(coming(vec![]), Some(0), 10, SILENCE, &memory).await.unwrap(), Bytes::new());
        assert_eq!(memory.used(), 0);
    }

    #[actix_web::test]
    async fn bodies_share_a_bounded_memory() {
        let memory = BodyMemory::new(3 * MIB);
        let send = |size: usize| {
            let chunks = (0..2 * size).map(|_| chunk(MIB / 2)).collect();
            read(coming(chunks), Some(size * MIB), 16 * MIB, SILENCE, &memory)
        };
        let first = send(2).await.unwrap();
        assert_eq!(send(2).await, Err(BodyError::NoMemory));
        assert_eq!(send(1).await.unwrap().len(), MIB);
        drop(first);
        assert_eq!(send(2).await.unwrap().len(), 2 * MIB);
        assert_eq!(memory.used(), 0);
    }

    #[actix_web::test]
    async fn a_body_does_not_come_for_ever() {
        let memory = BodyMemory::new(64 * MIB);
        let silence = Duration::from_millis(20);
        for begun in [vec![], vec![chunk(3)]] {
            let stalled = coming(begun).chain(stream::pending());
            assert_eq!(read(stalled, Some(5), 10, silence, &memory).await, Err(BodyError::TimedOut));
        }
        let refused = coming(vec![chunk(11)]).chain(stream::pending());
        assert_eq!(read(refused, Some(50), 10, silence, &memory).await, Err(BodyError::TooLarge { most: 10 }));
        assert_eq!(memory.used(), 0);
        assert_eq!(time_allowed(1), Duration::from_secs(30));
        assert_eq!(time_allowed(16 * MIB), Duration::from_secs(30 + 256));
    }
}
