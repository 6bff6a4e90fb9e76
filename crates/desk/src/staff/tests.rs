use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use domain::{ConversationId, Event, Seq};
use futures_util::future::join_all;
use persistence::events;

use super::*;
use crate::{DbUrl, GeneratedHotel, Lifetimes, Sizes, SystemClock};

const PASSWORD: &str = "correct horse";

struct Scene {
    desk: Desk,
    hotel: GeneratedHotel,
    manager: Caller,
    clerk: Caller,
    /// What each transaction put into the log.
    commits: Arc<Mutex<Vec<Arc<[Event]>>>>,
    _folder: tempfile::TempDir,
}

/// A hotel of two departments: a manager, and one clerk for each.
async fn scene() -> Scene {
    scene_of(4).await
}

/// The same with so many stays, a quarter of them in relay with each department.
async fn scene_of(stays: u32) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let lifetimes = Lifetimes { idle: TimeDelta::hours(12), most: TimeDelta::days(30) };
    let commits: Arc<Mutex<Vec<Arc<[Event]>>>> = Arc::default();
    let committed = commits.clone();
    let on_commit: crate::OnCommit = Arc::new(move |it| committed.lock().unwrap().push(it.events));
    let desk = Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), on_commit).await.unwrap();
    let sizes = Sizes { hotels: 1, departments: 2, staff: 3, stays, messages: 1 };
    let hotel = desk.generate(sizes, Password::parse(PASSWORD).unwrap()).await.unwrap().hotels.remove(0);
    let (manager, clerk) = (sign_in(&desk, &hotel, 0).await, sign_in(&desk, &hotel, 1).await);
    Scene { desk, hotel, manager, clerk, commits, _folder: folder }
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
        self.desk.store.read(move |conn| Ok::<_, Error>(events::after(conn, hotel, Seq(0), 100_000)?)).await.unwrap()
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

/// Assigns to the clerk what their department has, and closes all but the first; the ids.
async fn long_serving(scene: &Scene) -> Vec<ConversationId> {
    let own = scene.hotel.departments[0].id;
    let theirs = scene.hotel.stays.iter().filter(|it| it.department_id == Some(own)).map(|it| it.conversation_id);
    let theirs: Vec<ConversationId> = theirs.collect();
    let (desk, manager, clerk) = (&scene.desk, scene.manager, scene.clerk.staff);
    // Many at once, so that they are committed together.
    for some in theirs.chunks(200) {
        join_all(some.iter().map(async |id| {
            let which = Which::Conversation(*id);
            desk.assign(manager, which, Some(clerk), Once::unkeyed()).await.unwrap();
            if *id != theirs[0] {
                desk.close(manager, which, Once::unkeyed()).await.unwrap();
            }
        }))
        .await;
    }
    theirs
}

#[tokio::test]
async fn a_move_writes_nothing_of_closed_conversations_and_batches_tell_of_them_afterwards() {
    let scene = scene_of(2804).await;
    let theirs = long_serving(&scene).await;
    assert!(theirs.len() > 700, "more than a batch");
    scene.commits.lock().unwrap().clear();
    let other = scene.hotel.departments[1].id;
    let change = StaffChange { departments: Some(vec![other]), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    let kinds = |events: &Arc<[Event]>| events.iter().map(|it| it.kind.clone()).collect::<Vec<_>>();
    let first = kinds(&scene.commits.lock().unwrap()[0]);
    assert_eq!(first.len(), 3, "{first:?}");
    assert_eq!(first[0], EventKind::StaffChanged { staff: scene.clerk.staff });
    assert!(first[1..].iter().all(|it| it.conversation() == Some(theirs[0])), "{first:?}");
    scene.desk.record_lost_sight().await.unwrap();
    let commits = scene.commits.lock().unwrap().clone();
    assert!(commits.iter().all(|it| it.len() <= 500));
    let removed = commits.iter().flat_map(kinds).filter(|it| matches!(it, EventKind::ConversationRemoved { .. }));
    let mut removed: Vec<ConversationId> = removed.filter_map(|it| it.conversation()).collect();
    removed.sort_unstable();
    assert_eq!(removed, theirs, "each once");
    assert!(scene.desk.store.read(|conn| Ok::<_, Error>(reach_losses::pending(conn)?)).await.unwrap().is_empty());
    reopens_without_assignee(&scene, theirs[1]).await;
}

#[tokio::test]
async fn a_deactivation_writes_nothing_of_closed_conversations_and_they_are_opened_without_assignee() {
    let scene = scene_of(24).await;
    let theirs = long_serving(&scene).await;
    scene.commits.lock().unwrap().clear();
    let change = StaffChange { active: Some(false), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    let first = scene.commits.lock().unwrap()[0].clone();
    let concerned: Vec<_> = first.iter().map(|it| it.kind.conversation()).collect();
    assert_eq!(concerned, [None, Some(theirs[0])]);
    let open = scene.desk.conversation(scene.manager, theirs[0]).await.unwrap().answer;
    assert_eq!(open.conversation.assignee, None);
    reopens_without_assignee(&scene, theirs[1]).await;
}

async fn reopens_without_assignee(scene: &Scene, id: ConversationId) {
    scene.desk.reopen(scene.manager, Which::Conversation(id), Once::unkeyed()).await.unwrap();
    let it = scene.desk.conversation(scene.manager, id).await.unwrap().answer.conversation;
    assert_eq!((it.status, it.assignee), (domain::Status::Relay, None));
}

#[tokio::test]
async fn who_still_sees_a_closed_conversation_is_assigned_to_it_when_it_is_opened() {
    let scene = scene_of(24).await;
    let theirs = long_serving(&scene).await;
    let all = scene.hotel.departments.iter().map(|it| it.id).collect();
    let change = StaffChange { departments: Some(all), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    scene.desk.reopen(scene.manager, Which::Conversation(theirs[1]), Once::unkeyed()).await.unwrap();
    let it = scene.desk.conversation(scene.manager, theirs[1]).await.unwrap().answer.conversation;
    assert_eq!(it.assignee, Some(scene.clerk.staff));
}

#[tokio::test]
async fn more_open_conversations_than_fit_in_a_transaction_are_all_taken_away() {
    let scene = scene_of(1000).await;
    let own = scene.hotel.departments[0].id;
    let theirs: Vec<_> = scene.hotel.stays.iter().filter(|it| it.department_id == Some(own)).collect();
    assert!(theirs.len() as i64 > AT_ONCE);
    let (desk, manager, clerk) = (&scene.desk, scene.manager, scene.clerk.staff);
    let assign = |id| desk.assign(manager, Which::Conversation(id), Some(clerk), Once::unkeyed());
    join_all(theirs.iter().map(async |it| assign(it.conversation_id).await.unwrap())).await;
    desk.deactivate(&scene.hotel.staff[1].username).await.unwrap();
    for it in theirs {
        let view = desk.conversation(manager, it.conversation_id).await.unwrap().answer;
        assert_eq!(view.conversation.assignee, None);
    }
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
