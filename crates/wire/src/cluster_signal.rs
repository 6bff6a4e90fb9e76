//! Cluster signals: the messages between nodes on the cluster bus.
//!
//! Signals carry ids and sequence numbers only. The receiving node loads the rest from the database, so no text and no
//! name of a person passes the bus.

use serde::{Deserialize, Serialize};

/// A cluster signal with the node that sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalFromNode {
    /// Random number of the sending process, so that a node can ignore its own signals.
    pub node: u64,
    /// The cluster signal itself.
    pub signal: ClusterSignal,
}

/// A cluster signal: a message to the other nodes about one hotel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterSignal {
    /// The hotel's event log has grown.
    Head {
        /// Newest sequence number of the hotel's event log.
        seq: i64,
        /// Whether the new events can concern sockets without any subscription.
        for_all: bool,
    },
    /// A staff member started or stopped typing.
    Typing {
        /// Id of the conversation in which the staff member types.
        conversation: i64,
        /// Id of the typing staff member.
        staff: i64,
        /// Whether the staff member started typing; false if typing stopped.
        typing: bool,
    },
    /// A staff member moved the read position of a conversation.
    Read {
        /// Id of the conversation whose read position moved.
        conversation: i64,
        /// Id of the staff member who has read.
        staff: i64,
    },
    /// A staff member began or stopped to view a conversation on the sending node.
    Viewing {
        /// Id of the conversation that the staff member views.
        conversation: i64,
        /// Id of the staff member.
        staff: i64,
        /// Whether the staff member views the conversation; false if no socket of the node does any more.
        viewing: bool,
    },
    /// A staff member's draft in a conversation changed. The receiving node loads the draft.
    Draft {
        /// Id of the conversation of the draft.
        conversation: i64,
        /// Id of the staff member whose draft changed.
        staff: i64,
    },
    /// A staff member changed the personal settings.
    Settings {
        /// Id of the staff member.
        staff: i64,
    },
}

impl SignalFromNode {
    /// Serializes the signal to JSON for the cluster bus.
    pub fn to_json(&self) -> String {
        crate::json(self)
    }

    /// Parses a signal from the cluster bus. Returns `None` for signals of unknown kinds, which another version may
    /// send.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_survive_serialization() {
        let signals = [
            ClusterSignal::Head { seq: 7, for_all: true },
            ClusterSignal::Typing { conversation: 1, staff: 2, typing: true },
            ClusterSignal::Read { conversation: 1, staff: i64::MAX },
            ClusterSignal::Viewing { conversation: 1, staff: 2, viewing: true },
            ClusterSignal::Draft { conversation: 1, staff: 2 },
            ClusterSignal::Settings { staff: 2 },
        ];
        for signal in signals {
            let sent = SignalFromNode { node: u64::MAX, signal };
            assert_eq!(SignalFromNode::from_json(&sent.to_json()), Some(sent));
        }
        assert_eq!(
            SignalFromNode { node: 1, signal: signals[0] }.to_json(),
            r#"{"node":1,"signal":{"head":{"seq":7,"for_all":true}}}"#
        );
    }

    #[test]
    fn unknown_signals_are_ignored() {
        for text in [
            "",
            "7",
            "{}",
            r#"{"node":1,"signal":{"dance":{}}}"#,
            r#"{"node":-1,"signal":{"head":{"seq":1,"for_all":true}}}"#,
        ] {
            assert_eq!(SignalFromNode::from_json(text), None, "{text}");
        }
    }
}
