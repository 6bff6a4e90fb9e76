//! Access to WebSocket commands: every command with every staff caller in every state of the conversation.

use acceptance::{TestSocket, Value, WorldOptions, described::asyncapi, json, on_both};

use super::callers::{Callers, STAFF, Thread, ThreadState, Who};

enum CommandRule {
    Done,
    /// Callers who see the conversation get this error code, or none; others get `not_found`.
    Visible(fn(ThreadState, Who) -> Option<&'static str>),
    /// Replays what the caller sees.
    Resumes,
}

struct CommandRow {
    command: &'static str,
    rule: CommandRule,
    fields: fn(&TestSocket, &Thread) -> Value,
}

fn row(command: &'static str, rule: CommandRule, fields: fn(&TestSocket, &Thread) -> Value) -> CommandRow {
    CommandRow { command, rule, fields }
}

fn table() -> Vec<CommandRow> {
    let nothing = |_: &TestSocket, _: &Thread| json!({});
    vec![
        row("ping", CommandRule::Done, nothing),
        row("subscribe_to_inbox", CommandRule::Done, nothing),
        row("unsubscribe_from_inbox", CommandRule::Done, nothing),
        row("subscribe_to_conversation", CommandRule::Visible(|_, _| None), nothing),
        row("typing", CommandRule::Visible(|_, _| None), |_, _| json!({ "typing": true })),
        // Subscribed by a row above; whoever does not see the conversation is told nothing of it.
        row("viewing", CommandRule::Visible(|_, _| None), |_, _| json!({ "viewing": true })),
        row("mark_read", CommandRule::Visible(|_, _| None), |_, thread| json!({ "message_id": thread.message })),
        // Succeeds without a subscription, so that it does not reveal whether the conversation exists.
        row("unsubscribe_from_conversation", CommandRule::Done, nothing),
        row("resume", CommandRule::Resumes, |socket, thread| {
            json!({
                "epoch": socket.welcome["epoch"], "after_seq": socket.welcome["seq"], "conversation_ids": [thread.id],
            })
        }),
        row("send_message", CommandRule::Visible(sending), |_, _| json!({ "text": "x" })),
    ]
}

fn sending(state: ThreadState, who: Who) -> Option<&'static str> {
    if state.is_closed() {
        return Some("conversation_closed");
    }
    (who == Who::Loner && !state.is_routed()).then_some("no_department")
}

impl CommandRow {
    fn command(&self, socket: &TestSocket, thread: &Thread) -> Value {
        let mut command = (self.fields)(socket, thread);
        command["command"] = self.command.into();
        match thread.stay {
            Some(stay) => command["stay_id"] = stay.into(),
            None => command["conversation_id"] = thread.id.into(),
        }
        command
    }

    async fn check(&self, socket: &mut TestSocket, thread: &Thread, state: ThreadState, who: Who) {
        let command = self.command(socket, thread);
        let is_visible = state.is_visible_to(who);
        let expected = match self.rule {
            CommandRule::Resumes => return check_resume(socket, command, thread, is_visible).await,
            CommandRule::Done => None,
            CommandRule::Visible(_) if !is_visible => Some("not_found"),
            CommandRule::Visible(code) => code(state, who),
        };
        let response = socket.ask(command).await;
        assert_eq!(response["code"].as_str(), expected, "{} {state:?} {who:?}: {response}", self.command);
    }
}

/// A conversation that is not visible gets `unsubscribed`; the rest is replayed.
async fn check_resume(socket: &mut TestSocket, command: Value, thread: &Thread, is_visible: bool) {
    socket.waiting();
    let (replayed, resumed) = socket.resume(command).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    let is_unsubscribed =
        replayed.iter().any(|event| event["type"] == "unsubscribed" && event["conversation_id"] == thread.id);
    let has_events = replayed.iter().any(|event| event["type"] != "unsubscribed");
    assert_eq!((is_unsubscribed, has_events), (!is_visible, is_visible), "{replayed:?}");
}

on_both!(every_command_follows_its_rule_for_every_caller, WorldOptions::default() => |world| {
    let callers = Callers::create(&world).await;
    for state in ThreadState::ALL {
        for who in STAFF {
            let thread = callers.set_state(state).await;
            let mut socket = TestSocket::open(callers.staff(who)).await;
            // An event to replay.
            let note = format!("conversations/{}/notes/", thread.id);
            callers.client(Who::Manager).post(note, json!({ "text": "since the welcome" })).await.is(201);
            for row in table() {
                row.check(&mut socket, &thread, state, who).await;
            }
        }
    }
});

#[test]
fn every_command_is_in_the_table() {
    let messages = asyncapi()["components"]["messages"].as_object().unwrap();
    let mut described: Vec<&str> = messages.keys().filter_map(|name| name.strip_prefix("command.")).collect();
    let mut listed: Vec<&str> = table().iter().map(|row| row.command).collect();
    described.sort_unstable();
    listed.sort_unstable();
    assert_eq!(described, listed);
}
