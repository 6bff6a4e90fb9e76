//! Labels: coloured words with which staff mark conversations.

use strum::{IntoStaticStr, VariantArray, VariantNames};

use crate::{ids::LabelId, text::LabelName};

/// The most labels that a hotel may have.
pub const MAX_LABELS_OF_HOTEL: i64 = 100;
/// The most labels that a conversation may carry.
pub const MAX_LABELS_OF_CONVERSATION: i64 = 20;

/// A label of a hotel.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Label {
    /// Id of the label, unique over all hotels.
    pub id: LabelId,
    /// Name of the label, unique in the hotel without regard to case.
    pub name: LabelName,
    /// Colour of the label.
    pub colour: LabelColour,
}

/// The colour of a label; clients choose the shade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, VariantArray, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum LabelColour {
    /// Red.
    Red,
    /// Orange.
    Orange,
    /// Amber.
    Amber,
    /// Yellow.
    Yellow,
    /// Green.
    Green,
    /// Teal.
    Teal,
    /// Cyan.
    Cyan,
    /// Blue.
    Blue,
    /// Indigo.
    Indigo,
    /// Purple.
    Purple,
    /// Pink.
    Pink,
    /// Grey.
    Grey,
}

named_values!(LabelColour);
