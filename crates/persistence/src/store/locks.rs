//! The lock order: every write on every node locks rows in this order, so that transactions wait for each other in one
//! direction only and seldom deadlock.
//!
//! 1. The right to create guests and stays of a hotel, by hotel id: an advisory lock, because rows that do not exist
//!    yet cannot be locked.
//! 2. Guests, by id.
//! 3. Conversations, by id: those of the locked guests, and those that the job names.
//! 4. While each job runs: first stays (after their guests), templates and labels, then staff
//!    members.
//! 5. Before the commit: the event counters of the hotels, by hotel id.
//!
//! A job declares its [`Locks`] beforehand. Steps 1 to 3 are done for all jobs of a group together, before the first
//! one runs. Step 4 is done job by job, so two groups can still deadlock; that is a conflict, after which the writer
//! runs the jobs again. SQLite has one writer and no row locks.

use std::collections::BTreeSet;

use diesel::{
    PgConnection, QueryDsl, QueryResult, RunQueryDsl,
    connection::{AnsiTransactionManager, SimpleConnection, TransactionManager},
    sql_query,
    sql_types::{Array, BigInt, Text},
};
use domain::{ConversationId, ConversationRef, GuestIdentity, HotelId, Name, PhoneNumber, StayId};

use crate::{
    sql::{
        cached_statement::{Number, prepared},
        id_list::among,
        schema::conversations,
    },
    store::write_key::WriteKey,
};

/// The first key of the advisory locks on creating guests and stays, an arbitrary constant; the second is the hotel id.
const CREATION_LOCK: i32 = 1_718_052_110;

/// The rows that a job locks before it runs, against all nodes until the end of the transaction.
#[derive(Clone, Debug, Default)]
pub struct Locks {
    guests: Vec<GuestRef>,
    conversations: Vec<ConversationRef>,
    creates: bool,
}

/// A reference to a guest whose row is to be locked.
#[derive(Clone, Debug)]
enum GuestRef {
    Identity(GuestIdentity),
    Stay(StayId),
    Reservation(Name),
    Conversation(ConversationId),
}

impl From<Vec<ConversationRef>> for Locks {
    fn from(conversations: Vec<ConversationRef>) -> Self {
        Self { conversations, ..Self::default() }
    }
}

impl Locks {
    /// Locks the guests that match any part of the identity, with all their conversations.
    pub fn guest(mut self, identity: GuestIdentity) -> Self {
        self.guests.push(GuestRef::Identity(identity));
        self
    }

    /// Locks the guest of a stay, with all conversations of the guest.
    pub fn guest_of_stay(mut self, stay: StayId) -> Self {
        self.guests.push(GuestRef::Stay(stay));
        self
    }

    /// Locks the guest of the stay with this reservation code, with all conversations of the guest.
    pub fn guest_of_reservation(mut self, code: Name) -> Self {
        self.guests.push(GuestRef::Reservation(code));
        self
    }

    /// Locks the guest of a conversation, with all conversations of the guest.
    pub fn guest_of_conversation(mut self, conversation: ConversationId) -> Self {
        self.guests.push(GuestRef::Conversation(conversation));
        self
    }

    /// Locks the guest of a conversation reference, with all conversations of the guest.
    pub fn guest_of(self, conversation: ConversationRef) -> Self {
        match conversation {
            ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => self.guest_of_conversation(id),
            ConversationRef::Stay(id) => self.guest_of_stay(id),
        }
    }

    /// Takes the right to create guests and stays in the job's hotel, if `creates`. Jobs that may create a guest or a
    /// stay, or add an identifier to a guest, need it.
    pub fn creating(mut self, creates: bool) -> Self {
        self.creates |= creates;
        self
    }
}

/// Prepares the statement with which [`begin`] locks conversations, on a new connection.
pub(crate) fn prepare(conn: &mut PgConnection) -> QueryResult<()> {
    conn.batch_execute(
        "PREPARE lock_conversations (bigint[]) AS \
         SELECT id FROM conversations WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
    )
}

/// Begins a transaction and locks the rows of all jobs of a group. Returns the locked guests.
pub(crate) fn begin<'a>(
    conn: &mut PgConnection,
    jobs: impl Iterator<Item = (WriteKey, &'a Locks)>,
) -> QueryResult<BTreeSet<i64>> {
    let mut all = LockKeys::default();
    jobs.for_each(|(key, locks)| all.add(key.hotel().unwrap_or(HotelId(0)), locks));
    if !all.has_only_conversations() {
        AnsiTransactionManager::begin_transaction(conn)?;
        return all.lock(conn);
    }
    // Usually there are only conversations to lock. Then one round trip begins and locks.
    let ids: Vec<String> = all.conversations.iter().map(i64::to_string).collect();
    let begin_and_lock = format!("BEGIN; EXECUTE lock_conversations('{{{}}}')", ids.join(","));
    let begun = AnsiTransactionManager::begin_transaction_sql(conn, &begin_and_lock);
    if begun.is_err() {
        // The transaction may have begun before the lock failed. Without one, a rollback is only a warning.
        let _ = conn.batch_execute("ROLLBACK");
    }
    begun.map(|()| BTreeSet::new())
}

/// The keys of the rows to lock for a group of jobs. A pair of lists has hotel ids and values, and both have the same
/// length.
#[derive(Default)]
struct LockKeys {
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

impl LockKeys {
    fn add(&mut self, hotel: HotelId, locks: &Locks) {
        if locks.creates {
            self.creating.insert(hotel.0);
        }
        for conversation in &locks.conversations {
            match conversation {
                ConversationRef::Conversation(id) | ConversationRef::Both(id, _) => self.conversations.push(id.0),
                ConversationRef::Stay(id) => self.stays.push(id.0),
            }
        }
        let put = |(hotels, values): &mut (Vec<i64>, Vec<String>), value: &str| {
            hotels.push(hotel.0);
            values.push(value.to_owned());
        };
        for guest in &locks.guests {
            match guest {
                GuestRef::Identity(identity) => {
                    let alike = identity.phone.iter().flat_map(PhoneNumber::equivalent_forms);
                    alike.for_each(|phone| put(&mut self.phones, phone.as_str()));
                    identity.wa_id.iter().for_each(|id| put(&mut self.wa_ids, id));
                    identity.bsuid.iter().for_each(|id| put(&mut self.bsuids, id));
                }
                GuestRef::Reservation(code) => put(&mut self.reservations, code.as_str()),
                GuestRef::Stay(id) => self.guest_stays.push(id.0),
                GuestRef::Conversation(id) => self.guest_conversations.push(id.0),
            }
        }
    }

    fn has_only_conversations(&self) -> bool {
        let others = [&self.guest_stays, &self.guest_conversations, &self.stays];
        !self.conversations.is_empty()
            && self.creating.is_empty()
            && others.iter().all(|it| it.is_empty())
            && self.guest_values().iter().all(|(hotels, _)| hotels.is_empty())
    }

    /// The values by which guests are found: phone numbers, WhatsApp ids, business-scoped ids, reservation codes.
    fn guest_values(&self) -> [&(Vec<i64>, Vec<String>); 4] {
        [&self.phones, &self.wa_ids, &self.bsuids, &self.reservations]
    }

    fn lock(&self, conn: &mut PgConnection) -> QueryResult<BTreeSet<i64>> {
        for hotel in &self.creating {
            // The low 32 bits of the hotel id are enough: hotels that share them only wait for each other.
            let statement = sql_query(format!("SELECT pg_advisory_xact_lock({CREATION_LOCK}, {})", *hotel as i32));
            statement.execute(conn)?;
        }
        let guests = self.lock_guests(conn)?;
        self.lock_conversations(conn, &guests)?;
        Ok(guests.into_iter().collect())
    }

    fn lock_guests(&self, conn: &mut PgConnection) -> QueryResult<Vec<i64>> {
        if self.guest_values().iter().all(|(hotels, _)| hotels.is_empty())
            && self.guest_stays.is_empty()
            && self.guest_conversations.is_empty()
        {
            return Ok(Vec::new());
        }
        // FOR UPDATE would block inserts of rows that refer to guests.
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
        // FOR UPDATE would block changes of staff members, which add events that refer to conversations.
        let all = conversations::table.select(conversations::id).order(conversations::id).for_no_key_update();
        // Usually there is one kind of key. Then a simple query has the better plan.
        let locked = match (self.conversations.is_empty(), self.stays.is_empty(), guests.is_empty()) {
            (true, true, true) => Ok(0),
            (false, true, true) => all.filter(by_id).execute(conn),
            (true, false, true) => all.filter(by_stay).execute(conn),
            (true, true, false) => all.filter(by_guest).execute(conn),
            _ => self.lock_by_several_keys(conn, guests),
        };
        locked.map(drop)
    }

    /// Locks conversations by id, stay and guest together. Uses `UNION ALL`, because with `OR` and the sort order
    /// PostgreSQL would read the whole table.
    fn lock_by_several_keys(&self, conn: &mut PgConnection, guests: &[i64]) -> QueryResult<usize> {
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
