//! Putting fragmented messages together, which the WebSocket library leaves to us.

use bytes::{Bytes, BytesMut};

use crate::{limits::MESSAGE_BYTES, outbox::Closing};

/// The fragments of a message under way.
#[derive(Debug, Default)]
pub(crate) struct Fragments(Option<BytesMut>);

impl Fragments {
    /// The first fragment.
    pub(crate) fn begin(&mut self, part: &Bytes) -> Result<(), Closing> {
        if self.0.is_some() {
            return Err(Closing::Protocol);
        }
        self.0 = Some(BytesMut::new());
        self.add(part)
    }

    /// A fragment between.
    pub(crate) fn add(&mut self, part: &Bytes) -> Result<(), Closing> {
        let message = self.0.as_mut().ok_or(Closing::Protocol)?;
        if message.len() + part.len() > MESSAGE_BYTES {
            return Err(Closing::Size);
        }
        message.extend_from_slice(part);
        Ok(())
    }

    /// The last fragment: the message.
    pub(crate) fn end(&mut self, part: &Bytes) -> Result<String, Closing> {
        self.add(part)?;
        let message = self.0.take().ok_or(Closing::Protocol)?;
        String::from_utf8(message.into()).map_err(|_| Closing::Invalid)
    }

    /// Whether a message is under way: no other may begin before its end.
    pub(crate) fn is_under_way(&self) -> bool {
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
    fn fragments_become_a_message_even_where_they_split_a_character() {
        let mut it = Fragments::default();
        let (first, last) = "ré".as_bytes().split_at(2);
        it.begin(&Bytes::copy_from_slice(first)).unwrap();
        assert_eq!(it.end(&Bytes::copy_from_slice(last)).unwrap(), "ré");
        assert!(!it.is_under_way());
    }

    #[test]
    fn the_order_is_kept() {
        let mut it = Fragments::default();
        assert_eq!(it.add(&part("a")), Err(Closing::Protocol));
        assert_eq!(it.end(&part("a")), Err(Closing::Protocol));
        it.begin(&part("a")).unwrap();
        assert_eq!(it.begin(&part("a")), Err(Closing::Protocol));
    }

    #[test]
    fn the_size_counts_together_and_the_text_is_utf_8() {
        let mut it = Fragments::default();
        it.begin(&Bytes::from(vec![b'x'; MESSAGE_BYTES])).unwrap();
        assert_eq!(it.add(&part("x")), Err(Closing::Size));
        let mut it = Fragments::default();
        it.begin(&Bytes::from_static(&[0xff])).unwrap();
        assert_eq!(it.end(&part("")), Err(Closing::Invalid));
    }
}
