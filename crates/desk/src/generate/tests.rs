use std::{collections::HashSet, sync::Arc};

use chrono::TimeDelta;
use domain::{Role, StaffId, Status};

use super::*;
use crate::sign_in::{ClientFacts, Credentials};
use crate::{DbUrl, SessionLifetimes, SystemClock};

async fn desk(folder: &tempfile::TempDir) -> Desk {
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let lifetimes = SessionLifetimes { idle: TimeDelta::hours(12), max: TimeDelta::days(30) };
    Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), Arc::new(|_| {})).await.unwrap()
}

#[tokio::test]
async fn two_runs_generate_complete_hotels_with_unique_phones_and_user_names() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder).await;
    let sizes = GeneratedSizes { hotels: 2, departments: 3, staff: 6, stays: 7, messages: 4 };
    let password = Password::parse("correct horse").unwrap();
    let mut hotels = desk.generate(sizes, password.clone()).await.unwrap().hotels;
    hotels.extend(desk.generate(sizes, password).await.unwrap().hotels);
    assert!(desk.is_demo_database().await.unwrap());

    let phones: HashSet<_> = hotels.iter().flat_map(|it| &it.stays).map(|it| &it.guest_phone).collect();
    let users: HashSet<_> = hotels.iter().flat_map(|it| &it.staff).map(|it| &it.username).collect();
    assert_eq!((hotels.len(), phones.len(), users.len()), (4, 28, 24));
    for hotel in &hotels {
        assert_eq!(hotel.departments[0].name, "Reception");
        assert_eq!((hotel.staff[0].role, hotel.staff[0].department_ids.len()), (Role::Manager, 0));
        assert!(hotel.staff[1..].iter().all(|it| it.role == Role::Staff && !it.department_ids.is_empty()));
        for department in &hotel.departments {
            assert!(hotel.staff.iter().any(|it| it.department_ids == [department.id]));
            assert!(hotel.stays.iter().any(|it| it.department_id == Some(department.id)));
        }
        assert_eq!(hotel.stays.iter().filter(|it| it.status == Status::Relay).count(), 4);
    }
}

#[tokio::test]
async fn counts_and_times_of_conversations_match_their_messages() {
    use persistence::{conversations, messages};
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder).await;
    for messages in [0, 1, 4, 5] {
        let sizes = GeneratedSizes { hotels: 1, departments: 1, staff: 1, stays: 2, messages };
        let generated = desk.generate(sizes, Password::generate()).await.unwrap();
        let id = generated.hotels[0].stays[1].conversation_id;
        let (view, page) = desk
            .read(move |conn| {
                let view = conversations::views(conn, Some(StaffId(0)), &[id])?.remove(0);
                let range = messages::MessageRange { before: None, after: None, around: None, limit: 100, notes: true };
                Ok((view, messages::list_range(conn, id, range)?))
            })
            .await
            .unwrap();
        assert_eq!(page.len(), messages as usize);
        assert_eq!(view.unread(), i64::from(messages.div_ceil(2)));
        assert_eq!(view.last_message.map(|it| it.at), page.last().map(|it| it.at));
        let last_guest_message = page.iter().rev().find(|it| it.author.is_none()).map(|it| it.at);
        assert_eq!(view.last_guest_message_at, last_guest_message);
        assert!(page.iter().map(|it| it.at).is_sorted());
        assert!(desk.now() - view.updated_at < TimeDelta::minutes(15));
        assert!(page.iter().enumerate().all(|(n, it)| (n % 2 == 1) == it.author.is_some()));
    }
}

#[tokio::test]
async fn a_database_with_a_real_hotel_is_not_marked_as_demo() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder).await;
    desk.create_hotel(Name::parse("Real").unwrap(), None).await.unwrap();
    let sizes = GeneratedSizes { hotels: 1, departments: 1, staff: 1, stays: 0, messages: 0 };
    desk.generate(sizes, Password::generate()).await.unwrap();
    assert!(!desk.is_demo_database().await.unwrap());
    assert!(matches!(
        desk.generate(GeneratedSizes { staff: 0, ..sizes }, Password::generate()).await,
        Err(Error::Invalid(_))
    ));
}

#[tokio::test]
async fn the_demo_hotel_has_staff_and_unread_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk(&folder).await;
    assert!(desk.is_empty().await.unwrap());
    let demo = desk.create_demo_hotel().await.unwrap();
    assert_eq!(demo.sign_ins.len(), 5);
    assert!(desk.is_demo_database().await.unwrap() && !desk.is_empty().await.unwrap());
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let client = ClientFacts { address, device: None, user_agent: None };
    let (username, password) = ("manager".into(), demo.password);
    let credentials = Credentials { username, password, remember: true, client };
    let token = desk.login(credentials).await.unwrap().access;
    let caller = desk.caller_of_token(&token).unwrap();
    let page = crate::PageRequest { number: 1, size: 25 };
    let listed =
        desk.list_conversations(caller, crate::conversations::ConversationFilter::default(), page).await.unwrap().value;
    assert_eq!(listed.count, 4);
    assert!(listed.page.iter().all(|it| it.unread() > 0 && it.days.is_some()));
}
