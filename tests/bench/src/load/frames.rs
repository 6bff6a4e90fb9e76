//! WebSocket frames without extensions and fragments.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    Text,
    Close,
    Ping,
    Pong,
}

/// A frame within a buffer.
pub struct FrameRange {
    pub kind: FrameKind,
    /// The masking key; frames of a server have none.
    pub mask: Option<[u8; 4]>,
    /// The range of the payload; its end is the end of the frame.
    pub payload: std::ops::Range<usize>,
}

/// Parses the first frame of the bytes. Returns `None` if it is incomplete.
pub fn parse_first(bytes: &[u8]) -> Option<FrameRange> {
    let (head, length) = (*bytes.first()?, *bytes.get(1)?);
    let (at, length) = match length & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let (at, mask) = if bytes[1] & 0x80 == 0 { (at, None) } else { (at + 4, Some(bytes.get(at..at + 4)?)) };
    let kind = match head & 0x0f {
        8 => FrameKind::Close,
        9 => FrameKind::Ping,
        10 => FrameKind::Pong,
        _ => FrameKind::Text,
    };
    let mask = mask.and_then(|it| it.try_into().ok());
    (bytes.len() >= at + length).then_some(FrameRange { kind, mask, payload: at..at + length })
}

/// A frame of a client. Its mask is zero, which is allowed and leaves the payload unchanged.
pub fn masked(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    frame(kind, payload, true)
}

/// A frame of a server.
pub fn unmasked(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    frame(kind, payload, false)
}

fn frame(kind: FrameKind, payload: &[u8], mask: bool) -> Vec<u8> {
    let opcode = match kind {
        FrameKind::Text => 1,
        FrameKind::Close => 8,
        FrameKind::Ping => 9,
        FrameKind::Pong => 10,
    };
    let bit = if mask { 0x80 } else { 0 };
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(0x80 | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length), _) if length < 126 => frame.push(bit | length),
        (_, Ok(length)) => {
            frame.push(bit | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(bit | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    if mask {
        frame.extend_from_slice(&[0; 4]);
    }
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_can_be_parsed_after_encoding() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            for bytes in [masked(FrameKind::Text, &payload), unmasked(FrameKind::Text, &payload)] {
                let frame = parse_first(&bytes).expect("it is whole");
                assert_eq!(
                    (frame.kind, frame.payload.end, &bytes[frame.payload]),
                    (FrameKind::Text, bytes.len(), &payload[..])
                );
                assert!(parse_first(&bytes[..bytes.len() - 1]).is_none(), "{length}");
            }
        }
    }
}
