//! Labels of the caller's hotel, and the labels of a conversation.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    ConversationRef, ConversationView, DirectoryPart, HotelId, Label, LabelColour, LabelId, LabelName, StaffId,
    label::{MAX_LABELS_OF_CONVERSATION, MAX_LABELS_OF_HOTEL},
};
use persistence::{
    Tx,
    audit_log::{self, AuditEntry},
    labels,
};

use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome, directory,
    principal::ensure_manager,
    save_conversation::touch,
    visibility::{find_visible, load_view_for},
};

/// A change of a label; a field that is `None` keeps its value.
#[derive(Clone, Debug, Default)]
pub struct LabelChange {
    pub name: Option<LabelName>,
    pub colour: Option<LabelColour>,
}

/// A change of the labels of a conversation: two people who change different labels at once lose nothing.
#[derive(Clone, Debug, Default)]
pub struct ConversationLabelChange {
    pub add: Vec<LabelId>,
    pub remove: Vec<LabelId>,
}

impl Desk {
    /// Returns the number of labels and one page of them, oldest first.
    pub async fn list_labels(&self, caller: Caller, page: PageRequest) -> Result<(i64, Vec<Label>), Error> {
        self.read_as(caller, move |conn, live| {
            let (count, found) = labels::list(conn, live.staff.hotel, page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, found))
        })
        .await
    }

    /// Creates a label. Fails with [`Error::Invalid`] if the name is taken, or the hotel has the most labels allowed.
    pub async fn create_label(
        &self,
        caller: Caller,
        name: LabelName,
        colour: LabelColour,
        write: KeyedWrite<Label>,
    ) -> Result<WriteOutcome<Label>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            let hotel = live.staff.hotel;
            if labels::lock_and_count(tx, hotel)? >= MAX_LABELS_OF_HOTEL {
                return Err(Error::invalid("name", format!("A hotel has at most {MAX_LABELS_OF_HOTEL} labels.")));
            }
            let label = labels::insert(tx, hotel, (&name, colour), now)?.ok_or_else(name_taken)?;
            record_change(tx, (hotel, live.staff.id), "label_created", (None, Some(&label)), now)?;
            Ok(label)
        })
        .await
    }

    /// Changes name or colour of a label. Fails with [`Error::Invalid`] if the name is taken.
    pub async fn change_label(
        &self,
        caller: Caller,
        id: LabelId,
        change: LabelChange,
        write: KeyedWrite<Label>,
    ) -> Result<WriteOutcome<Label>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            let hotel = live.staff.hotel;
            let before = labels::find_and_lock(tx, hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            let name = change.name.as_ref().unwrap_or(&before.name).clone();
            let after = Label { id, name, colour: change.colour.unwrap_or(before.colour) };
            if before == after {
                return Ok(after);
            }
            if !labels::save(tx, hotel, &after)? {
                return Err(name_taken());
            }
            record_change(tx, (hotel, live.staff.id), "label_changed", (Some(&before), Some(&after)), now)?;
            Ok(after)
        })
        .await
    }

    /// Deletes a label, and removes it from all conversations.
    pub async fn delete_label(
        &self,
        caller: Caller,
        id: LabelId,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            let hotel = live.staff.hotel;
            let before = labels::find_and_lock(tx, hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            labels::delete(tx, id)?;
            record_change(tx, (hotel, live.staff.id), "label_deleted", (Some(&before), None), now)
        })
        .await
    }

    /// Adds labels to a conversation and removes others, also of a closed conversation.
    ///
    /// Fails with [`Error::Invalid`] if the hotel has no such label, if a label is to be added and removed, or if the
    /// conversation would have too many.
    pub async fn change_conversation_labels(
        &self,
        caller: Caller,
        reference: ConversationRef,
        change: ConversationLabelChange,
        write: KeyedWrite<ConversationView>,
    ) -> Result<WriteOutcome<ConversationView>, Error> {
        let now = self.now();
        self.write_once(caller, vec![reference], write, move |tx, live| {
            let conversation = find_visible(tx.conn(), &live.staff.reach(), reference)?;
            if change.add.iter().any(|id| change.remove.contains(id)) {
                return Err(Error::invalid("remove", "A label cannot be added and removed at once."));
            }
            let before = labels::ids_of(tx.conn(), conversation.id())?;
            let known = find_labels(tx, conversation.hotel(), &before, &change)?;
            let mut after = before.clone();
            after.retain(|id| !change.remove.contains(id));
            after.extend(&change.add);
            after.sort_unstable();
            after.dedup();
            if after.len() as i64 > MAX_LABELS_OF_CONVERSATION {
                let most = format!("A conversation has at most {MAX_LABELS_OF_CONVERSATION} labels.");
                return Err(Error::invalid("add", most));
            }
            for id in before.iter().filter(|id| !after.contains(id)) {
                labels::remove(tx, conversation.id(), *id)?;
            }
            for id in after.iter().filter(|id| !before.contains(id)) {
                labels::add(tx, conversation.hotel(), conversation.id(), *id)?;
            }
            if before != after {
                touch(tx, &conversation, now)?;
                let entry = AuditEntry {
                    hotel: conversation.hotel(),
                    actor: Some(live.staff.id).into(),
                    action: "labels_changed",
                    conversation: Some(conversation.id()),
                    staff: None,
                    before: Some(names(&known, &before)),
                    after: Some(names(&known, &after)),
                };
                audit_log::insert(tx, &entry, now)?;
            }
            load_view_for(tx.conn(), live.staff.id, conversation.id())
        })
        .await
    }
}

/// Returns the labels that a conversation has and those that a change names. Fails if the hotel does not have one that
/// the change names. Until the end of the transaction they cannot be deleted.
fn find_labels(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    before: &[LabelId],
    change: &ConversationLabelChange,
) -> Result<Vec<Label>, Error> {
    let ids: Vec<LabelId> = before.iter().chain(&change.add).chain(&change.remove).copied().collect();
    let known = labels::find_and_keep(tx, hotel, &ids)?;
    for (field, ids) in [("add", &change.add), ("remove", &change.remove)] {
        if ids.iter().any(|id| !known.iter().any(|label| label.id == *id)) {
            return Err(Error::invalid(field, "There is no such label."));
        }
    }
    Ok(known)
}

/// The names of these labels, for the audit log.
fn names(known: &[Label], ids: &[LabelId]) -> String {
    let found = known.iter().filter(|label| ids.contains(&label.id));
    found.map(|label| label.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Writes the audit log and announces the change of the hotel's labels.
fn record_change(
    tx: &mut Tx<'_>,
    (hotel, actor): (HotelId, StaffId),
    action: &'static str,
    (before, after): (Option<&Label>, Option<&Label>),
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let text = |label: &Label| format!("label {}: {}, {}", label.id, label.name, label.colour.as_str());
    let entry = AuditEntry {
        hotel,
        actor: Some(actor).into(),
        action,
        conversation: None,
        staff: None,
        before: before.map(text),
        after: after.map(text),
    };
    audit_log::insert(tx, &entry, at)?;
    directory::announce(tx, hotel, DirectoryPart::Labels, at);
    Ok(())
}

fn name_taken() -> Error {
    Error::invalid("name", "The hotel has a label of this name already.")
}
