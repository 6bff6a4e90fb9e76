//! Since when a guest waits, and the messages that the guest has not got: the columns of a conversation always equal what
//! follows from its messages.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ConversationId, Delivery, HotelId, MessageId, StaffId, conversation::UnsentCounts};
use persistence::{
    StoreError, answers, conversations,
    messages::{self, InboundFields, MessageSender, NewMessage},
    outbox, response_clock,
};

use crate::support::{TestDatabase, on_both};

/// The time within which staff should answer.
const TARGET: TimeDelta = TimeDelta::minutes(15);

/// What a message is, for the expectation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Guest,
    Staff,
    Note,
    System,
}

struct Stored {
    id: MessageId,
    kind: Kind,
    at: DateTime<Utc>,
    delivery: Option<Delivery>,
    is_dismissed: bool,
}

/// A conversation with the messages that it should contain.
struct Scene {
    conversation: ConversationId,
    staff: StaffId,
    messages: Vec<Stored>,
    /// How many of the guest's messages are handled.
    handled: usize,
    now: DateTime<Utc>,
}

impl Scene {
    async fn append(&mut self, db: &TestDatabase, kind: Kind, delivery: Option<Delivery>, late_by: i64) {
        self.now += TimeDelta::seconds(1);
        let (conversation, staff, now) = (self.conversation, self.staff, self.now);
        let at = now - TimeDelta::milliseconds(late_by);
        let wamid = format!("wamid.{}.{}", conversation, self.messages.len());
        let written = db.store.write(HotelId(0), vec![], move |tx| {
            let inbound = InboundFields {
                whatsapp_message_id: &wamid,
                written_at: at,
                last_guest_message_at: Some(at),
                raw: "{}",
            };
            let sender = match kind {
                Kind::Guest => MessageSender::Guest { name: "Ana", response_due_at: Some(at + TARGET) },
                Kind::Staff | Kind::Note => MessageSender::Staff(staff, "Ben"),
                Kind::System => MessageSender::System("Hotel"),
            };
            let new = NewMessage {
                conversation,
                content: "words",
                sender,
                at: now,
                inbound: (kind == Kind::Guest).then_some(inbound),
                delivery,
                internal: kind == Kind::Note,
                quote: None,
                send_at: None,
                client_ref: None,
            };
            messages::append(tx, &new, None)
        });
        let id = written.await.unwrap().id;
        self.messages.push(Stored { id, kind, at, delivery, is_dismissed: false });
    }

    async fn deliver(&mut self, db: &TestDatabase, nth: usize, delivery: Delivery) {
        let mut sent = self.messages.iter_mut().filter(|it| it.kind == Kind::Staff).collect::<Vec<_>>();
        if sent.is_empty() {
            return;
        }
        let nth = nth % sent.len();
        (sent[nth].delivery, sent[nth].is_dismissed) = (Some(delivery), false);
        let (id, conversation) = (sent[nth].id, self.conversation);
        let job = db.store.write(HotelId(0), vec![], move |tx| {
            outbox::set_delivery(tx, id, delivery, None)?;
            answers::refresh(tx, conversation)?;
            // A stopped clock is started again, as `desk` does.
            if let Some((_, clock)) = response_clock::clocks(tx.conn(), &[conversation])?.pop()
                && let (Some(since), None) = (clock.waiting_since, clock.due_at)
            {
                response_clock::set_due(tx, conversation, Some(since + TARGET))?;
            }
            Ok::<_, StoreError>(())
        });
        job.await.unwrap();
    }

    async fn handle(&mut self, db: &TestDatabase, dismiss: bool) {
        let conversation = self.conversation;
        let was_waiting = self.waiting_since().is_some();
        let job = db.store.write(HotelId(0), vec![], move |tx| {
            let was_waiting = answers::mark_handled(tx, conversation)?;
            if dismiss {
                answers::dismiss_failures(tx, conversation)?;
            }
            Ok::<_, StoreError>(was_waiting)
        });
        assert_eq!(job.await.unwrap(), was_waiting);
        self.handled = self.messages.iter().filter(|it| it.kind == Kind::Guest).count();
        let failures = [Some(Delivery::Failed), Some(Delivery::Unknown)];
        for message in self.messages.iter_mut().filter(|it| dismiss && failures.contains(&it.delivery)) {
            message.is_dismissed = true;
        }
    }

    fn waiting_since(&self) -> Option<DateTime<Utc>> {
        let is_answer = |it: &Stored| it.kind == Kind::Staff && it.delivery != Some(Delivery::Failed);
        let after = self.messages.iter().rposition(is_answer).map_or(0, |it| it + 1);
        let guests = self.messages.iter().enumerate().filter(|(_, it)| it.kind == Kind::Guest).skip(self.handled);
        guests.filter(|(place, _)| *place >= after).map(|(_, it)| it.at).min()
    }

    fn unsent(&self) -> UnsentCounts {
        let count = |delivery| {
            let of = self.messages.iter().filter(|it| it.kind == Kind::Staff && it.delivery == Some(delivery));
            of.filter(|it| !it.is_dismissed).count() as i64
        };
        UnsentCounts { failed: count(Delivery::Failed), unknown: count(Delivery::Unknown), held: count(Delivery::Held) }
    }
}

on_both!(the_columns_follow_from_the_messages, |db| {
    let hotel = db.hotel(4, 0).await;
    // A fixed sequence of pseudo-random numbers.
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for (_, conversation) in hotel.stays {
        let now = DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap();
        let staff = hotel.member.id;
        let mut scene = Scene { conversation, staff, messages: Vec::new(), handled: 0, now };
        for step in 0..60 {
            match random(9) {
                0..3 => scene.append(&db, Kind::Guest, None, random(5000) as i64).await,
                3 => {
                    let delivery = [Delivery::Sent, Delivery::Held, Delivery::Queued][random(3) as usize];
                    scene.append(&db, Kind::Staff, Some(delivery), 0).await;
                }
                4 => scene.append(&db, Kind::Note, None, 0).await,
                5 => scene.append(&db, Kind::System, Some(Delivery::Queued), 0).await,
                6 | 7 => {
                    let to = [Delivery::Failed, Delivery::Unknown, Delivery::Queued, Delivery::Read, Delivery::Failed];
                    let (nth, to) = (random(100) as usize, to[random(5) as usize]);
                    scene.deliver(&db, nth, to).await;
                }
                _ => scene.handle(&db, random(2) == 0).await,
            }
            let read = db.store.read(move |conn| conversations::views(conn, None, &[conversation]));
            let view = read.await.unwrap().pop().unwrap();
            assert_eq!((view.waiting_since, view.unsent), (scene.waiting_since(), scene.unsent()), "step {step}");
            let due_at = scene.waiting_since().map(|since| since + TARGET);
            assert_eq!(view.response_due_at, due_at, "step {step}");
        }
    }
});
