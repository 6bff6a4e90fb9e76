use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{EventKind, MessageText, Name, PhoneNumber, Status};

use super::*;
use crate::{Clock, DbUrl, OnCommit, SessionLifetimes, inbound::receive_message::GuestMessage};

/// A clock that stands still at a time in seconds since 1970.
struct StoppedClock(AtomicI64);

impl Clock for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Relaxed), 0).unwrap()
    }
}

fn noon(day: &str) -> i64 {
    day.parse::<NaiveDate>().unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp()
}

#[tokio::test]
async fn a_conversation_becomes_active_on_the_first_day_in_the_hotels_time_zone() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(StoppedClock(AtomicI64::new(noon("2026-05-01"))));
    let events: Arc<Mutex<Vec<EventKind>>> = Arc::default();
    let on_commit: OnCommit = {
        let events = events.clone();
        Arc::new(move |commit| events.lock().unwrap().extend(commit.events.iter().map(|it| it.kind.clone())))
    };
    let lifetimes = SessionLifetimes { idle: TimeDelta::days(1), max: TimeDelta::days(1) };
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let desk = Desk::open(&url, &[7; 32], lifetimes, clock.clone(), on_commit).await.unwrap();
    // At noon in Greenwich it is the next day in Auckland.
    let (auckland, london) = ("Pacific/Auckland", "Europe/London");
    let mut conversations = Vec::new();
    for (zone, phone) in [(auckland, "+6421000001"), (london, "+447700900001")] {
        let hotel = desk.create_hotel(Name::parse(zone).unwrap(), Some(zone.to_owned())).await.unwrap();
        let csv = format!(
            "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\nR,A,{phone},1,2026-05-03,2026-05-04"
        );
        desk.import_stays(hotel, csv.as_bytes()).await.unwrap();
        let (phone, text) = (PhoneNumber::parse(phone).unwrap(), MessageText::parse("See you!").unwrap());
        let message = GuestMessage::from_demo(phone, None, text);
        conversations.push(desk.receive_demo_message(message, Some(hotel)).await.unwrap().conversation);
    }
    let status = async |id| {
        let found = desk.read(move |conn| Ok(conversations::find(conn, ConversationRef::Conversation(id))?));
        found.await.unwrap().unwrap().status()
    };
    let both = async || (status(conversations[0]).await, status(conversations[1]).await);
    desk.start_begun_stays().await.unwrap();
    assert_eq!(both().await, (Status::Checkin, Status::Checkin));
    clock.0.store(noon("2026-05-02"), Relaxed);
    events.lock().unwrap().clear();
    desk.start_begun_stays().await.unwrap();
    assert_eq!(both().await, (Status::Active, Status::Checkin));
    assert!(matches!(events.lock().unwrap()[..], [EventKind::ConversationUpdated(change)] if !change.only_message));
    desk.start_begun_stays().await.unwrap();
    assert_eq!(events.lock().unwrap().len(), 1, "the change was recorded twice");
    clock.0.store(noon("2026-05-03"), Relaxed);
    desk.start_begun_stays().await.unwrap();
    assert_eq!(both().await, (Status::Active, Status::Active));
}
