//! Joins the fragments of a WebSocket message. actix-web-actors passes fragments on as they are.

use bytes::{Bytes, BytesMut};

use crate::{limits::MAX_MESSAGE_BYTES, socket::send_queue::CloseCause};

/// The fragments of a WebSocket message received so far; `None` if no fragmented message has begun.
#[derive(Debug, Default)]
pub(crate) struct Fragments(Option<BytesMut>);

impl Fragments {
    /// Adds the first fragment of a message.
    pub(crate) fn begin(&mut self, part: &Bytes) -> Result<(), CloseCause> {
        if self.0.is_some() {
            return Err(CloseCause::ProtocolError);
        }
        self.0 = Some(BytesMut::new());
        self.append(part)
    }

    /// Adds a fragment that is neither the first nor the last of its message.
    pub(crate) fn append(&mut self, part: &Bytes) -> Result<(), CloseCause> {
        let message = self.0.as_mut().ok_or(CloseCause::ProtocolError)?;
        if message.len() + part.len() > MAX_MESSAGE_BYTES {
            return Err(CloseCause::MessageTooLarge);
        }
        message.extend_from_slice(part);
        Ok(())
    }

    /// Adds the last fragment of a message. Returns the whole message.
    pub(crate) fn finish(&mut self, part: &Bytes) -> Result<String, CloseCause> {
        self.append(part)?;
        let message = self.0.take().ok_or(CloseCause::ProtocolError)?;
        String::from_utf8(message.into()).map_err(|_| CloseCause::InvalidUtf8)
    }

    /// Returns `true` between the first and the last fragment of a message, when no other message may begin.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn fragments_may_split_a_character() {
        let mut fragments = Fragments::default();
        let (first, last) = "ré".as_bytes().split_at(2);
        fragments.begin(&Bytes::copy_from_slice(first)).unwrap();
        assert_eq!(fragments.finish(&Bytes::copy_from_slice(last)).unwrap(), "ré");
        assert!(!fragments.has_begun());
    }

    #[test]
    fn fragments_out_of_order_are_a_protocol_error() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.append(&part("a")), Err(CloseCause::ProtocolError));
        assert_eq!(fragments.finish(&part("a")), Err(CloseCause::ProtocolError));
        fragments.begin(&part("a")).unwrap();
        assert_eq!(fragments.begin(&part("a")), Err(CloseCause::ProtocolError));
    }

    #[test]
    fn size_and_encoding_are_checked_over_all_fragments() {
        let mut large = Fragments::default();
        large.begin(&Bytes::from(vec![b'x'; MAX_MESSAGE_BYTES])).unwrap();
        assert_eq!(large.append(&part("x")), Err(CloseCause::MessageTooLarge));
        let mut not_text = Fragments::default();
        not_text.begin(&Bytes::from_static(&[0xff])).unwrap();
        assert_eq!(not_text.finish(&part("")), Err(CloseCause::InvalidUtf8));
    }
}
