//! The rows of reports: their figures always equal what follows from the messages.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    ConversationId, ConversationRef, Delivery, HotelId, MessageId, StaffId,
    report::{ReportFigures, ReportGrouping},
};
use persistence::{
    StoreError, answers, conversations,
    messages::{self, MessageSender, NewMessage},
    outbox,
    reports::{
        self, backfill,
        figures::{self, ReportScope},
    },
};

use crate::support::{TestDatabase, on_both};

/// A message of the model.
struct CountedWriting {
    id: MessageId,
    /// The author; `None` for a message of the guest.
    author: Option<StaffId>,
    at: DateTime<Utc>,
    fails: bool,
    /// Since when the guest waited as the message of staff was stored.
    asked_at: Option<DateTime<Utc>>,
}

impl CountedWriting {
    fn is_counted(&self) -> bool {
        !self.fails
    }
}

/// A conversation, and what should be known of it.
struct CountedThread {
    conversation: ConversationId,
    department: i64,
    messages: Vec<CountedWriting>,
    /// How many of the guest's messages need no answer.
    handled: usize,
}

impl CountedThread {
    fn waiting_since(&self) -> Option<DateTime<Utc>> {
        let after = self.messages.iter().rposition(|it| it.author.is_some() && it.is_counted()).map_or(0, |it| it + 1);
        let guests = self.messages.iter().enumerate().filter(|(_, it)| it.author.is_none()).skip(self.handled);
        guests.filter(|(place, _)| *place >= after).map(|(_, it)| it.at).min()
    }

    async fn write(&mut self, db: &TestDatabase, author: Option<StaffId>, at: DateTime<Utc>) {
        let (conversation, asked_at) = (self.conversation, author.and_then(|_| self.waiting_since()));
        let written = db.store.write(HotelId(0), vec![], move |tx| {
            let sender = match author {
                Some(author) => MessageSender::Staff(author, "Ben"),
                None => MessageSender::Guest { name: "Ana", response_due_at: None },
            };
            let new = NewMessage {
                conversation,
                content: "words",
                sender,
                at,
                inbound: None,
                delivery: author.map(|_| Delivery::Sent),
                internal: false,
                send_at: None,
                quote: None,
                client_ref: None,
            };
            messages::append(tx, &new, None)
        });
        let id = written.await.unwrap().id;
        self.messages.push(CountedWriting { id, author, at, fails: false, asked_at });
    }

    /// Lets a message of staff fail, or counts it again.
    async fn turn(&mut self, db: &TestDatabase, nth: usize) {
        let mut sent: Vec<&mut CountedWriting> = self.messages.iter_mut().filter(|it| it.author.is_some()).collect();
        if sent.is_empty() {
            return;
        }
        let nth = nth % sent.len();
        let message = &mut *sent[nth];
        message.fails = !message.fails;
        let (id, fails, conversation) = (message.id, message.fails, self.conversation);
        let turned = db.store.write(HotelId(0), vec![], move |tx| {
            outbox::set_delivery(tx, id, if fails { Delivery::Failed } else { Delivery::Queued }, None)?;
            answers::refresh(tx, conversation)?;
            reports::set_counted(tx, id, !fails)
        });
        turned.await.unwrap();
    }

    async fn handle(&mut self, db: &TestDatabase) {
        let conversation = self.conversation;
        let handled = db.store.write(HotelId(0), vec![], move |tx| answers::mark_handled(tx, conversation));
        handled.await.unwrap();
        self.handled = self.messages.iter().filter(|it| it.author.is_none()).count();
    }

    /// The answers: time, author, and since when the guest waited for each.
    fn answers(&self) -> Vec<(DateTime<Utc>, StaffId, DateTime<Utc>)> {
        let mut earliest: Option<DateTime<Utc>> = None;
        let mut answers = Vec::new();
        for message in &self.messages {
            let Some(author) = message.author else { continue };
            earliest = earliest.into_iter().chain(message.asked_at).min();
            if message.is_counted() {
                answers.extend(earliest.take().map(|since| (message.at, author, since)));
            }
        }
        answers
    }
}

/// What the report should be.
fn expected(
    threads: &[CountedThread],
    scope: &ReportScope,
    by: ReportGrouping,
) -> (ReportFigures, BTreeMap<i64, ReportFigures>) {
    let group = |at: DateTime<Utc>, department: i64, staff: i64| match by {
        ReportGrouping::Day => scope.days.iter().filter(|begin| **begin <= at).count() as i64 - 1,
        ReportGrouping::Department => department,
        ReportGrouping::Staff => staff,
    };
    let (first, last) = (scope.days[0], scope.days[scope.days.len() - 1]);
    let is_in_scope = |at: DateTime<Utc>| first <= at && at < last;
    let mut seen: BTreeMap<Option<i64>, BTreeSet<ConversationId>> = BTreeMap::new();
    let (mut total, mut groups) = (ReportFigures::default(), BTreeMap::<i64, ReportFigures>::new());
    let chosen = threads.iter().filter(|it| scope.department.is_none_or(|id| id.0 == it.department));
    for thread in chosen {
        for message in thread.messages.iter().filter(|it| it.is_counted() && is_in_scope(it.at)) {
            // Nobody is the assignee of these conversations.
            let key = group(message.at, thread.department, message.author.map_or(0, |it| it.0));
            for figures in [&mut total, groups.entry(key).or_default()] {
                match message.author {
                    Some(_) => figures.staff_messages += 1,
                    None => figures.guest_messages += 1,
                }
            }
            for key in [None, Some(key)] {
                seen.entry(key).or_default().insert(thread.conversation);
            }
        }
        for (at, author, since) in thread.answers().into_iter().filter(|(at, ..)| is_in_scope(*at)) {
            let key = group(at, thread.department, author.0);
            for figures in [&mut total, groups.entry(key).or_default()] {
                figures.first_responses.push((at - since).num_seconds());
            }
        }
    }
    for (key, conversations) in seen {
        let count = conversations.len() as i64;
        match key {
            None => total.conversations = count,
            Some(key) => groups.entry(key).or_default().conversations = count,
        }
    }
    (total, groups)
}

fn sorted(mut figures: ReportFigures) -> ReportFigures {
    figures.first_responses.sort_unstable();
    figures
}

async fn check(db: &TestDatabase, threads: &[CountedThread], scope: &ReportScope, step: usize) {
    for by in [ReportGrouping::Day, ReportGrouping::Department, ReportGrouping::Staff] {
        let asked = scope.clone();
        let found = db.store.read(move |conn| figures::load(conn, &asked, by)).await.unwrap();
        let (total, groups) = expected(threads, scope, by);
        assert_eq!(sorted(found.total), sorted(total), "step {step}, {by:?}");
        let found = found.groups.into_iter().filter(|(_, it)| *it != ReportFigures::default());
        let found: BTreeMap<i64, ReportFigures> = found.map(|(key, it)| (key, sorted(it))).collect();
        let groups: BTreeMap<i64, ReportFigures> = groups.into_iter().map(|(key, it)| (key, sorted(it))).collect();
        assert_eq!(found, groups, "step {step}, {by:?}");
    }
}

on_both!(the_figures_follow_from_the_messages, |db| {
    let hotel = db.hotel(6, 0).await;
    // A fixed sequence of pseudo-random numbers.
    let mut state = 11_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut threads = Vec::new();
    for (_, id) in hotel.stays {
        let which = ConversationRef::Conversation(id);
        let found = db.store.read(move |conn| conversations::find(conn, which)).await.unwrap().unwrap();
        let department = found.department().map_or(0, |it| it.0);
        threads.push(CountedThread { conversation: id, department, messages: Vec::new(), handled: 0 });
    }
    // Five days around a change of the clocks in Lisbon: one of them has 23 hours. The last messages are after them.
    let begin: DateTime<Utc> = "2026-03-27T00:00:00Z".parse().unwrap();
    let hours = [0, 24, 48, 71, 95, 119];
    let days: Vec<DateTime<Utc>> = hours.iter().map(|hours| begin + TimeDelta::hours(*hours)).collect();
    let scope = ReportScope { hotel: hotel.id, department: None, days, now: Utc::now() };
    let authors = [hotel.manager.id, hotel.member.id];
    let mut now = begin - TimeDelta::hours(3);
    for step in 0..150 {
        now += TimeDelta::seconds(random(6000) as i64);
        let thread = &mut threads[random(6) as usize];
        match random(10) {
            0..4 => thread.write(&db, None, now).await,
            4..8 => thread.write(&db, Some(authors[random(2) as usize]), now).await,
            8 => thread.turn(&db, random(100) as usize).await,
            _ => thread.handle(&db).await,
        }
        if step % 5 == 4 {
            check(&db, &threads, &scope, step).await;
        }
    }
    let of_one = ReportScope { department: Some(hotel.department), ..scope.clone() };
    check(&db, &threads, &of_one, 150).await;
    // The rows of messages that are older than the reports come from the messages. That a wait was handled is not known
    // without a history, so the expectation is that of conversations without it.
    let waits = |thread: &CountedThread| thread.handled == 0;
    let (total, _) = expected(&threads, &scope, ReportGrouping::Day);
    db.sql("DELETE FROM report_activity").await.unwrap();
    db.sql("DELETE FROM report_answers").await.unwrap();
    db.sql("INSERT INTO report_backfill (below) SELECT max(id) + 1 FROM messages").await.unwrap();
    while db.store.write(HotelId(0), vec![], |tx| backfill::fill(tx, 40)).await.unwrap() {}
    let asked = scope.clone();
    let found = db.store.read(move |conn| figures::load(conn, &asked, ReportGrouping::Day)).await.unwrap();
    let counts = |it: &ReportFigures| (it.conversations, it.guest_messages, it.staff_messages);
    assert_eq!(counts(&found.total), counts(&total));
    let unhandled: usize = threads.iter().filter(|it| waits(it)).map(|it| it.answers().len()).sum();
    assert!(found.total.first_responses.len() >= unhandled.min(1));
    let left = db.store.read(|conn| crate::support::number(conn, "SELECT count(*) FROM report_backfill")).await;
    assert_eq!(left.unwrap(), 0);
});

on_both!(a_closing_that_is_taken_back_soon_does_not_count, |db| {
    let hotel = db.hotel(2, 0).await;
    let (conversation, staff) = (hotel.stays[0].1, hotel.member.id);
    let opened: DateTime<Utc> = "2026-05-01T08:00:00Z".parse().unwrap();
    let minute = move |minutes: i64| opened + TimeDelta::minutes(minutes);
    let which = ConversationRef::Conversation(conversation);
    let job = db.store.write(HotelId(0), vec![], move |tx| {
        let found = conversations::find(tx.conn(), which)?.ok_or(StoreError::Corrupt("test"))?;
        reports::record_opening(tx, conversation, minute(0))?;
        reports::record_closing(tx, &found, staff, minute(10))?;
        // Taken back: the conversation has been open all the time.
        reports::record_opening(tx, conversation, minute(11))?;
        reports::take_back_closing(tx, &found, minute(11))?;
        reports::record_closing(tx, &found, staff, minute(30))?;
        // Opened again by the guest.
        reports::record_opening(tx, conversation, minute(35))?;
        reports::record_closing(tx, &found, staff, minute(40))?;
        // Reopened after more than an hour: the closing stands.
        reports::record_opening(tx, conversation, minute(120))?;
        reports::take_back_closing(tx, &found, minute(120))?;
        reports::record_closing(tx, &found, staff, minute(121))
    });
    job.await.unwrap();
    let scope =
        ReportScope { hotel: hotel.id, department: None, days: vec![minute(-60), minute(600)], now: minute(600) };
    let found = db.store.read(move |conn| figures::load(conn, &scope, ReportGrouping::Staff)).await.unwrap();
    assert_eq!(found.total.resolutions, [30 * 60, 5 * 60, 60]);
    assert_eq!(found.groups[&staff.0].resolutions.len(), 3);
});
