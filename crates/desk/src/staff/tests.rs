use std::{net::IpAddr, sync::Arc};

use chrono::TimeDelta;
use domain::{Event, Seq};
use persistence::events;

use super::*;
use crate::{DbUrl, GeneratedHotel, Lifetimes, Sizes, SystemClock};

const PASSWORD: &str = "correct horse";

struct Scene {
    desk: Desk,
    hotel: GeneratedHotel,
    manager: Caller,
    clerk: Caller,
    _folder: tempfile::TempDir,
}

/// A hotel of two departments: a manager, and one clerk for each.
async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let lifetimes = Lifetimes { idle: TimeDelta::hours(12), most: TimeDelta::days(30) };
    let desk = Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), Arc::new(|_| {})).await.unwrap();
    let sizes = Sizes { hotels: 1, departments: 2, staff: 3, stays: 4, messages: 1 };
    let hotel = desk.generate(sizes, Password::parse(PASSWORD).unwrap()).await.unwrap().hotels.remove(0);
    let (manager, clerk) = (sign_in(&desk, &hotel, 0).await, sign_in(&desk, &hotel, 1).await);
    Scene { desk, hotel, manager, clerk, _folder: folder }
}

fn credentials(hotel: &GeneratedHotel, who: usize) -> crate::Credentials {
    let (username, password) = (hotel.staff[who].username.clone(), PASSWORD.to_owned());
    crate::Credentials { username, password, address: IpAddr::from([127, 0, 0, 1]) }
}

async fn sign_in(desk: &Desk, hotel: &GeneratedHotel, who: usize) -> Caller {
    let signed_in = desk.login(credentials(hotel, who)).await.unwrap();
    desk.caller_of_token(&signed_in.access).unwrap()
}

impl Scene {
    async fn change(&self, by: Caller, id: StaffId, change: StaffChange) -> Result<Staff, Error> {
        match self.desk.change_staff(by, id, change, Once::unkeyed()).await? {
            Done::Now(staff) => Ok(staff),
            Done::Before(_) => panic!("without a key"),
        }
    }

    async fn events(&self) -> Vec<Event> {
        let hotel = self.hotel.id;
        self.desk.store.read(move |conn| Ok::<_, Error>(events::after(conn, hotel, Seq(0), 1000)?)).await.unwrap()
    }
}

#[tokio::test]
async fn who_loses_sight_is_told_and_loses_their_assignments() {
    let scene = scene().await;
    let (own, other) = (scene.hotel.departments[0].id, scene.hotel.departments[1].id);
    let theirs = scene.hotel.stays.iter().find(|it| it.department_id == Some(own)).unwrap().conversation_id;
    let which = Which::Conversation(theirs);
    scene.desk.assign(scene.manager, which, Some(scene.clerk.staff), Once::unkeyed()).await.unwrap();
    let change = StaffChange { departments: Some(vec![other]), ..StaffChange::default() };
    let after = scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    assert_eq!(after.departments, [other]);
    assert!(matches!(scene.desk.conversation(scene.clerk, theirs).await, Err(Error::NotFound)));
    let view = scene.desk.conversation(scene.manager, theirs).await.unwrap().answer;
    assert_eq!(view.conversation.assignee, None);
    let kinds: Vec<EventKind> = scene.events().await.into_iter().map(|it| it.kind).skip(1).collect();
    assert_eq!(kinds[0], EventKind::StaffChanged { staff: scene.clerk.staff });
    let is_lost = |it: &&EventKind| matches!(it, EventKind::ConversationRemoved { .. });
    let lost: Vec<_> = kinds.iter().filter(is_lost).map(|it| it.conversation()).collect();
    assert_eq!(lost, [Some(theirs)]);
}

#[tokio::test]
async fn a_manager_who_becomes_staff_loses_all_but_their_departments() {
    let scene = scene().await;
    let own = scene.hotel.departments[0].id;
    let username = &scene.hotel.staff[0].username;
    scene.desk.set_staff(username, Some(vec![own]), Some(Role::Staff)).await.unwrap();
    let lost = scene.events().await.into_iter().filter(|it| matches!(it.kind, EventKind::ConversationRemoved { .. }));
    assert_eq!(lost.count(), 1);
}

#[tokio::test]
async fn only_a_manager_changes_staff_and_only_their_own_hotels() {
    let scene = scene().await;
    let manager = scene.manager.staff;
    let refused = scene.change(scene.clerk, manager, StaffChange::default()).await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    for by in [scene.clerk, scene.manager] {
        assert!(matches!(scene.change(by, StaffId(99), StaffChange::default()).await, Err(Error::NotFound)));
    }
    let (own, foreign) = (scene.hotel.departments[0].id, DepartmentId(99));
    for departments in [vec![own, own], vec![foreign]] {
        let change = StaffChange { departments: Some(departments), ..StaffChange::default() };
        let told = scene.change(scene.manager, scene.clerk.staff, change).await;
        assert!(matches!(told, Err(Error::Invalid(field)) if field.name == "department_ids"));
    }
    let taken = Name::parse(&scene.hotel.staff[0].username).unwrap();
    let change = StaffChange { username: Some(taken), ..StaffChange::default() };
    let told = scene.change(scene.manager, scene.clerk.staff, change).await;
    assert!(matches!(told, Err(Error::Invalid(field)) if field.name == "username"));
}

#[tokio::test]
async fn deactivation_and_a_password_from_another_end_all_sessions() {
    let scene = scene().await;
    let password = Some(Password::parse("another horse").unwrap());
    let change = StaffChange { password: password.clone(), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    assert!(matches!(scene.desk.authenticate(scene.clerk).await, Err(Error::Unauthenticated)));

    let own = StaffChange { password, ..StaffChange::default() };
    scene.change(scene.manager, scene.manager.staff, own).await.unwrap();
    assert!(scene.desk.authenticate(scene.manager).await.is_ok());

    let second = sign_in(&scene.desk, &scene.hotel, 2).await;
    scene.desk.deactivate(&scene.hotel.staff[2].username).await.unwrap();
    assert!(matches!(scene.desk.authenticate(second).await, Err(Error::Unauthenticated)));
    assert!(scene.desk.deactivate("nobody").await.is_err());
}

#[tokio::test]
async fn a_sign_in_under_way_does_not_outlive_a_change() {
    let scene = scene().await;
    let username = scene.hotel.staff[1].username.clone();
    let another = || Password::parse("another horse").unwrap();
    let change = StaffChange::default();
    let by_a_manager = [
        StaffChange { password: Some(another()), ..change.clone() },
        StaffChange { active: Some(false), ..change.clone() },
        StaffChange { username: Some(Name::parse("renamed").unwrap()), ..change },
    ];
    for change in by_a_manager {
        let scene = self::scene().await;
        let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 1)).await.unwrap();
        scene.change(scene.manager, scene.clerk.staff, change.clone()).await.unwrap();
        let told = scene.desk.begin_session(verified).await;
        assert!(matches!(told, Err(Error::BadCredentials)), "{change:?}");
    }

    let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 1)).await.unwrap();
    scene.desk.set_password(&username, another()).await.unwrap();
    assert!(matches!(scene.desk.begin_session(verified).await, Err(Error::BadCredentials)));

    let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 0)).await.unwrap();
    scene.desk.change_password(scene.manager, PASSWORD.into(), "another horse".into()).await.unwrap();
    assert!(matches!(scene.desk.begin_session(verified).await, Err(Error::BadCredentials)));

    // A change of role or departments does not end a sign-in, which then has the new ones.
    let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 2)).await.unwrap();
    let departments: Vec<DepartmentId> = scene.hotel.departments.iter().map(|it| it.id).collect();
    let change = StaffChange { departments: Some(departments.clone()), ..StaffChange::default() };
    let changed = scene.change(scene.manager, scene.hotel.staff[2].id, change).await.unwrap();
    let signed_in = scene.desk.begin_session(verified).await.unwrap();
    assert_eq!(signed_in.staff, changed);
    assert_eq!(signed_in.departments.len(), departments.len());
}

#[tokio::test]
async fn a_department_is_made_and_renamed_once() {
    let scene = scene().await;
    let name = |text| Name::parse(text).unwrap();
    let refused = scene.desk.create_department(scene.clerk, name("Spa"), Once::unkeyed()).await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    let made = scene.desk.create_department(scene.manager, name("Spa"), Once::unkeyed()).await.unwrap();
    let Done::Now(made) = made else { panic!("without a key") };
    let again = scene.desk.create_department(scene.manager, name("Spa"), Once::unkeyed()).await;
    assert!(matches!(again, Err(Error::Invalid(_))));
    let rename = |id, to| scene.desk.rename_department(scene.manager, id, Some(to), Once::unkeyed());
    assert!(matches!(rename(made.id, name("Reception")).await, Err(Error::Invalid(_))));
    assert!(matches!(rename(DepartmentId(99), name("Pool")).await, Err(Error::NotFound)));
    assert!(matches!(rename(made.id, name("Pool")).await, Ok(Done::Now(it)) if it.name == "Pool"));
}
