//! The guest card: a guest with stays and conversations, and what staff note about the guest.

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    GuestId, LanguageTag, Reach,
    guest::{GuestCard, GuestNote},
};
use persistence::{
    Conn, Tx,
    audit_log::{self, AuditEntry},
    conversations,
    guests::{self, GuestDetails},
    sessions::LiveSession,
    stays,
};

use crate::{Desk, Error, KeyedWrite, WriteOutcome, principal::ensure_stay_handler};

/// The most stays, and the most conversations, that a guest card shows; a travel agency may have thousands.
const MAX_SHOWN: i64 = 200;

/// A change of what staff note about a guest; a field that is `None` keeps its value.
#[derive(Clone, Debug, Default)]
pub struct GuestChange {
    /// The new note; `Some(None)` deletes it.
    pub note: Option<Option<GuestNote>>,
    /// The new language; `Some(None)`: not known.
    pub language: Option<Option<LanguageTag>>,
}

impl Desk {
    /// Returns a guest with stays and visible conversations. Fails with [`Error::NotFound`] if the guest has neither.
    pub async fn guest(&self, caller: Caller, id: GuestId) -> Result<GuestCard, Error> {
        self.read_as(caller, move |conn, live| load_card(conn, &live.staff.reach(), id)).await
    }

    /// Changes note and language of a guest. Only for staff who handle stays.
    pub async fn change_guest(
        &self,
        caller: Caller,
        id: GuestId,
        change: GuestChange,
        write: KeyedWrite<GuestCard>,
    ) -> Result<WriteOutcome<GuestCard>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            let reach = live.staff.reach();
            load_card(tx.conn(), &reach, id)?;
            ensure_stay_handler(tx.conn(), live)?;
            guests::lock_with_conversations(tx, id)?;
            let before = guests::details(tx.conn(), id)?.ok_or(Error::NotFound)?;
            save(tx, live, &before, &change, now)?;
            load_card(tx.conn(), &reach, id)
        })
        .await
    }
}

fn load_card(conn: &mut Conn, reach: &Reach, id: GuestId) -> Result<GuestCard, Error> {
    let found = guests::details(conn, id)?.filter(|it| it.guest.hotel == reach.hotel).ok_or(Error::NotFound)?;
    let stays = stays::of_guest(conn, id, MAX_SHOWN)?;
    let conversations = conversations::visible_of_guest(conn, reach, id, MAX_SHOWN)?;
    if stays.is_empty() && conversations.is_empty() {
        return Err(Error::NotFound);
    }
    let newest_stay_name = stays.first().map(|stay| stay.guest_name.as_str());
    let name = newest_stay_name.unwrap_or_else(|| found.guest.display_name()).to_owned();
    let stays = stays::with_conversations(conn, stays)?.into_iter().map(|it| it.seen_by(Some(reach)));
    Ok(GuestCard {
        name,
        note: found.note,
        language: found.language,
        created_at: found.created_at,
        stays: stays.collect(),
        conversations,
        guest: found.guest,
    })
}

/// Stores a change of a locked guest and writes the audit log. Does nothing if the guest stays the same.
fn save(
    tx: &mut Tx<'_>,
    live: &LiveSession,
    before: &GuestDetails,
    change: &GuestChange,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let text = |note: &GuestNote| note.as_str().to_owned();
    let note = change.note.as_ref().map_or_else(|| before.note.clone(), |note| note.as_ref().map(text));
    // An empty note is none.
    let note = note.filter(|note| !note.is_empty());
    let language = change.language.clone().unwrap_or_else(|| before.language.clone());
    if (&note, &language) == (&before.note, &before.language) {
        return Ok(());
    }
    guests::set_note_and_language(tx, before.guest.id, note.as_deref(), language.as_ref())?;
    let entry = AuditEntry {
        hotel: before.guest.hotel,
        actor: Some(live.staff.id).into(),
        action: "guest_changed",
        conversation: None,
        staff: None,
        before: Some(audit_text(before.guest.id, before.note.as_deref(), before.language.as_ref())),
        after: Some(audit_text(before.guest.id, note.as_deref(), language.as_ref())),
    };
    Ok(audit_log::insert(tx, &entry, at)?)
}

/// Returns the text of a guest for the audit log, which contains no words about persons: of a note, only the length.
fn audit_text(id: GuestId, note: Option<&str>, language: Option<&LanguageTag>) -> String {
    let characters = note.map_or(0, |note| note.chars().count());
    format!("guest {id}: language {}, note of {characters} characters", language.map_or("unknown", LanguageTag::as_str))
}
