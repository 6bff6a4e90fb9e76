//! Tests that a replay contains the events that were sent live: random logs are fanned out to the socket of a random
//! viewer, and then read through the event filter.

use std::{collections::HashSet, sync::Arc};

use desk::SystemClock;
use domain::{ConversationId, DepartmentId, Event, Role, Seq, StaffId};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};

use super::{
    fixture::DemoNode,
    replay_model::{COLLEAGUE, CONVERSATIONS, CommitStep, ModelDatabase, ReceivedEvent, ViewerAccess},
};
use crate::{
    feed::state::Feed,
    socket::{SocketHandle, SocketState},
};

const DEPARTMENTS: i64 = 3;
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
    for conversation in database.conversations.values().filter(|it| scenario.subscribed[it.id().0 as usize - 1]) {
        feed.subscribe(&socket, conversation).await;
    }
    let mut frames = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        if scenario.pause_before == Some(index) {
            pause(&socket, &feed);
        }
        database.commit(step);
        if !scenario.is_feed_late {
            fan_out(&mut feed, &database, &socket).await;
            let sent = socket.send_queue.take(usize::MAX).frames;
            sent.iter().for_each(|frame| database.check_stay_frame(frame));
            frames.extend(sent);
        }
    }
    fan_out(&mut feed, &database, &socket).await;
    if scenario.pause_before.is_some_and(|index| index >= scenario.steps.len()) {
        pause(&socket, &feed);
    }
    frames.extend(socket.send_queue.take(usize::MAX).frames);
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

/// Removes the events that a replay does not show: those of conversations that are not visible any more, those of ended
/// subscriptions, and messages that were taken back.
fn remove_lost(events: Vec<ReceivedEvent>, outcome: &ScenarioOutcome, has_inbox: bool) -> Vec<ReceivedEvent> {
    let visible = outcome.database.visible();
    let is_kept = |event: &ReceivedEvent| match (&*event.event, event.conversation) {
        _ if event.message.is_some_and(|id| outcome.database.removed.contains(&id)) => false,
        ("conversation_removed", _) | (_, None) => true,
        ("new_conversation", Some(id)) => visible.contains(&id),
        ("conversation_updated" | "response_overdue", Some(id)) if has_inbox => visible.contains(&id),
        (_, Some(id)) => outcome.subscribed.contains(&id),
    };
    events.into_iter().filter(is_kept).collect()
}

/// Alarms are compared in one direction: a replay also shows one that was raised before the conversation became visible to
/// the client.
fn is_alarm(event: &ReceivedEvent) -> bool {
    event.event == "response_overdue"
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
        1 => conversation().prop_map(CommitStep::UpdateMessage),
        1 => conversation().prop_map(CommitStep::RemoveMessage),
        6 => (conversation(), department).prop_map(|(conversation, to)| CommitStep::Route(conversation, to)),
        1 => conversation().prop_map(CommitStep::Close),
        1 => conversation().prop_map(CommitStep::AddHistory),
        1 => conversation().prop_map(CommitStep::Schedule),
        2 => conversation().prop_map(CommitStep::RaiseAlarm),
        2 => conversation().prop_map(CommitStep::ChangeStay),
        1 => prop_oneof![Just(None), Just(Some(viewer)), Just(Some(COLLEAGUE))].prop_map(CommitStep::ChangeDirectory),
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
        let mut live = remove_lost(keep_newest_changes(live), &outcome, has_inbox);
        let new_socket = node.hub.create_test_socket(node.caller);
        let mut replay = outcome.database.replay(&new_socket, &outcome.subscribed, has_inbox);
        prop_assert!(live.iter().filter(|it| is_alarm(it)).all(|alarm| replay.contains(alarm)), "{live:?}: {replay:?}");
        live.retain(|event| !is_alarm(event));
        replay.retain(|event| !is_alarm(event));
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
        expected.retain(|event| !event.is_change() && !is_alarm(event));
        received.retain(|event| !event.is_change() && !is_alarm(event));
        received.sort_by_key(|event| event.seq);
        prop_assert_eq!(received, expected);
        Ok(())
    });
}
