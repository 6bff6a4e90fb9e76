//! Decodes the WebSocket frames of a client.

use std::io;

use actix_http::ws::{Codec, Frame, ProtocolError};
use actix_web::error::PayloadError;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio_util::codec::Decoder;

use crate::{limits::MAX_MESSAGE_BYTES, socket::send_queue::CloseCause};

/// Reads WebSocket frames from a stream of received bytes.
pub(crate) struct FrameReader<S> {
    received: S,
    codec: Codec,
    buffer: BytesMut,
}

impl<S: Stream<Item = Result<Bytes, PayloadError>> + Unpin> FrameReader<S> {
    pub(crate) fn new(received: S) -> Self {
        Self { received, codec: Codec::new().max_size(MAX_MESSAGE_BYTES), buffer: BytesMut::new() }
    }

    /// Returns the next frame, or the cause for which the socket has to be closed; `None` if the client has
    /// disconnected. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Result<Frame, CloseCause>> {
        loop {
            if !self.buffer.is_empty() {
                match self.codec.decode(&mut self.buffer) {
                    Ok(Some(frame)) => return Some(Ok(frame)),
                    Ok(None) => {}
                    Err(error) => return Some(Err(close_cause(&error))),
                }
            }
            if self.buffer.is_empty() {
                // The read buffer is released, so that an idle socket keeps no memory.
                self.buffer = BytesMut::new();
            }
            match self.received.next().await? {
                Ok(chunk) => self.buffer.extend_from_slice(&chunk),
                // `FrameSizeLimit` reports this in place of a frame that was too large.
                Err(PayloadError::Overflow) => return Some(Err(CloseCause::MessageTooLarge)),
                Err(error) => {
                    log::debug!("the client of a socket has disconnected: {error}");
                    return None;
                }
            }
        }
    }
}

/// Maps an error of the WebSocket codec to the cause for closing. The codec reports some kinds only in its text.
fn close_cause(error: &ProtocolError) -> CloseCause {
    match error {
        ProtocolError::Overflow => CloseCause::MessageTooLarge,
        ProtocolError::Io(error) if error.kind() == io::ErrorKind::InvalidData => CloseCause::ProtocolError,
        ProtocolError::Io(error) if error.to_string().contains("utf-8") => CloseCause::InvalidUtf8,
        _ => CloseCause::ProtocolError,
    }
}
