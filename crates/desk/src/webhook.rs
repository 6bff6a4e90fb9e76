//! What WhatsApp's webhook brings: guests' messages, and what became of ours.
//!
//! Each update is stored in a transaction of its own, many of which are committed together; one that cannot be
//! understood is parked, and holds up no other. Where the store did not take one, Meta is told so, and delivers all
//! of it again: what was stored already is known by its name.

mod failures;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use domain::{GuestIdentity, Hotel, HotelId, Name, PhoneNumber};
use futures_util::{
    future::{join_all, maybe_done},
    poll,
};
use persistence::{
    Conn, Locks, StoreError, Tx,
    conversations::Which,
    hotels,
    outbox::{self, By},
    parked::{self, Kind, Parked},
    reports,
};
use tokio::{task::unconstrained, time::sleep};
use whatsapp::{Content, Inbound, Sender, StatusReport, Update, What};

use crate::{
    Desk, Error,
    outgoing::{self, Try},
    receive::{Came, FromGuest, Spoken, locks_of},
};

/// What came of a webhook's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenIn {
    /// Guests' messages.
    pub messages: usize,
    /// Reports of ours.
    pub reports: usize,
    /// What could not be processed.
    pub parked: usize,
    /// What is none of our business.
    pub ignored: usize,
    /// Reports for numbers that no hotel has.
    pub unknown_reports: usize,
}

/// How often an update is tried again, alone, that another transaction got in the way of; and the pause before.
const RETRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// What came of an update.
enum Outcome {
    Message,
    Report,
    Ignored,
    UnknownReport,
    Parked(Unprocessed),
    /// The store did not take it.
    Failed(failures::Failed),
}

/// Where updates come from: what the store does not take of them comes again from there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Meta,
    Parked,
}

/// An update that is to be parked.
struct Unprocessed {
    kind: Kind,
    reason: String,
    phone_number_id: Option<String>,
    hotel: Option<HotelId>,
    raw: String,
}

/// An update with what is known of it beforehand.
struct Known {
    update: Update,
    hotel: Option<Hotel>,
    /// What it decides about.
    locks: Locks,
}

impl Desk {
    /// Takes in an authentic body of the webhook.
    ///
    /// # Errors
    /// [`Error::Store`] where not all of it could be stored: it is to come again.
    pub async fn take_in_webhook(&self, body: &[u8]) -> Result<TakenIn, Error> {
        match whatsapp::read(body) {
            Ok(updates) => self.process(updates, None, Source::Meta).await,
            Err(why) => {
                let raw = String::from_utf8_lossy(body).into_owned();
                let reason = why.to_string();
                let whole = Unprocessed { kind: Kind::Unusable, reason, phone_number_id: None, hotel: None, raw };
                self.park(vec![whole]).await?;
                Ok(TakenIn { parked: 1, ..TakenIn::default() })
            }
        }
    }

    /// What is parked, oldest first, at most `limit` after an id.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn parked(&self, after: i64, limit: i64) -> Result<Vec<Parked>, Error> {
        self.store.read(move |conn| Ok(parked::list(conn, after, limit)?)).await
    }

    /// Something that is parked.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn find_parked(&self, id: i64) -> Result<Parked, Error> {
        self.store.read(move |conn| parked::find(conn, id)?.ok_or(Error::NotFound)).await
    }

    /// Processes what is parked once more: for the hotel that is named, else the one that had the number when it
    /// came. What cannot be processed now either is parked anew.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] where no hotel is known, or there is no such hotel; [`Error::Store`]
    /// where the store does not take it now either: it stays parked.
    pub async fn retry_parked(&self, id: i64, named: Option<HotelId>) -> Result<TakenIn, Error> {
        let it = self.find_parked(id).await?;
        let hotel = named.or(it.hotel);
        let hotel = self
            .store
            .read(move |conn| match hotel {
                Some(id) => Ok(hotels::find(conn, id)?),
                None => Ok::<_, Error>(None),
            })
            .await?
            .ok_or_else(|| Error::invalid("hotel", "Name the hotel that this is for."))?;
        let updates = whatsapp::read(it.raw.as_bytes())
            .map_err(|why| Error::invalid("id", format!("This is not understood by this version either: {why}.")))?;
        let taken_in = self.process(updates, Some(hotel), Source::Parked).await?;
        let now = self.now();
        self.store.write(HotelId(0), vec![], move |tx| Ok::<_, Error>(parked::settle(tx, id, now)?)).await?;
        Ok(taken_in)
    }

    /// Processes updates. `of`: the hotel that they are for, whatever number they name.
    async fn process(&self, updates: Vec<Update>, of: Option<Hotel>, source: Source) -> Result<TakenIn, Error> {
        let mut known = self.store.read(move |conn| know(conn, updates, of)).await?;
        // A guest's messages in the order in which they were written; of one second, in that in which they came.
        known.sort_by_key(|it| match &it.update.what {
            What::Message(message) => message.at,
            _ => DateTime::<Utc>::MIN_UTC,
        });
        let outcomes = in_order(known.into_iter().map(|it| self.process_one(it))).await;
        let (mut taken_in, mut unprocessed, mut failed) = (TakenIn::default(), Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome? {
                Outcome::Message => taken_in.messages += 1,
                Outcome::Report => taken_in.reports += 1,
                Outcome::Ignored => taken_in.ignored += 1,
                Outcome::UnknownReport => taken_in.unknown_reports += 1,
                Outcome::Parked(it) => unprocessed.push(it),
                Outcome::Failed(it) => failed.push(it),
            }
        }
        // Before anything is parked: what comes again brings the unusable ones with it.
        unprocessed.extend(self.give_up_or_refuse(failed, source).await?);
        taken_in.parked = unprocessed.len();
        self.park(unprocessed).await?;
        Ok(taken_in)
    }

    async fn process_one(&self, known: Known) -> Result<Outcome, Error> {
        let Known { update, hotel, locks } = known;
        let id = hotel.as_ref().map(|it| it.id);
        let unprocessed = |kind, reason: &str| Unprocessed {
            kind,
            reason: reason.to_owned(),
            phone_number_id: update.phone_number_id.clone(),
            hotel: id,
            raw: update.parcel(),
        };
        let hotel = match (&update.what, hotel) {
            (What::OtherField(field), _) => {
                log::info!("the webhook told of {field:?}, which is none of our business");
                return Ok(Outcome::Ignored);
            }
            (What::Errors(errors), _) => {
                errors.iter().for_each(|error| log::warn!("WhatsApp tells of a fault of the account: {error}"));
                return Ok(Outcome::Ignored);
            }
            (What::Unreadable(reason), _) => return Ok(Outcome::Parked(unprocessed(Kind::Unusable, reason))),
            // There is no message of ours that it could be of.
            (What::Status(_), None) => return Ok(Outcome::UnknownReport),
            (_, None) => {
                return Ok(Outcome::Parked(unprocessed(Kind::UnknownNumber, "no hotel has this number")));
            }
            (_, Some(hotel)) => hotel,
        };
        let mut retries = 0;
        loop {
            let error = match self.store_update(&update, &hotel, &locks).await {
                Err(Error::Store(StoreError::Unavailable(why))) => return Err(StoreError::Unavailable(why).into()),
                Err(error) => error,
                Ok(outcome) => return Ok(outcome),
            };
            failures::log(&update, hotel.id, &error);
            if retries == RETRIES {
                let unprocessed = unprocessed(Kind::Store, "it could not be stored");
                return Ok(Outcome::Failed(failures::Failed { key: failures::key(&update), unprocessed }));
            }
            // The other transaction may need a moment to end.
            sleep(PAUSE * 2_u32.pow(retries)).await;
            retries += 1;
        }
    }

    /// Stores an update in a transaction of its own.
    async fn store_update(&self, update: &Update, hotel: &Hotel, locks: &Locks) -> Result<Outcome, Error> {
        match &update.what {
            What::Message(it) => {
                let from = from_guest(it, update);
                self.receive_in(hotel.clone(), locks.clone(), from).await.map(|_| Outcome::Message)
            }
            What::Status(it) => {
                let (of, now, hotel, it) = (hotel.id, self.now(), hotel.clone(), it.clone());
                let report = move |tx: &mut Tx<'_>| report(tx, &hotel, &it, now);
                self.store.write(of, locks.clone(), report).await.map(|()| Outcome::Report)
            }
            What::OtherField(_) | What::Errors(_) | What::Unreadable(_) => Ok(Outcome::Ignored),
        }
    }

    async fn park(&self, all: Vec<Unprocessed>) -> Result<(), Error> {
        if all.is_empty() {
            return Ok(());
        }
        let now = self.now();
        for it in &all {
            log::warn!("parked what the webhook brought: {}", it.reason);
        }
        self.store
            .write(HotelId(0), vec![], move |tx| {
                for it in &all {
                    let draft = parked::Draft {
                        kind: it.kind,
                        reason: &it.reason,
                        phone_number_id: it.phone_number_id.as_deref(),
                        hotel: it.hotel,
                        raw: &it.raw,
                    };
                    parked::insert(tx, &draft, now)?;
                }
                Ok(())
            })
            .await
    }
}

/// A guest's message, as it came in an update.
fn from_guest(it: &Inbound, update: &Update) -> FromGuest {
    let about = match &it.content {
        Content::Reaction { to, .. } => Some(to.clone()),
        _ => it.quotes.clone(),
    };
    let media = match &it.content {
        Content::Media(media) => Some(media.clone()),
        _ => None,
    };
    let came = Came {
        whatsapp_message_id: it.wamid.clone(),
        to_number: update.phone_number_id.clone(),
        written_at: it.at,
        raw: update.raw.clone(),
        says: it.content.opens_window(),
        media,
        about,
        renamed: renamed(&it.content),
    };
    let spoken = match &it.content {
        Content::Text(text) => Spoken::Text(text.clone()),
        Content::Choice(choice) => Spoken::Choice { id: choice.id.clone(), title: choice.title.clone() },
        Content::Media(media) => media.caption.clone().map_or(Spoken::Other, Spoken::Text),
        _ => Spoken::Other,
    };
    let name = it.from.profile_name.as_deref().and_then(|name| Name::parse(name).ok());
    FromGuest { identity: identity(&it.from), name, text: it.content.text(), spoken, came: Some(came) }
}

/// Does them together, each begun after those before it: so they come into a hotel's lane in this order.
async fn in_order<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    // `join_all` promises no order; and where a task has done much, Tokio puts off what it begins then.
    let mut begun = unconstrained(async {
        let mut begun = Vec::new();
        for one in all {
            let mut one = Box::pin(maybe_done(one));
            // Done or not: it is asked again below.
            let _ = poll!(one.as_mut());
            begun.push(one);
        }
        begun
    })
    .await;
    join_all(begun.iter_mut().map(|one| one.as_mut())).await;
    begun.iter_mut().filter_map(|one| one.as_mut().take_output()).collect()
}

/// Finds out whose updates are, and what they will change.
fn know(conn: &mut Conn, updates: Vec<Update>, of: Option<Hotel>) -> Result<Vec<Known>, Error> {
    let mut by_number: HashMap<String, Option<Hotel>> = HashMap::new();
    // A body mostly has many messages of few guests.
    let mut by_guest: HashMap<(HotelId, Option<String>, Option<String>), Locks> = HashMap::new();
    let mut known = Vec::with_capacity(updates.len());
    for update in updates {
        let hotel = match (&of, &update.phone_number_id) {
            (Some(hotel), _) => Some(hotel.clone()),
            (None, Some(number)) => match by_number.get(number) {
                Some(hotel) => hotel.clone(),
                None => {
                    let hotel = hotels::find_by_whatsapp(conn, number)?;
                    by_number.insert(number.clone(), hotel.clone());
                    hotel
                }
            },
            (None, None) => None,
        };
        let locks = match (&update.what, &hotel) {
            (What::Message(it), Some(hotel)) => {
                let guest = (hotel.id, it.from.wa_id.clone(), it.from.bsuid.clone());
                let locks = match by_guest.get(&guest) {
                    Some(locks) => locks.clone(),
                    None => {
                        let locks = locks_of(conn, hotel.id, identity(&it.from))?;
                        by_guest.insert(guest, locks.clone());
                        locks
                    }
                };
                match renamed(&it.content) {
                    Some(after) => locks.guest(after).creating(true),
                    None => locks,
                }
            }
            (What::Status(it), Some(_)) => {
                let found = reported(conn, it)?.map(|(found, _)| Which::Conversation(found.conversation));
                found.into_iter().collect::<Vec<_>>().into()
            }
            _ => Locks::default(),
        };
        known.push(Known { update, hotel, locks });
    }
    Ok(known)
}

/// The message that a report is of, and the try.
fn reported(conn: &mut Conn, it: &StatusReport) -> Result<Option<(outbox::Outgoing, Try)>, Error> {
    if let Some(found) = outbox::find(conn, &By::Name(it.wamid.clone()))? {
        return Ok(Some((found, Try::Named)));
    }
    if let Some(found) = outbox::find(conn, &By::FormerName(it.wamid.clone()))? {
        return Ok(Some((found, Try::Former)));
    }
    let Some(callback) = it.callback.clone() else { return Ok(None) };
    if let Some(found) = outbox::find(conn, &By::Callback(callback.clone()))? {
        return Ok(Some((found, Try::Unnamed)));
    }
    Ok(outbox::find(conn, &By::FormerTry(callback))?.map(|found| (found, Try::Former)))
}

/// Takes in what became of a message. A report of one that is not known yet is kept for it.
fn report(tx: &mut Tx<'_>, hotel: &Hotel, it: &StatusReport, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(delivery) = it.state.delivery() else { return Ok(()) };
    let failure = it.failure();
    let mut known = reported(tx.conn(), it)?;
    if let Some((found, _)) = &known
        && !outbox::hold(tx, found)?
    {
        // Staff have begun another try since it was found.
        known = reported(tx.conn(), it)?;
    }
    let Some((found, of)) = known.filter(|(found, _)| found.hotel == hotel.id) else {
        return Ok(reports::keep(tx, hotel.id, &it.wamid, (delivery, failure.as_deref()), now)?);
    };
    match (of, &it.callback) {
        (Try::Unnamed, _) => outbox::name(tx, found.message, &it.wamid)?,
        (Try::Former, Some(callback)) => outbox::name_former(tx, callback, &it.wamid)?,
        _ => {}
    }
    outgoing::take_report(tx, &found, of, (delivery, failure.as_deref()), now)
}

fn identity(from: &Sender) -> GuestIdentity {
    known_by(from.wa_id.as_ref(), from.bsuid.as_ref())
}

/// By what a guest is known from now on, where a message tells that.
fn renamed(content: &Content) -> Option<GuestIdentity> {
    match content {
        Content::IdentityChanged { wa_id, bsuid } => Some(known_by(wa_id.as_ref(), bsuid.as_ref())),
        _ => None,
    }
}

/// By what WhatsApp knows somebody; the id is, but for few countries, the number's digits.
fn known_by(wa_id: Option<&String>, bsuid: Option<&String>) -> GuestIdentity {
    let phone = wa_id.and_then(|id| PhoneNumber::of_whatsapp(id));
    GuestIdentity { phone, wa_id: wa_id.cloned(), bsuid: bsuid.cloned() }
}
