//! What the servers on one database tell each other about a hotel. Ids only: whoever hears it reads the
//! rest, so nothing of what people wrote, nor a name, goes by the bus.

use serde::{Deserialize, Serialize};

/// A word from one server to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromNode {
    /// Which server: a number it made when it started.
    pub node: u64,
    /// What it says.
    pub signal: Signal,
}

/// What one server tells the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The hotel's log goes up to here.
    Head {
        /// The last place in it.
        seq: i64,
        /// Whether something since may concern sockets that follow nothing.
        for_all: bool,
    },
    /// Somebody begins to type, or stops.
    Typing {
        /// Where.
        conversation: i64,
        /// Who.
        staff: i64,
        /// Whether they type.
        typing: bool,
    },
    /// Somebody has read.
    Read {
        /// Where.
        conversation: i64,
        /// Who.
        staff: i64,
        /// Up to which message.
        message: i64,
    },
}

impl FromNode {
    /// As it goes by the bus.
    pub fn text(&self) -> String {
        crate::json(self)
    }

    /// Reads it; `None` for what no server of this version says.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_heard() {
        let signals = [
            Signal::Head { seq: 7, for_all: true },
            Signal::Typing { conversation: 1, staff: 2, typing: true },
            Signal::Read { conversation: 1, staff: 2, message: i64::MAX },
        ];
        for signal in signals {
            let told = FromNode { node: u64::MAX, signal };
            assert_eq!(FromNode::read(&told.text()), Some(told));
        }
        assert_eq!(
            FromNode { node: 1, signal: signals[0] }.text(),
            r#"{"node":1,"signal":{"head":{"seq":7,"for_all":true}}}"#
        );
    }

    #[test]
    fn what_is_not_understood_is_none() {
        for text in [
            "",
            "7",
            "{}",
            r#"{"node":1,"signal":{"dance":{}}}"#,
            r#"{"node":-1,"signal":{"head":{"seq":1,"for_all":true}}}"#,
        ] {
            assert_eq!(FromNode::read(text), None, "{text}");
        }
    }
}
