use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use domain::{ConversationId, Event, Seq};
use futures_util::future::join_all;
use persistence::event_log;

use super::*;
use crate::departments::{DepartmentChange, DepartmentFields};
use crate::{
    DbUrl, SessionLifetimes, SystemClock,
    generate::{GeneratedHotel, GeneratedSizes},
    sign_in::{ClientFacts, Credentials},
};

const PASSWORD: &str = "correct horse";

struct StaffTest {
    desk: Desk,
    hotel: GeneratedHotel,
    manager: Caller,
    clerk: Caller,
    /// The committed events, one entry per transaction.
    commits: Arc<Mutex<Vec<Arc<[Event]>>>>,
    _folder: tempfile::TempDir,
}

/// A hotel with two departments, a manager, and one clerk per department.
async fn scene() -> StaffTest {
    scene_of(4).await
}

/// A hotel as in [`scene`], with this number of stays. A quarter of their conversations are routed to the first
/// department (status `relay`), a quarter to the second.
async fn scene_of(stays: u32) -> StaffTest {
    let folder = tempfile::tempdir().unwrap();
    let url = DbUrl::Sqlite(folder.path().join("test.db"));
    let lifetimes = SessionLifetimes { idle: TimeDelta::hours(12), max: TimeDelta::days(30) };
    let commits: Arc<Mutex<Vec<Arc<[Event]>>>> = Arc::default();
    let committed = commits.clone();
    let on_commit: crate::OnCommit = Arc::new(move |it| committed.lock().unwrap().push(it.events));
    let desk = Desk::open(&url, &[7; 32], lifetimes, Arc::new(SystemClock), on_commit).await.unwrap();
    let sizes = GeneratedSizes { hotels: 1, departments: 2, staff: 3, stays, messages: 1 };
    let hotel = desk.generate(sizes, Password::parse(PASSWORD).unwrap()).await.unwrap().hotels.remove(0);
    let (manager, clerk) = (sign_in(&desk, &hotel, 0).await, sign_in(&desk, &hotel, 1).await);
    StaffTest { desk, hotel, manager, clerk, commits, _folder: folder }
}

fn credentials(hotel: &GeneratedHotel, index: usize) -> Credentials {
    let (username, password) = (hotel.staff[index].username.clone(), PASSWORD.to_owned());
    Credentials { username, password, remember: true, client: client() }
}

fn client() -> ClientFacts {
    ClientFacts { address: IpAddr::from([127, 0, 0, 1]), device: None, user_agent: None }
}

async fn sign_in(desk: &Desk, hotel: &GeneratedHotel, index: usize) -> Caller {
    let signed_in = desk.login(credentials(hotel, index)).await.unwrap();
    desk.caller_of_token(&signed_in.access).unwrap()
}

impl StaffTest {
    async fn change(&self, by: Caller, id: StaffId, change: StaffChange) -> Result<Staff, Error> {
        let current = Some(PASSWORD.to_owned());
        match self.desk.change_staff(by, id, change, current, client(), KeyedWrite::without_key()).await? {
            WriteOutcome::Performed(staff) => Ok(staff),
            WriteOutcome::Replayed(_) => panic!("without a key"),
        }
    }

    async fn events(&self) -> Vec<Event> {
        let hotel = self.hotel.id;
        self.desk.read(move |conn| Ok(event_log::list_after(conn, hotel, Seq(0), 100_000)?)).await.unwrap()
    }
}

/// Whether an event is not one that only announces a change of the directory, or of the history of a conversation.
fn is_about_visibility(kind: &EventKind) -> bool {
    !matches!(kind, EventKind::DirectoryUpdated { .. } | EventKind::HistoryAdded { .. })
}

#[tokio::test]
async fn lost_visibility_is_recorded_and_ends_assignments() {
    let scene = scene().await;
    let (own, other) = (scene.hotel.departments[0].id, scene.hotel.departments[1].id);
    let theirs = scene.hotel.stays.iter().find(|it| it.department_id == Some(own)).unwrap().conversation_id;
    let which = ConversationRef::Conversation(theirs);
    scene.desk.assign(scene.manager, which, Some(scene.clerk.staff), false, KeyedWrite::without_key()).await.unwrap();
    let change = StaffChange { departments: Some(vec![other]), ..StaffChange::default() };
    let after = scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    assert_eq!(after.departments, [other]);
    assert!(matches!(scene.desk.conversation(scene.clerk, theirs).await, Err(Error::NotFound)));
    let view = scene.desk.conversation(scene.manager, theirs).await.unwrap().value;
    assert_eq!(view.conversation.assignee(), None);
    let mut kinds: Vec<EventKind> = scene.events().await.into_iter().map(|it| it.kind).collect();
    kinds.retain(is_about_visibility);
    // The first event is that of the assignment.
    kinds.remove(0);
    assert_eq!(kinds[0], EventKind::StaffChanged { staff: scene.clerk.staff });
    let is_lost = |it: &&EventKind| matches!(it, EventKind::ConversationRemoved { .. });
    let lost: Vec<_> = kinds.iter().filter(is_lost).map(|it| it.conversation()).collect();
    assert_eq!(lost, [Some(theirs)]);
}

/// Assigns the conversations of the clerk's department to the clerk, and closes all but the first. Returns their ids.
async fn assign_and_close(scene: &StaffTest) -> Vec<ConversationId> {
    let own = scene.hotel.departments[0].id;
    let theirs = scene.hotel.stays.iter().filter(|it| it.department_id == Some(own)).map(|it| it.conversation_id);
    let theirs: Vec<ConversationId> = theirs.collect();
    let (desk, manager, clerk) = (&scene.desk, scene.manager, scene.clerk.staff);
    // Conversations are assigned and closed concurrently, so that they are committed in groups.
    for some in theirs.chunks(200) {
        join_all(some.iter().map(async |id| {
            let which = ConversationRef::Conversation(*id);
            desk.assign(manager, which, Some(clerk), false, KeyedWrite::without_key()).await.unwrap();
            if *id != theirs[0] {
                desk.close(manager, which, KeyedWrite::without_key()).await.unwrap();
            }
        }))
        .await;
    }
    theirs
}

#[tokio::test]
async fn a_change_of_departments_records_closed_conversations_in_later_batches() {
    let scene = scene_of(2804).await;
    let theirs = assign_and_close(&scene).await;
    assert!(theirs.len() > 700, "more than a batch");
    scene.commits.lock().unwrap().clear();
    let other = scene.hotel.departments[1].id;
    let change = StaffChange { departments: Some(vec![other]), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    let kinds = |events: &Arc<[Event]>| events.iter().map(|it| it.kind.clone()).collect::<Vec<_>>();
    let mut first = kinds(&scene.commits.lock().unwrap()[0]);
    first.retain(is_about_visibility);
    assert_eq!(first.len(), 3, "{first:?}");
    assert_eq!(first[0], EventKind::StaffChanged { staff: scene.clerk.staff });
    assert!(first[1..].iter().all(|it| it.conversation() == Some(theirs[0])), "{first:?}");
    scene.desk.record_access_losses().await.unwrap();
    let commits = scene.commits.lock().unwrap().clone();
    assert!(commits.iter().all(|it| it.len() <= 500));
    let removed = commits.iter().flat_map(kinds).filter(|it| matches!(it, EventKind::ConversationRemoved { .. }));
    let mut removed: Vec<ConversationId> = removed.filter_map(|it| it.conversation()).collect();
    removed.sort_unstable();
    assert_eq!(removed, theirs, "each once");
    assert!(scene.desk.read(|conn| Ok(access_revocations::list_pending(conn)?)).await.unwrap().is_empty());
    reopens_without_assignee(&scene, theirs[1]).await;
}

#[tokio::test]
async fn after_a_deactivation_closed_conversations_are_reopened_without_assignee() {
    let scene = scene_of(24).await;
    let theirs = assign_and_close(&scene).await;
    scene.commits.lock().unwrap().clear();
    let change = StaffChange { active: Some(false), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    let first = scene.commits.lock().unwrap()[0].clone();
    let shown = first.iter().filter(|it| is_about_visibility(&it.kind));
    let conversations: Vec<_> = shown.map(|it| it.kind.conversation()).collect();
    assert_eq!(conversations, [None, Some(theirs[0])]);
    let open = scene.desk.conversation(scene.manager, theirs[0]).await.unwrap().value;
    assert_eq!(open.conversation.assignee(), None);
    reopens_without_assignee(&scene, theirs[1]).await;
}

async fn reopens_without_assignee(scene: &StaffTest, id: ConversationId) {
    scene.desk.reopen(scene.manager, ConversationRef::Conversation(id), KeyedWrite::without_key()).await.unwrap();
    let conversation = scene.desk.conversation(scene.manager, id).await.unwrap().value.conversation;
    assert_eq!((conversation.status(), conversation.assignee()), (domain::Status::Relay, None));
}

#[tokio::test]
async fn a_reopened_conversation_keeps_an_assignee_who_can_see_it() {
    let scene = scene_of(24).await;
    let theirs = assign_and_close(&scene).await;
    let all = scene.hotel.departments.iter().map(|it| it.id).collect();
    let change = StaffChange { departments: Some(all), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    scene
        .desk
        .reopen(scene.manager, ConversationRef::Conversation(theirs[1]), KeyedWrite::without_key())
        .await
        .unwrap();
    let conversation = scene.desk.conversation(scene.manager, theirs[1]).await.unwrap().value.conversation;
    assert_eq!(conversation.assignee(), Some(scene.clerk.staff));
}

#[tokio::test]
async fn a_deactivation_unassigns_more_conversations_than_one_transaction() {
    let scene = scene_of(1000).await;
    let own = scene.hotel.departments[0].id;
    let theirs: Vec<_> = scene.hotel.stays.iter().filter(|it| it.department_id == Some(own)).collect();
    assert!(theirs.len() as i64 > MAX_UNASSIGNED_PER_TRANSACTION);
    let (desk, manager, clerk) = (&scene.desk, scene.manager, scene.clerk.staff);
    let assign =
        |id| desk.assign(manager, ConversationRef::Conversation(id), Some(clerk), false, KeyedWrite::without_key());
    join_all(theirs.iter().map(async |it| assign(it.conversation_id).await.unwrap())).await;
    desk.set_active(&scene.hotel.staff[1].username, false).await.unwrap();
    for stay in theirs {
        let view = desk.conversation(manager, stay.conversation_id).await.unwrap().value;
        assert_eq!(view.conversation.assignee(), None);
    }
}

#[tokio::test]
async fn a_manager_who_becomes_staff_loses_the_other_departments() {
    let scene = scene().await;
    let own = scene.hotel.departments[0].id;
    let [manager, clerk] = [0, 1].map(|index| &scene.hotel.staff[index].username);
    // A hotel keeps an active manager.
    scene.desk.set_staff(clerk, None, Some(Role::Manager)).await.unwrap();
    scene.desk.set_staff(manager, Some(vec![own]), Some(Role::Staff)).await.unwrap();
    let lost = scene.events().await.into_iter().filter(|it| matches!(it.kind, EventKind::ConversationRemoved { .. }));
    assert_eq!(lost.count(), 1);
}

#[tokio::test]
async fn only_a_manager_of_the_hotel_changes_staff() {
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
        let refused = scene.change(scene.manager, scene.clerk.staff, change).await;
        assert!(matches!(refused, Err(Error::Invalid(field)) if field.name == "department_ids"));
    }
    let taken = Username::parse(&scene.hotel.staff[0].username).unwrap();
    let change = StaffChange { username: Some(taken), ..StaffChange::default() };
    let refused = scene.change(scene.manager, scene.clerk.staff, change).await;
    assert!(matches!(refused, Err(Error::Invalid(field)) if field.name == "username"));
}

#[tokio::test]
async fn a_deactivation_or_a_password_reset_revokes_all_sessions() {
    let scene = scene().await;
    let password = Some(Password::parse("another horse ran").unwrap());
    let change = StaffChange { password: password.clone(), ..StaffChange::default() };
    scene.change(scene.manager, scene.clerk.staff, change).await.unwrap();
    assert!(matches!(scene.desk.authenticate(scene.clerk).await, Err(Error::Unauthenticated)));

    let own = StaffChange { password, ..StaffChange::default() };
    scene.change(scene.manager, scene.manager.staff, own).await.unwrap();
    assert!(scene.desk.authenticate(scene.manager).await.is_ok());

    let second = sign_in(&scene.desk, &scene.hotel, 2).await;
    scene.desk.set_active(&scene.hotel.staff[2].username, false).await.unwrap();
    assert!(matches!(scene.desk.authenticate(second).await, Err(Error::Unauthenticated)));
    assert!(scene.desk.set_active("nobody", false).await.is_err());
}

#[tokio::test]
async fn a_change_during_a_sign_in_refuses_the_sign_in() {
    let scene = scene().await;
    let username = scene.hotel.staff[1].username.clone();
    let another = || Password::parse("another horse ran").unwrap();
    let change = StaffChange::default();
    let by_a_manager = [
        StaffChange { password: Some(another()), ..change.clone() },
        StaffChange { active: Some(false), ..change.clone() },
        StaffChange { username: Some(Username::parse("renamed").unwrap()), ..change },
    ];
    for change in by_a_manager {
        let scene = self::scene().await;
        let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 1)).await.unwrap();
        scene.change(scene.manager, scene.clerk.staff, change.clone()).await.unwrap();
        let refused = scene.desk.start_session(verified).await;
        assert!(matches!(refused, Err(Error::BadCredentials)), "{change:?}");
    }

    let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 1)).await.unwrap();
    scene.desk.set_password(&username, another(), false).await.unwrap();
    assert!(matches!(scene.desk.start_session(verified).await, Err(Error::BadCredentials)));

    let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 0)).await.unwrap();
    scene.desk.change_password(scene.manager, PASSWORD.into(), "another horse ran".into(), client()).await.unwrap();
    assert!(matches!(scene.desk.start_session(verified).await, Err(Error::BadCredentials)));

    // A change of role or departments during a sign-in does not make it fail; the session then has the new ones.
    let verified = scene.desk.verify_credentials(credentials(&scene.hotel, 2)).await.unwrap();
    let departments: Vec<DepartmentId> = scene.hotel.departments.iter().map(|it| it.id).collect();
    let change = StaffChange { departments: Some(departments.clone()), ..StaffChange::default() };
    let changed = scene.change(scene.manager, scene.hotel.staff[2].id, change).await.unwrap();
    let signed_in = scene.desk.start_session(verified).await.unwrap();
    assert_eq!(signed_in.staff, changed);
    assert_eq!(signed_in.departments.len(), departments.len());
}

#[tokio::test]
async fn department_names_are_unique_in_the_hotel() {
    let scene = scene().await;
    let name = |text| Name::parse(text).unwrap();
    let refused = scene
        .desk
        .create_department(scene.clerk, name("Spa"), DepartmentFields::default(), KeyedWrite::without_key())
        .await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    let created = scene
        .desk
        .create_department(scene.manager, name("Spa"), DepartmentFields::default(), KeyedWrite::without_key())
        .await
        .unwrap();
    let WriteOutcome::Performed(created) = created else { panic!("without a key") };
    let duplicate = scene
        .desk
        .create_department(scene.manager, name("Spa"), DepartmentFields::default(), KeyedWrite::without_key())
        .await;
    assert!(matches!(duplicate, Err(Error::Invalid(_))));
    let rename = |id, to| {
        let fields = DepartmentFields { name: Some(to), ..DepartmentFields::default() };
        let change = DepartmentChange { fields, move_to: None };
        scene.desk.change_department(scene.manager, id, change, KeyedWrite::without_key())
    };
    assert!(matches!(rename(created.id, name("Reception")).await, Err(Error::Invalid(_))));
    assert!(matches!(rename(DepartmentId(99), name("Pool")).await, Err(Error::NotFound)));
    assert!(matches!(rename(created.id, name("Pool")).await, Ok(WriteOutcome::Performed(it)) if it.name == "Pool"));
}
