//! Rejects frames over 64 KiB by their header. The WebSocket codec would buffer the whole frame before its own size
//! check.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::error::PayloadError;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use crate::limits::MAX_MESSAGE_BYTES;

/// A stream of received bytes without the frames that are too large. Each of these is replaced by
/// [`PayloadError::Overflow`]; the frames after it pass as usual.
pub(crate) struct FrameSizeLimit<S> {
    received: S,
    scanner: FrameScanner,
    has_rejected: bool,
}

impl<S> FrameSizeLimit<S> {
    pub(crate) fn new(received: S) -> Self {
        Self { received, scanner: FrameScanner::default(), has_rejected: false }
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for FrameSizeLimit<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if std::mem::take(&mut self.has_rejected) {
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
            match ready!(Pin::new(&mut self.received).poll_next(cx)) {
                Some(Ok(chunk)) => {
                    let (passed, has_rejected) = self.scanner.scan(&chunk);
                    self.has_rejected = has_rejected;
                    if !passed.is_empty() {
                        return Poll::Ready(Some(Ok(passed)));
                    }
                }
                other => return Poll::Ready(other),
            }
        }
    }
}

/// Scanner that follows the frame headers in a byte stream, to reject frames that are too large.
#[derive(Default)]
struct FrameScanner {
    /// The received bytes of an incomplete frame header.
    header: Vec<u8>,
    /// Payload bytes of the current frame that are still to come.
    payload_left: u64,
    is_skipping: bool,
}

impl FrameScanner {
    /// Scans received bytes for frame headers. Returns the bytes that may pass, and whether a frame was rejected.
    fn scan(&mut self, mut bytes: &[u8]) -> (Bytes, bool) {
        let mut passed = BytesMut::with_capacity(bytes.len());
        let mut has_rejected = false;
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload_left == 0 {
                bytes = rest;
                self.header.push(*first);
                let Some(length) = payload_length(&self.header) else { continue };
                self.payload_left = length;
                self.is_skipping = length > MAX_MESSAGE_BYTES as u64;
                has_rejected |= self.is_skipping;
                if !self.is_skipping {
                    passed.extend_from_slice(&self.header);
                }
                self.header.clear();
            } else {
                let available = usize::try_from(self.payload_left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let (part, rest) = bytes.split_at(available);
                bytes = rest;
                self.payload_left -= available as u64;
                if !self.is_skipping {
                    passed.extend_from_slice(part);
                }
            }
        }
        (passed.freeze(), has_rejected)
    }
}

/// Returns the payload length of a frame once its header is complete (RFC 6455, 5.2).
fn payload_length(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let extended = header.get(2..)?;
    let is_masked = second & 0x80 != 0;
    let (length, length_bytes) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(extended.get(..2)?.try_into().ok()?)), 2),
        127 => (u64::from_be_bytes(extended.get(..8)?.try_into().ok()?), 8),
        short => (u64::from(short), 0),
    };
    let needed = if is_masked { length_bytes + 4 } else { length_bytes };
    (extended.len() >= needed).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize, claimed: u64) -> Vec<u8> {
        let mut frame = vec![0x81];
        match claimed {
            0..126 => frame.push(0x80 | claimed as u8),
            126..0x1_0000 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(claimed as u16).to_be_bytes());
            }
            _ => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&claimed.to_be_bytes());
            }
        }
        frame.extend_from_slice(b"mask");
        frame.resize(frame.len() + length, b'x');
        frame
    }

    /// Scans received bytes in chunks of `chunk_size`. Returns the passed bytes and the number of rejected frames.
    fn scan(bytes: &[u8], chunk_size: usize) -> (Vec<u8>, usize) {
        let (mut scanner, mut passed, mut rejections) = (FrameScanner::default(), Vec::new(), 0);
        for chunk in bytes.chunks(chunk_size) {
            let (part, has_rejected) = scanner.scan(chunk);
            passed.extend_from_slice(&part);
            rejections += usize::from(has_rejected);
        }
        (passed, rejections)
    }

    #[test]
    fn small_frames_pass_in_chunks_of_any_size() {
        let lengths = [0, 1, 125, 126, 1000, 65_535, MAX_MESSAGE_BYTES];
        let bytes: Vec<u8> = lengths.iter().flat_map(|length| frame(*length, *length as u64)).collect();
        for chunk_size in [1, 3, 1000, bytes.len()] {
            assert_eq!(scan(&bytes, chunk_size), (bytes.clone(), 0), "chunks of {chunk_size}");
        }
    }

    #[test]
    fn a_frame_that_is_too_large_is_skipped() {
        let (small, large) = (frame(5, 5), frame(MAX_MESSAGE_BYTES + 1, MAX_MESSAGE_BYTES as u64 + 1));
        let bytes = [&small[..], &large, &small].concat();
        let passed = [&small[..], &small].concat();
        for chunk_size in [1, 3, 1000, bytes.len()] {
            assert_eq!(scan(&bytes, chunk_size), (passed.clone(), 1), "chunks of {chunk_size}");
        }
        for claimed in [MAX_MESSAGE_BYTES as u64 + 1, 1 << 40, u64::MAX] {
            assert_eq!(scan(&frame(0, claimed), 100), (vec![], 1), "{claimed}");
        }
    }
}
