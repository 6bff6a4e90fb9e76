use std::sync::Arc;

use chrono::TimeDelta;
use domain::{MessageText, Name, PhoneNumber, Status};

use super::*;
use crate::{
    DbUrl, SessionLifetimes, SystemClock,
    inbound::receive_message::{GuestMessage, StoredGuestMessage},
};

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

async fn desk(folder: &tempfile::TempDir) -> (Desk, HotelId) {
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let lifetimes = SessionLifetimes { idle: TimeDelta::hours(12), max: TimeDelta::days(30) };
    let desk = Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), Arc::new(|_| {})).await.unwrap();
    let hotel = desk.create_hotel(Name::parse("Inn").unwrap(), Some("Europe/Madrid".into())).await.unwrap();
    (desk, hotel)
}

async fn import(desk: &Desk, hotel: HotelId, rows: &str) -> Vec<ImportResult> {
    let outcomes = desk.import_stays(hotel, format!("{HEADER}\n{rows}").as_bytes()).await.unwrap();
    outcomes.into_iter().map(|it| it.result).collect()
}

async fn receive(desk: &Desk, phone: &str) -> StoredGuestMessage {
    let (phone, text) = (PhoneNumber::parse(phone).unwrap(), MessageText::parse("hello").unwrap());
    desk.receive_demo_message(GuestMessage::from_demo(phone, None, text), None).await.unwrap()
}

#[tokio::test]
async fn the_first_stay_gets_the_guests_earlier_conversation() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, hotel) = desk(&folder).await;
    let before = receive(&desk, "+34600000001").await;
    assert_eq!(before.stay, None);
    let row = "R-1,Alice,+34600000001,101,2020-01-01,2099-01-01\n";
    assert_eq!(import(&desk, hotel, row).await, [ImportResult::Created]);
    assert_eq!(import(&desk, hotel, row).await, [ImportResult::Unchanged]);
    let after = receive(&desk, "+34600000001").await;
    assert!(after.stay.is_some());
    assert_eq!(after.conversation, before.conversation);
    let found = desk.read(move |conn| Ok(conversations::views(conn, None, &[after.conversation])?)).await;
    let view = found.unwrap().remove(0);
    assert_eq!((view.conversation.status(), view.guest_name.as_str()), (Status::Active, "Alice"));
}

#[tokio::test]
async fn a_changed_number_moves_the_stay_to_another_guest() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, hotel) = desk(&folder).await;
    import(&desk, hotel, "R-1,Alice,+34600000001,101,2020-01-01,2099-01-01\n").await;
    let before = receive(&desk, "+34600000001").await;
    let changed = "R-1,Alice,+34600000002,102,2020-01-01,2099-01-01\nR-2,B,+34600000003,1,2020-01-02,2020-01-01\n";
    let results = import(&desk, hotel, changed).await;
    assert_eq!(results[0], ImportResult::Updated);
    assert!(matches!(&results[1], ImportResult::Failed(faults) if faults[0].0 == "check_out"));
    assert_eq!(receive(&desk, "+34600000002").await.conversation, before.conversation);
    assert_ne!(receive(&desk, "+34600000001").await.conversation, before.conversation);
}

#[tokio::test]
async fn an_unknown_hotel_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, _) = desk(&folder).await;
    assert!(matches!(desk.import_stays(HotelId(9), HEADER.as_bytes()).await, Err(ImportError::NoSuchHotel)));
}
