//! Tests that a replay contains the events that were sent live: random logs are fanned out to the socket of a random
//! viewer, and then read through the event filter.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use desk::{
    Caller, SystemClock,
    feed_query::{FeedSnapshot, LogPage, SessionQuery, SessionView},
    sessions::LiveSession,
};
use domain::{
    ClientRef, Conversation, ConversationId, ConversationRef, ConversationView, Delivery, DepartmentId, Event,
    EventKind, GuestId, Message, MessageId, Role, SenderType, Seq, Staff, StaffId, Status,
    event::{ConversationChange, StatusChange},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::Value;

use super::fixture::DemoNode;
use crate::{
    feed::{event_context::EventContext, event_filter::EventFilter, state::Feed},
    socket::{SocketHandle, SocketState, frames},
};

const CONVERSATIONS: i64 = 3;
const DEPARTMENTS: i64 = 3;
const COLLEAGUE: StaffId = StaffId(1_000_000);

/// Role and departments of the viewer, the staff member whose events are compared.
#[derive(Clone, Debug, PartialEq)]
struct ViewerAccess {
    role: Role,
    departments: Vec<DepartmentId>,
}

/// A step of a random scenario: the change that one commit makes.
#[derive(Clone, Debug)]
enum CommitStep {
    Create(ConversationId),
    SendMessage {
        conversation: ConversationId,
        author: Option<StaffId>,
        has_client_ref: bool,
    },
    ChangeDelivery(ConversationId),
    /// Transfers a conversation to a department; `None` ends the relay.
    Route(ConversationId, Option<DepartmentId>),
    Close(ConversationId),
    ChangeViewer(ViewerAccess),
    ChangeColleague,
}

#[derive(Clone, Debug)]
struct FeedScenario {
    access: ViewerAccess,
    has_inbox: bool,
    subscribed: Vec<bool>,
    steps: Vec<CommitStep>,
    /// Whether the feed fans out all commits at the end, as one batch, instead of each commit at once.
    is_feed_late: bool,
    /// Index of the step before which the socket begins a replay; beyond the last step, the replay begins at the end.
    pause_before: Option<usize>,
}

/// A model of the database, as far as it decides who receives an event.
struct ModelDatabase {
    viewer: Caller,
    access: ViewerAccess,
    conversations: BTreeMap<ConversationId, Conversation>,
    log: Vec<Event>,
    /// Log position of the last change of the viewer's access, at which a client loads everything again.
    access_changed_at: Seq,
}

/// An event of the log as the client gets it in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ReceivedEvent {
    seq: Seq,
    event: String,
    conversation: ConversationId,
    client_ref: Option<String>,
}

impl ReceivedEvent {
    /// Parses a frame. Returns `None` for frames that are not events of the log with a `seq`.
    fn parse(frame: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(frame).unwrap();
        let event = json["type"].as_str().unwrap().to_owned();
        let is_logged = event != "welcome" && json["seq"].is_i64();
        is_logged.then(|| Self {
            seq: Seq(json["seq"].as_i64().unwrap()),
            event,
            conversation: ConversationId(json["conversation_id"].as_i64().unwrap()),
            client_ref: json["client_ref"].as_str().map(str::to_owned),
        })
    }

    fn is_change(&self) -> bool {
        ["conversation_updated", "conversation_removed"].contains(&&*self.event)
    }
}

impl ModelDatabase {
    fn new(viewer: Caller, access: ViewerAccess) -> Self {
        let mut database =
            Self { viewer, access, conversations: BTreeMap::new(), log: Vec::new(), access_changed_at: Seq(0) };
        // All conversations exist at the begin except the last one.
        for id in 1..CONVERSATIONS {
            database.insert_conversation(ConversationId(id));
        }
        database
    }

    fn insert_conversation(&mut self, id: ConversationId) {
        let (hotel, guest) = (self.viewer.hotel, GuestId(id.0));
        let conversation =
            Conversation { id, hotel, guest, stay: None, status: Status::Demo, department: None, assignee: None };
        self.conversations.insert(id, conversation);
    }

    fn record(&mut self, kind: EventKind) {
        let seq = Seq(self.log.len() as i64 + 1);
        self.log.push(Event { hotel: self.viewer.hotel, seq, at: time(), kind });
    }

    fn record_change(&mut self, conversation: ConversationId, before: Option<DepartmentId>, only_message: bool) {
        let after = self.conversations[&conversation].department;
        let change = ConversationChange { conversation, stay: None, before, after, only_message };
        self.record(EventKind::ConversationUpdated(change));
    }

    /// Records the events of a commit in the model's log, as desk does.
    fn commit(&mut self, step: &CommitStep) {
        match step {
            CommitStep::Create(id) => {
                if !self.conversations.contains_key(id) {
                    self.insert_conversation(*id);
                    self.record(EventKind::NewConversation { conversation: *id, stay: None, department: None });
                }
            }
            CommitStep::SendMessage { conversation, author, has_client_ref } => {
                if let Some(department) = self.department(*conversation) {
                    let message = Box::new(self.message(*conversation, *author, *has_client_ref));
                    self.record(EventKind::Message { stay: None, message });
                    self.record_change(*conversation, department, true);
                }
            }
            CommitStep::ChangeDelivery(conversation) => {
                if self.conversations.contains_key(conversation) {
                    let (message, delivery) = (MessageId(1), Delivery::Read);
                    let (conversation, stay, failure) = (*conversation, None, None);
                    let change = StatusChange { conversation, stay, message, delivery, failure };
                    self.record(EventKind::MessageStatus(change));
                }
            }
            CommitStep::Route(id, department) => self.route(*id, *department),
            CommitStep::Close(id) => {
                if let Some(conversation) = self.conversations.get_mut(id) {
                    conversation.status = Status::Closed;
                    let department = conversation.department;
                    self.record_change(*id, department, false);
                }
            }
            CommitStep::ChangeViewer(access) => self.change_viewer(access),
            CommitStep::ChangeColleague => self.record(EventKind::StaffChanged { staff: COLLEAGUE }),
        }
    }

    fn route(&mut self, id: ConversationId, department: Option<DepartmentId>) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let before = conversation.department;
        if before == department {
            return;
        }
        conversation.department = department;
        if department.is_some() {
            self.record(EventKind::NewConversation { conversation: id, stay: None, department });
        }
        self.record_change(id, before, false);
    }

    fn change_viewer(&mut self, access: &ViewerAccess) {
        let visible_before = self.visible();
        let staff = self.viewer.staff;
        let has_changed = self.access != *access;
        self.access = access.clone();
        self.record(EventKind::StaffChanged { staff });
        if has_changed {
            self.access_changed_at = self.head();
        }
        for conversation in visible_before.difference(&self.visible()).copied().collect::<Vec<_>>() {
            self.record(EventKind::ConversationRemoved { conversation, stay: None, staff });
        }
    }

    fn message(&self, conversation: ConversationId, author: Option<StaffId>, has_client_ref: bool) -> Message {
        Message {
            id: MessageId(self.log.len() as i64),
            conversation,
            content: "Towels, please".to_owned(),
            sender_type: if author.is_some() { SenderType::Staff } else { SenderType::Guest },
            author,
            sender_name: "Ana".to_owned(),
            at: time(),
            delivery: None,
            failure: None,
            attachments: vec![],
            internal: false,
            client_ref: has_client_ref.then(|| ClientRef::parse("ref").unwrap()),
        }
    }

    fn head(&self) -> Seq {
        Seq(self.log.len() as i64)
    }

    /// Returns the conversation's current department; the outer `None` means that there is no such conversation.
    fn department(&self, conversation: ConversationId) -> Option<Option<DepartmentId>> {
        self.conversations.get(&conversation).map(|conversation| conversation.department)
    }

    fn visible(&self) -> HashSet<ConversationId> {
        let reach = self.session().staff.reach();
        let conversations = self.conversations.values();
        let visible = conversations.filter(|it| reach.covers(self.viewer.hotel, it.department));
        visible.map(|conversation| conversation.id).collect()
    }

    fn session(&self) -> LiveSession {
        let staff = Staff {
            id: self.viewer.staff,
            hotel: self.viewer.hotel,
            username: "viewer".to_owned(),
            name: "Viewer".to_owned(),
            role: self.access.role,
            departments: self.access.departments.clone(),
            active: true,
        };
        let ends_at = time() + TimeDelta::days(1);
        LiveSession { id: self.viewer.session, staff, generation: 1, superseded: None, last_used_at: time(), ends_at }
    }

    fn seen(&self, query: SessionQuery) -> SessionView {
        let visible = self.visible();
        let find = |which: &ConversationRef| match which {
            ConversationRef::Conversation(id) if visible.contains(id) => self.conversations.get(id).cloned(),
            _ => None,
        };
        let conversations = query.conversations.iter().map(find).collect();
        SessionView { live: self.session(), requested: query.conversations, conversations }
    }

    fn views(&self) -> HashMap<ConversationId, ConversationView> {
        self.conversations.values().map(|conversation| (conversation.id, view(conversation))).collect()
    }

    fn context(&self, socket: &SocketHandle) -> EventContext {
        EventContext {
            views: self.views(),
            seen: HashMap::from([(socket.id, Some(self.seen(socket.session_query())))]),
        }
    }

    /// Reads the log after the last change of the viewer's access, through the event filter of a socket.
    fn replay(&self, socket: &SocketHandle, named: &HashSet<ConversationId>, inbox: bool) -> Vec<ReceivedEvent> {
        let mut query = socket.session_query();
        query.conversations.extend(named.iter().map(|id| ConversationRef::Conversation(*id)));
        let events = self.log.iter().filter(|event| event.seq > self.access_changed_at).cloned().collect();
        let snapshot = FeedSnapshot {
            epoch: "epoch".to_owned(),
            head: self.head(),
            sessions: vec![],
            log: LogPage { events, first: Seq(1) },
            views: self.views(),
        };
        let selected = EventFilter::for_socket(socket, &self.seen(query), inbox).select(&snapshot);
        selected.into_iter().filter_map(|event| ReceivedEvent::parse(&frames::logged(event))).collect()
    }
}

fn time() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn view(conversation: &Conversation) -> ConversationView {
    ConversationView {
        conversation: conversation.clone(),
        guest_name: "Ana".to_owned(),
        guest_phone: None,
        room_number: None,
        days: None,
        department_name: None,
        assignee: None,
        last_message: None,
        unread: 0,
        last_guest_message_at: None,
        window_opened_at: None,
        on_whatsapp: false,
        current_step: String::new(),
        context_data: "{}".to_owned(),
        created_at: time(),
        updated_at: time(),
    }
}

/// The result of running a random scenario.
struct ScenarioOutcome {
    database: ModelDatabase,
    socket: Arc<SocketHandle>,
    /// All events that were sent live after the last change of the viewer's access.
    live: Vec<ReceivedEvent>,
    /// The visible conversations to which the socket was subscribed during the whole scenario.
    subscribed: HashSet<ConversationId>,
}

async fn run(node: &DemoNode, scenario: &FeedScenario) -> ScenarioOutcome {
    let mut database = ModelDatabase::new(node.caller, scenario.access.clone());
    let mut feed = Feed::new(node.caller.hotel, node.hub.feed_context().unwrap());
    let socket = node.hub.create_test_socket(node.caller);
    *socket.state() = Some(SocketState::new(&database.session(), Seq(0)));
    feed.sockets.insert(socket.id, socket.clone());
    feed.set_inbox(&socket, scenario.has_inbox);
    for conversation in database.conversations.values().filter(|it| scenario.subscribed[it.id.0 as usize - 1]) {
        feed.subscribe(&socket, conversation).await;
    }
    for (index, step) in scenario.steps.iter().enumerate() {
        if scenario.pause_before == Some(index) {
            pause(&socket, &feed);
        }
        database.commit(step);
        if !scenario.is_feed_late {
            fan_out(&mut feed, &database, &socket).await;
        }
    }
    fan_out(&mut feed, &database, &socket).await;
    if scenario.pause_before.is_some_and(|index| index >= scenario.steps.len()) {
        pause(&socket, &feed);
    }
    let frames = socket.send_queue.take(usize::MAX).frames;
    let live = frames.iter().filter_map(|frame| ReceivedEvent::parse(frame));
    let live = live.filter(|event| event.seq > database.access_changed_at).collect();
    let visible = database.visible();
    let subscribed = visible.into_iter().filter(|id| socket.is_subscribed(*id)).collect();
    // Waits until the subscription actors have released the socket, and with it the connection slot.
    drop(feed);
    while Arc::strong_count(&socket) > 1 {
        tokio::task::yield_now().await;
    }
    ScenarioOutcome { database, socket, live, subscribed }
}

fn pause(socket: &SocketHandle, feed: &Feed) {
    if let Some(state) = socket.state().as_mut() {
        state.replaying_from = Some(feed.position);
    }
}

async fn fan_out(feed: &mut Feed, database: &ModelDatabase, socket: &SocketHandle) {
    let events: Vec<&Event> = database.log.iter().filter(|event| event.seq > feed.position).collect();
    feed.fan_out_with(&events, Some(database.context(socket))).await;
    feed.wake_list.wake_all();
}

/// Drops all but the newest change of each conversation from the events, as a replay does.
fn keep_newest_changes(events: &[ReceivedEvent]) -> Vec<ReceivedEvent> {
    let mut changed = HashSet::new();
    let newest_first = events.iter().rev().filter(|event| !event.is_change() || changed.insert(event.conversation));
    let mut kept: Vec<ReceivedEvent> = newest_first.cloned().collect();
    kept.reverse();
    kept
}

/// Removes the events that a replay does not show: those of conversations that are not visible any more, and those of
/// ended subscriptions.
fn remove_lost(events: Vec<ReceivedEvent>, outcome: &ScenarioOutcome, has_inbox: bool) -> Vec<ReceivedEvent> {
    let visible = outcome.database.visible();
    let is_kept = |event: &ReceivedEvent| match &*event.event {
        "conversation_removed" => true,
        "new_conversation" => visible.contains(&event.conversation),
        "conversation_updated" if has_inbox => visible.contains(&event.conversation),
        _ => outcome.subscribed.contains(&event.conversation),
    };
    events.into_iter().filter(is_kept).collect()
}

fn access() -> impl Strategy<Value = ViewerAccess> {
    let departments = proptest::collection::btree_set((1..=DEPARTMENTS).prop_map(DepartmentId), 0..=2);
    let role = prop_oneof![4 => Just(Role::Staff), 1 => Just(Role::Manager)];
    (role, departments)
        .prop_map(|(role, departments)| ViewerAccess { role, departments: departments.into_iter().collect() })
}

fn step(viewer: StaffId) -> impl Strategy<Value = CommitStep> {
    let conversation = || (1..=CONVERSATIONS).prop_map(ConversationId);
    let department = proptest::option::weighted(0.8, (1..=DEPARTMENTS).prop_map(DepartmentId));
    let author = prop_oneof![Just(None), Just(Some(viewer)), Just(Some(COLLEAGUE))];
    let message = (conversation(), author, any::<bool>()).prop_map(|(conversation, author, has_client_ref)| {
        CommitStep::SendMessage { conversation, author, has_client_ref: has_client_ref && author.is_some() }
    });
    prop_oneof![
        1 => conversation().prop_map(CommitStep::Create),
        4 => message,
        1 => conversation().prop_map(CommitStep::ChangeDelivery),
        6 => (conversation(), department).prop_map(|(conversation, to)| CommitStep::Route(conversation, to)),
        1 => conversation().prop_map(CommitStep::Close),
        1 => access().prop_map(CommitStep::ChangeViewer),
        1 => Just(CommitStep::ChangeColleague),
    ]
}

fn scenario(viewer: StaffId) -> impl Strategy<Value = FeedScenario> {
    let subscribed = proptest::collection::vec(any::<bool>(), CONVERSATIONS as usize);
    let steps = proptest::collection::vec(step(viewer), 1..20);
    (access(), any::<bool>(), subscribed, steps, any::<bool>(), (0..20_usize).prop_map(Some)).prop_map(
        |(access, has_inbox, subscribed, steps, is_feed_late, pause_before)| FeedScenario {
            access,
            has_inbox,
            subscribed,
            steps,
            is_feed_late,
            pause_before,
        },
    )
}

/// Runs many random scenarios, each adapted by `adapt`, and checks the outcome of each.
fn check(adapt: fn(&mut FeedScenario), check: fn(ScenarioOutcome, bool, &DemoNode) -> Result<(), TestCaseError>) {
    let system = actix::System::new();
    let node = system.block_on(DemoNode::new("reception", Arc::new(SystemClock)));
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&scenario(node.caller.staff), |mut scenario| {
        adapt(&mut scenario);
        let outcome = system.block_on(run(&node, &scenario));
        check(outcome, scenario.has_inbox, &node)
    });
    result.unwrap();
}

#[test]
fn a_replay_equals_the_live_events() {
    let never_pause = |scenario: &mut FeedScenario| scenario.pause_before = None;
    check(never_pause, |outcome, has_inbox, node| {
        let live = &outcome.live;
        prop_assert!(live.is_sorted_by(|one, next| one.seq < next.seq), "out of order, or twice: {live:?}");
        let live = remove_lost(keep_newest_changes(live), &outcome, has_inbox);
        let new_socket = node.hub.create_test_socket(node.caller);
        let replay = outcome.database.replay(&new_socket, &outcome.subscribed, has_inbox);
        prop_assert_eq!(replay, live);
        Ok(())
    });
}

#[test]
fn a_socket_that_resumes_from_an_old_cursor_gets_every_event_once() {
    let fan_out_at_once = |scenario: &mut FeedScenario| scenario.is_feed_late = false;
    check(fan_out_at_once, |outcome, has_inbox, node| {
        let new_socket = node.hub.create_test_socket(node.caller);
        let mut expected = outcome.database.replay(&new_socket, &outcome.subscribed, has_inbox);
        let mut received = remove_lost(outcome.live.clone(), &outcome, has_inbox);
        received.extend(outcome.database.replay(&outcome.socket, &HashSet::new(), false));
        // Changes of a conversation are not compared: they show the current state, so a replay may repeat or combine
        // them.
        expected.retain(|event| !event.is_change());
        received.retain(|event| !event.is_change());
        received.sort_by_key(|event| event.seq);
        prop_assert_eq!(received, expected);
        Ok(())
    });
}
