//! Reader of request bodies: completely or not at all, with read timeouts and a memory limit.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpMessage, HttpRequest, error::PayloadError, http::header::CONTENT_LENGTH};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::{
    app_state::app_of,
    problem::Problem,
    request::body_memory::{BodyMemory, BodyReservation},
};

/// The longest pause between two received parts of a request body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the client may take to send a whole request body, plus one second for every [`MIN_BYTES_PER_SECOND`] bytes.
const BASE_TIMEOUT: Duration = Duration::from_secs(30);
const MIN_BYTES_PER_SECOND: usize = 64 * 1024;
/// How much of a refused request body is read and discarded. Otherwise a client that is still writing would see its
/// connection closed, and no response.
const MAX_DRAINED_BYTES: usize = 8 * 1024 * 1024;
/// The buffer of a request body grows by this factor, which limits how much is copied and how much is held twice.
const GROWTH_FACTOR: usize = 8;
const FIRST_CAPACITY: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadBodyError {
    TooLarge {
        max_bytes: usize,
    },
    /// The request body ended early, or its transfer encoding is broken.
    Incomplete,
    TimedOut,
    /// The memory for request bodies is occupied by other bodies.
    NoMemory,
}

impl From<ReadBodyError> for Problem {
    fn from(error: ReadBodyError) -> Self {
        match error {
            ReadBodyError::TooLarge { max_bytes } => Self::too_large(max_bytes),
            ReadBodyError::Incomplete => Self::incomplete_body(),
            ReadBodyError::TimedOut => Self::request_timeout(),
            ReadBodyError::NoMemory => Self::body_memory_full(),
        }
    }
}

/// Reads a request body. Its memory stays reserved until the last slice of the body is dropped.
pub async fn read_body(
    request: &HttpRequest,
    body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    max_bytes: usize,
) -> Result<Bytes, ReadBodyError> {
    let Some(app) = app_of(request) else { return Err(ReadBodyError::NoMemory) };
    let content_length = request.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let result = read(body, content_length, max_bytes, READ_TIMEOUT, &app.body_memory).await;
    if result == Err(ReadBodyError::TimedOut) {
        transport::stop_reading(request);
    }
    result
}

/// Leaves the body of a refused request unread: a chunked body stops the reading from the connection.
pub fn leave_unread(request: &HttpRequest) {
    // Before it closes the connection, the HTTP library would read the rest of a chunked body, without a timeout.
    if request.chunked().unwrap_or(true) {
        transport::stop_reading(request);
    }
}

async fn read(
    mut body: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    content_length: Option<usize>,
    max_bytes: usize,
    read_timeout: Duration,
    memory: &Arc<BodyMemory>,
) -> Result<Bytes, ReadBodyError> {
    let started_at = Instant::now();
    let expected_bytes = content_length.unwrap_or(0).min(max_bytes);
    let mut buffer = Ok(BodyBuffer::new(memory.reserve(), content_length.unwrap_or(max_bytes).min(max_bytes)));
    let mut received_bytes = 0_usize;
    loop {
        let deadline = started_at + total_timeout(received_bytes.max(expected_bytes));
        let next = timeout_at(deadline.min(Instant::now() + read_timeout), body.next()).await;
        let chunk = match next {
            // If the body was already refused for another reason, that reason is returned instead of the timeout.
            Err(_) => return buffer.and(Err(ReadBodyError::TimedOut)),
            Ok(None) => return buffer.map(BodyBuffer::into_bytes),
            Ok(Some(Err(_))) => return Err(ReadBodyError::Incomplete),
            Ok(Some(Ok(chunk))) => chunk,
        };
        received_bytes = received_bytes.saturating_add(chunk.len());
        if let Ok(open_buffer) = &mut buffer {
            let pushed = if received_bytes > max_bytes {
                Err(ReadBodyError::TooLarge { max_bytes })
            } else {
                open_buffer.push(&chunk)
            };
            if let Err(error) = pushed {
                buffer = Err(error);
            }
        }
        if buffer.is_err() && received_bytes > MAX_DRAINED_BYTES.max(max_bytes) {
            return buffer.map(BodyBuffer::into_bytes);
        }
    }
}

/// How long the client may take to send a request body of this size.
fn total_timeout(body_bytes: usize) -> Duration {
    BASE_TIMEOUT + Duration::from_secs((body_bytes / MIN_BYTES_PER_SECOND) as u64)
}

/// The received part of a request body, with the memory reserved for it.
struct BodyBuffer {
    bytes: Vec<u8>,
    reservation: BodyReservation,
    /// The largest size that the request body can have: the smaller of `Content-Length` and the size limit.
    max_bytes: usize,
}

impl BodyBuffer {
    fn new(reservation: BodyReservation, max_bytes: usize) -> Self {
        Self { bytes: Vec::new(), reservation, max_bytes }
    }

    fn push(&mut self, chunk: &[u8]) -> Result<(), ReadBodyError> {
        let needed = self.bytes.len() + chunk.len();
        // Only received bytes are reserved: allocated memory that has not been written to is not yet resident.
        if !self.reservation.try_grow_to(needed) {
            return Err(ReadBodyError::NoMemory);
        }
        if needed > self.bytes.capacity() {
            let max_capacity = self.max_bytes.max(FIRST_CAPACITY);
            let capacity = (self.bytes.capacity() * GROWTH_FACTOR).clamp(FIRST_CAPACITY, max_capacity);
            let additional = capacity.max(needed) - self.bytes.len();
            self.bytes.try_reserve_exact(additional).map_err(|_| ReadBodyError::NoMemory)?;
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn into_bytes(self) -> Bytes {
        if self.bytes.is_empty() { Bytes::new() } else { Bytes::from_owner(self) }
    }
}

impl AsRef<[u8]> for BodyBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const MIB: usize = 1024 * 1024;

    type BodyChunk = Result<Bytes, PayloadError>;

    fn chunk(size: usize) -> BodyChunk {
        Ok(Bytes::from(vec![b'x'; size]))
    }

    fn stream_of(chunks: Vec<BodyChunk>) -> impl Stream<Item = BodyChunk> + Unpin {
        stream::iter(chunks)
    }

    #[actix_web::test]
    async fn a_body_is_read_completely_or_refused() {
        let memory = BodyMemory::new(64 * MIB);
        let whole = read(stream_of(vec![chunk(3), chunk(4)]), Some(7), 10, READ_TIMEOUT, &memory).await.unwrap();
        assert_eq!((whole.len(), memory.used_bytes()), (7, 16 * 1024));
        let part = whole.slice(1..3);
        drop(whole);
        assert_eq!(memory.used_bytes(), 16 * 1024, "a slice keeps the memory");
        drop(part);
        assert_eq!(memory.used_bytes(), 0);
        let broken = || Err(PayloadError::Incomplete(None));
        for (chunks, error) in [
            (vec![chunk(3), broken()], ReadBodyError::Incomplete),
            (vec![broken()], ReadBodyError::Incomplete),
            (vec![chunk(11)], ReadBodyError::TooLarge { max_bytes: 10 }),
            (vec![chunk(11), broken()], ReadBodyError::Incomplete),
        ] {
            assert_eq!(read(stream_of(chunks), None, 10, READ_TIMEOUT, &memory).await, Err(error));
        }
        assert_eq!(read(stream_of(vec![]), Some(0), 10, READ_TIMEOUT, &memory).await.unwrap(), Bytes::new());
        assert_eq!(memory.used_bytes(), 0);
    }

    #[actix_web::test]
    async fn bodies_share_the_memory_limit() {
        let memory = BodyMemory::new(3 * MIB);
        let send = |size: usize| {
            let chunks = (0..2 * size).map(|_| chunk(MIB / 2)).collect();
            read(stream_of(chunks), Some(size * MIB), 16 * MIB, READ_TIMEOUT, &memory)
        };
        let first = send(2).await.unwrap();
        assert_eq!(send(2).await, Err(ReadBodyError::NoMemory));
        assert_eq!(send(1).await.unwrap().len(), MIB);
        drop(first);
        assert_eq!(send(2).await.unwrap().len(), 2 * MIB);
        assert_eq!(memory.used_bytes(), 0);
    }

    #[actix_web::test]
    async fn a_stalled_body_times_out() {
        let memory = BodyMemory::new(64 * MIB);
        let read_timeout = Duration::from_millis(20);
        for received in [vec![], vec![chunk(3)]] {
            let stalled = stream_of(received).chain(stream::pending());
            assert_eq!(read(stalled, Some(5), 10, read_timeout, &memory).await, Err(ReadBodyError::TimedOut));
        }
        let refused = stream_of(vec![chunk(11)]).chain(stream::pending());
        assert_eq!(
            read(refused, Some(50), 10, read_timeout, &memory).await,
            Err(ReadBodyError::TooLarge { max_bytes: 10 })
        );
        assert_eq!(memory.used_bytes(), 0);
        assert_eq!(total_timeout(1), Duration::from_secs(30));
        assert_eq!(total_timeout(16 * MIB), Duration::from_secs(30 + 256));
    }
}
