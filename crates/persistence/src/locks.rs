//! The order in which rows are locked, the same for every write on every node: so that transactions wait for
//! each other in one direction only.
//!
//! 1. The right to make guests and stays of a hotel, in the order of hotel ids. It stands for rows that are not there
//!    yet, and thus cannot be locked.
//! 2. Guests, in the order of their ids.
//! 3. Conversations, in the order of their ids: those of the guests, and those that are named.
//! 4. Staff members; last the counters of hotels.
//!
//! A job says beforehand what it decides about, and 1 to 3 are locked for all jobs of a group at once, before the first
//! of them runs. SQLite has one writer, and nothing to lock.

use std::collections::BTreeSet;

use diesel::{
    PgConnection, QueryDsl, QueryResult, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Text},
};
use domain::{ConversationId, GuestIdentity, HotelId, Name, PhoneNumber, StayId};

use crate::{
    among::among,
    conversations::Which,
    prepared::{Number, prepared},
    schema::conversations,
};

/// The first key of the advisory locks of hotels; any constant will do.
const CREATION: i32 = 1_718_052_110;

/// What a job decides about: nobody else changes it until the end of the transaction.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    guests: Vec<GuestRef>,
    conversations: Vec<Which>,
    creates: bool,
}

/// A guest, by whatever is known of them beforehand.
#[derive(Clone, Debug)]
enum GuestRef {
    Identity(GuestIdentity),
    Stay(StayId),
    Reservation(Name),
    Conversation(ConversationId),
}

impl From<Vec<Which>> for Locks {
    fn from(conversations: Vec<Which>) -> Self {
        Self { conversations, ..Self::default() }
    }
}

impl Locks {
    /// The guests who are known by any part of an identity, with all their conversations.
    pub fn guest(mut self, identity: GuestIdentity) -> Self {
        self.guests.push(GuestRef::Identity(identity));
        self
    }

    /// The guest of a stay, with all their conversations.
    pub fn guest_of_stay(mut self, stay: StayId) -> Self {
        self.guests.push(GuestRef::Stay(stay));
        self
    }

    /// The guest of the stay of a reservation, with all their conversations.
    pub fn guest_of_reservation(mut self, code: Name) -> Self {
        self.guests.push(GuestRef::Reservation(code));
        self
    }

    /// The guest of a conversation, with all their conversations.
    pub fn guest_of_conversation(mut self, conversation: ConversationId) -> Self {
        self.guests.push(GuestRef::Conversation(conversation));
        self
    }

    /// The guest of a conversation, however that is named, with all their conversations.
    pub fn guest_of(self, which: Which) -> Self {
        match which {
            Which::Conversation(id) | Which::Both(id, _) => self.guest_of_conversation(id),
            Which::Stay(id) => self.guest_of_stay(id),
        }
    }

    /// The right to make guests and stays of the job's hotel. To be asked for by whatever may make one, or learn a
    /// new number or id of a guest.
    pub fn creating(mut self, creates: bool) -> Self {
        self.creates |= creates;
        self
    }
}

/// Locks what the jobs of a group decide about, and says which guests are locked.
pub(crate) fn lock<'a>(
    conn: &mut PgConnection,
    jobs: impl Iterator<Item = (HotelId, &'a Locks)>,
) -> QueryResult<BTreeSet<i64>> {
    let mut all = Keys::default();
    jobs.for_each(|(hotel, locks)| all.add(hotel, locks));
    for hotel in &all.creating {
        // The low half is enough: hotels that share it only wait for each other.
        let statement = sql_query(format!("SELECT pg_advisory_xact_lock({CREATION}, {})", *hotel as i32));
        statement.execute(conn)?;
    }
    let guests = all.lock_guests(conn)?;
    all.lock_conversations(conn, &guests)?;
    Ok(guests.into_iter().collect())
}

/// What is to be locked, as lists of columns' values. Those of a pair stand beside each other.
#[derive(Default)]
struct Keys {
    creating: BTreeSet<i64>,
    phones: (Vec<i64>, Vec<String>),
    wa_ids: (Vec<i64>, Vec<String>),
    bsuids: (Vec<i64>, Vec<String>),
    reservations: (Vec<i64>, Vec<String>),
    guest_stays: Vec<i64>,
    guest_conversations: Vec<i64>,
    conversations: Vec<i64>,
    stays: Vec<i64>,
}

impl Keys {
    fn add(&mut self, hotel: HotelId, locks: &Locks) {
        if locks.creates {
            self.creating.insert(hotel.0);
        }
        for which in &locks.conversations {
            match which {
                Which::Conversation(id) | Which::Both(id, _) => self.conversations.push(id.0),
                Which::Stay(id) => self.stays.push(id.0),
            }
        }
        let put = |(hotels, values): &mut (Vec<i64>, Vec<String>), value: &str| {
            hotels.push(hotel.0);
            values.push(value.to_owned());
        };
        for guest in &locks.guests {
            match guest {
                GuestRef::Identity(it) => {
                    let alike = it.phone.iter().flat_map(PhoneNumber::alike);
                    alike.for_each(|phone| put(&mut self.phones, phone.as_str()));
                    it.wa_id.iter().for_each(|id| put(&mut self.wa_ids, id));
                    it.bsuid.iter().for_each(|id| put(&mut self.bsuids, id));
                }
                GuestRef::Reservation(code) => put(&mut self.reservations, code.as_str()),
                GuestRef::Stay(id) => self.guest_stays.push(id.0),
                GuestRef::Conversation(id) => self.guest_conversations.push(id.0),
            }
        }
    }

    fn lock_guests(&self, conn: &mut PgConnection) -> QueryResult<Vec<i64>> {
        let pairs = [&self.phones, &self.wa_ids, &self.bsuids, &self.reservations];
        if pairs.iter().all(|(hotels, _)| hotels.is_empty())
            && self.guest_stays.is_empty()
            && self.guest_conversations.is_empty()
        {
            return Ok(Vec::new());
        }
        // Not FOR UPDATE: rows that refer to guests may be added.
        let statement = sql_query(
            "SELECT id AS number FROM guests WHERE id IN (\
               SELECT g.id FROM unnest($1::bigint[], $2::text[]) AS k(hotel, value) \
                 JOIN guests g ON g.hotel_id = k.hotel AND g.phone = k.value \
               UNION ALL SELECT g.id FROM unnest($3::bigint[], $4::text[]) AS k(hotel, value) \
                 JOIN guests g ON g.hotel_id = k.hotel AND g.wa_id = k.value \
               UNION ALL SELECT g.id FROM unnest($5::bigint[], $6::text[]) AS k(hotel, value) \
                 JOIN guests g ON g.hotel_id = k.hotel AND g.bsuid = k.value \
               UNION ALL SELECT s.guest_id FROM unnest($7::bigint[], $8::text[]) AS k(hotel, value) \
                 JOIN stays s ON s.hotel_id = k.hotel AND s.reservation_code = k.value \
               UNION ALL SELECT guest_id FROM stays WHERE id = ANY($9) \
               UNION ALL SELECT guest_id FROM conversations WHERE id = ANY($10)\
             ) ORDER BY id FOR NO KEY UPDATE",
        )
        .bind::<Array<BigInt>, _>(&self.phones.0)
        .bind::<Array<Text>, _>(&self.phones.1)
        .bind::<Array<BigInt>, _>(&self.wa_ids.0)
        .bind::<Array<Text>, _>(&self.wa_ids.1)
        .bind::<Array<BigInt>, _>(&self.bsuids.0)
        .bind::<Array<Text>, _>(&self.bsuids.1)
        .bind::<Array<BigInt>, _>(&self.reservations.0)
        .bind::<Array<Text>, _>(&self.reservations.1)
        .bind::<Array<BigInt>, _>(&self.guest_stays)
        .bind::<Array<BigInt>, _>(&self.guest_conversations);
        let locked: Vec<Number> = prepared(statement).load(conn)?;
        Ok(locked.into_iter().map(|it| it.number).collect())
    }

    fn lock_conversations(&self, conn: &mut PgConnection, guests: &[i64]) -> QueryResult<()> {
        let by_id = among(conversations::id, &self.conversations);
        let by_stay = among(conversations::stay_id, &self.stays);
        let by_guest = among(conversations::guest_id, guests);
        // Not FOR UPDATE: who changes a staff member adds events that refer to conversations.
        let all = conversations::table.select(conversations::id).order(conversations::id).for_no_key_update();
        // Mostly those to lock are named in one way only, which has a better plan.
        let locked = match (self.conversations.is_empty(), self.stays.is_empty(), guests.is_empty()) {
            (true, true, true) => Ok(0),
            (false, true, true) => all.filter(by_id).execute(conn),
            (true, false, true) => all.filter(by_stay).execute(conn),
            (true, true, false) => all.filter(by_guest).execute(conn),
            _ => self.lock_named_in_many_ways(conn, guests),
        };
        locked.map(drop)
    }

    /// Not one condition with `OR`: the order would tempt PostgreSQL to read them all.
    fn lock_named_in_many_ways(&self, conn: &mut PgConnection, guests: &[i64]) -> QueryResult<usize> {
        let statement = sql_query(
            "SELECT id AS number FROM conversations WHERE id IN (\
               SELECT unnest($1::bigint[]) \
               UNION ALL SELECT id FROM conversations WHERE stay_id = ANY($2) \
               UNION ALL SELECT id FROM conversations WHERE guest_id = ANY($3)\
             ) ORDER BY id FOR NO KEY UPDATE",
        )
        .bind::<Array<BigInt>, _>(&self.conversations)
        .bind::<Array<BigInt>, _>(&self.stays)
        .bind::<Array<BigInt>, _>(guests);
        let locked: Vec<Number> = prepared(statement).load(conn)?;
        Ok(locked.len())
    }
}
