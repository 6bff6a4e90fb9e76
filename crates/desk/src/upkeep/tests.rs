use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering::Relaxed},
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{EventKind, MessageText, Name, PhoneNumber, Status};

use super::*;
use crate::{Clock, DbUrl, FromGuest, Lifetimes, OnCommit};

/// A clock that stands where it was put: seconds since 1970.
struct Put(AtomicI64);

impl Clock for Put {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Relaxed), 0).unwrap()
    }
}

fn noon(day: &str) -> i64 {
    day.parse::<NaiveDate>().unwrap().and_hms_opt(12, 0, 0).unwrap().and_utc().timestamp()
}

#[tokio::test]
async fn a_stay_begins_when_its_day_comes_in_the_hotel() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Put(AtomicI64::new(noon("2026-05-01"))));
    let told: Arc<Mutex<Vec<EventKind>>> = Arc::default();
    let on_commit: OnCommit = {
        let told = told.clone();
        Arc::new(move |commit| told.lock().unwrap().extend(commit.events.iter().map(|it| it.kind.clone())))
    };
    let lifetimes = Lifetimes { idle: TimeDelta::days(1), most: TimeDelta::days(1) };
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let desk = Desk::open(&url, &[7; 32], lifetimes, clock.clone(), on_commit).await.unwrap();
    // In Auckland the next day begins at noon of Greenwich: the second of May is there already.
    let (auckland, london) = ("Pacific/Auckland", "Europe/London");
    let mut guests = Vec::new();
    for (zone, phone) in [(auckland, "+6421000001"), (london, "+447700900001")] {
        let hotel = desk.add_hotel(Name::parse(zone).unwrap(), Some(zone.to_owned())).await.unwrap();
        let csv = format!(
            "reservation_code,guest_name,guest_phone,room_number,check_in,check_out\nR,A,{phone},1,2026-05-03,2026-05-04"
        );
        desk.import_stays(hotel, csv.as_bytes()).await.unwrap();
        let (phone, text) = (PhoneNumber::parse(phone).unwrap(), MessageText::parse("See you!").unwrap());
        guests.push(desk.receive(FromGuest::played(phone, None, text), Some(hotel)).await.unwrap().conversation);
    }
    let status = |conversation| {
        let desk = desk.clone();
        async move {
            let found = desk.store.read(move |conn| Ok::<_, Error>(conversations::find(conn, conversation)?));
            found.await.unwrap().unwrap().status
        }
    };
    let both = async || (status(Which::Conversation(guests[0])).await, status(Which::Conversation(guests[1])).await);
    desk.begin_stays().await.unwrap();
    assert_eq!(both().await, (Status::Checkin, Status::Checkin));
    clock.0.store(noon("2026-05-02"), Relaxed);
    told.lock().unwrap().clear();
    desk.begin_stays().await.unwrap();
    assert_eq!(both().await, (Status::Active, Status::Checkin));
    assert!(matches!(told.lock().unwrap()[..], [EventKind::ConversationUpdated(it)] if !it.only_message));
    desk.begin_stays().await.unwrap();
    assert_eq!(told.lock().unwrap().len(), 1, "it was told twice");
    clock.0.store(noon("2026-05-03"), Relaxed);
    desk.begin_stays().await.unwrap();
    assert_eq!(both().await, (Status::Active, Status::Active));
}
