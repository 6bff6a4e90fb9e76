//! Refuses frames that are too large by their heads. The WebSocket library waits for the whole of a
//! frame, in memory, before it refuses it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::error::PayloadError;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use crate::limits::MESSAGE_BYTES;

/// What a client sends, without the frames that are too large: in place of each comes an
/// [`PayloadError::Overflow`], and what follows it is understood again.
pub(crate) struct Intake<S> {
    sent: S,
    frames: Frames,
    refused: bool,
}

impl<S> Intake<S> {
    pub(crate) fn of(sent: S) -> Self {
        Self { sent, frames: Frames::default(), refused: false }
    }
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> Stream for Intake<S> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if std::mem::take(&mut self.refused) {
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
            match ready!(Pin::new(&mut self.sent).poll_next(cx)) {
                Some(Ok(chunk)) => {
                    let (passed, refused) = self.frames.pass(&chunk);
                    self.refused = refused;
                    if !passed.is_empty() {
                        return Poll::Ready(Some(Ok(passed)));
                    }
                }
                other => return Poll::Ready(other),
            }
        }
    }
}

/// Where in its frames a stream of bytes stands.
#[derive(Default)]
struct Frames {
    /// What came of a frame's head.
    head: Vec<u8>,
    /// What is still to come of its payload.
    left: u64,
    /// Whether the frame was refused.
    skipped: bool,
}

impl Frames {
    /// What may pass, and whether something was refused.
    fn pass(&mut self, mut bytes: &[u8]) -> (Bytes, bool) {
        let (mut passed, mut refused) = (BytesMut::with_capacity(bytes.len()), false);
        while let Some((first, rest)) = bytes.split_first() {
            if self.left == 0 {
                bytes = rest;
                self.head.push(*first);
                let Some(length) = length_of(&self.head) else { continue };
                self.left = length;
                self.skipped = length > MESSAGE_BYTES as u64;
                refused |= self.skipped;
                if !self.skipped {
                    passed.extend_from_slice(&self.head);
                }
                self.head.clear();
            } else {
                let here = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                let (part, rest) = bytes.split_at(here);
                bytes = rest;
                self.left -= here as u64;
                if !self.skipped {
                    passed.extend_from_slice(part);
                }
            }
        }
        (passed.freeze(), refused)
    }
}

/// The length of a frame's payload, once its head is complete (RFC 6455, 5.2).
fn length_of(head: &[u8]) -> Option<u64> {
    let second = *head.get(1)?;
    let (extended, masked) = (head.get(2..)?, second & 0x80 != 0);
    let (length, bytes) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(extended.get(..2)?.try_into().ok()?)), 2),
        127 => (u64::from_be_bytes(extended.get(..8)?.try_into().ok()?), 8),
        short => (u64::from(short), 0),
    };
    let whole = if masked { bytes + 4 } else { bytes };
    (extended.len() >= whole).then_some(length)
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

    fn passed(bytes: &[u8], at_once: usize) -> (Vec<u8>, usize) {
        let (mut frames, mut all, mut refusals) = (Frames::default(), Vec::new(), 0);
        for chunk in bytes.chunks(at_once) {
            let (passed, refused) = frames.pass(chunk);
            all.extend_from_slice(&passed);
            refusals += usize::from(refused);
        }
        (all, refusals)
    }

    #[test]
    fn what_is_small_enough_passes_however_it_is_cut() {
        let lengths = [0, 1, 125, 126, 1000, 65_535, MESSAGE_BYTES];
        let bytes: Vec<u8> = lengths.iter().flat_map(|length| frame(*length, *length as u64)).collect();
        for at_once in [1, 3, 1000, bytes.len()] {
            assert_eq!(passed(&bytes, at_once), (bytes.clone(), 0), "{at_once} at once");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_by_its_head_and_skipped() {
        let (small, large) = (frame(5, 5), frame(MESSAGE_BYTES + 1, MESSAGE_BYTES as u64 + 1));
        let bytes = [&small[..], &large, &small].concat();
        let left = [&small[..], &small].concat();
        for at_once in [1, 3, 1000, bytes.len()] {
            assert_eq!(passed(&bytes, at_once), (left.clone(), 1), "{at_once} at once");
        }
        for claimed in [MESSAGE_BYTES as u64 + 1, 1 << 40, u64::MAX] {
            assert_eq!(passed(&frame(0, claimed), 100), (vec![], 1), "{claimed}");
        }
    }
}
