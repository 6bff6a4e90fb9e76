//! Request bodies of calls on labels.

use domain::{LabelColour, LabelId, LabelName};

use super::{
    json_body::json_body,
    presence::{Defaulted, FieldChange, Required},
};
use crate::field_reader::IdList;

/// Ids of labels; at most 100, which is the most labels of a hotel.
type LabelIds = IdList<LabelId, 100>;

json_body! {
    /// A new label.
    pub struct NewLabelBody {
        /// Name of the label, unique in the hotel without regard to case: trimmed, 1 to 40 characters.
        name: Required<LabelName>,
        /// Colour of the label.
        colour: Required<LabelColour>,
    }

    /// A change of a label. Absent fields keep their value.
    pub struct ChangeLabelBody {
        /// Name of the label, unique in the hotel without regard to case: trimmed, 1 to 40 characters.
        name: FieldChange<LabelName>,
        /// Colour of the label.
        colour: FieldChange<LabelColour>,
    }

    /// A change of the labels of a conversation. Labels that neither list names stay as they are.
    pub struct ConversationLabelsBody {
        /// Ids of labels to add. The conversation may have some of them already.
        add: Defaulted<LabelIds>,
        /// Ids of labels to remove. The conversation may lack some of them. None of those in `add`.
        remove: Defaulted<LabelIds>,
    }
}
