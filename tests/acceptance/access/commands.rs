//! Every command × everyone who gets a socket.

use acceptance::{Options, Socket, Value, described::asyncapi, json, on_both};

use super::callers::{Callers, INSIDE, Place, Thread, Who};

/// What comes of a command.
enum Rule {
    /// It is done.
    Done,
    /// Who sees the conversation is refused with this code, or not; for the others it is not there.
    Seen(fn(Place, Who) -> Option<&'static str>),
    /// It goes on with what is seen.
    Resumes,
}

struct Row {
    command: &'static str,
    rule: Rule,
    fields: fn(&Socket, &Thread) -> Value,
}

fn row(command: &'static str, rule: Rule, fields: fn(&Socket, &Thread) -> Value) -> Row {
    Row { command, rule, fields }
}

fn table() -> Vec<Row> {
    let nothing = |_: &Socket, _: &Thread| json!({});
    vec![
        row("ping", Rule::Done, nothing),
        row("subscribe_to_inbox", Rule::Done, nothing),
        row("unsubscribe_from_inbox", Rule::Done, nothing),
        row("subscribe_to_conversation", Rule::Seen(|_, _| None), nothing),
        row("typing", Rule::Seen(|_, _| None), |_, _| json!({ "typing": true })),
        row("mark_read", Rule::Seen(|_, _| None), |_, it| json!({ "message_id": it.message })),
        // Who is not subscribed is not told whether there is anything to be subscribed to.
        row("unsubscribe_from_conversation", Rule::Done, nothing),
        row("resume", Rule::Resumes, |socket, it| {
            json!({
                "epoch": socket.welcome["epoch"], "after_seq": socket.welcome["seq"], "conversation_ids": [it.id],
            })
        }),
        row("send_message", Rule::Seen(sending), |_, _| json!({ "text": "x" })),
    ]
}

fn sending(place: Place, who: Who) -> Option<&'static str> {
    if place.is_closed() {
        return Some("conversation_closed");
    }
    (who == Who::Loner && !place.is_routed()).then_some("no_department")
}

impl Row {
    fn command(&self, socket: &Socket, it: &Thread) -> Value {
        let mut command = (self.fields)(socket, it);
        command["command"] = self.command.into();
        match it.stay {
            Some(stay) => command["stay_id"] = stay.into(),
            None => command["conversation_id"] = it.id.into(),
        }
        command
    }

    async fn check(&self, socket: &mut Socket, it: &Thread, place: Place, who: Who) {
        let command = self.command(socket, it);
        let seen = place.is_seen_by(who);
        let refusal = match self.rule {
            Rule::Resumes => return resumes(socket, command, it, seen).await,
            Rule::Done => None,
            Rule::Seen(_) if !seen => Some("not_found"),
            Rule::Seen(refusal) => refusal(place, who),
        };
        let told = socket.ask(command).await;
        assert_eq!(told["code"].as_str(), refusal, "{} {place:?} {who:?}: {told}", self.command);
    }
}

/// What is named but out of sight is answered by `unsubscribed`, and the rest goes on.
async fn resumes(socket: &mut Socket, command: Value, it: &Thread, seen: bool) {
    socket.waiting();
    let (replayed, resumed) = socket.resume(command).await;
    assert_eq!(resumed["type"], "resumed", "{resumed}");
    let refused = replayed.iter().any(|event| event["type"] == "unsubscribed" && event["conversation_id"] == it.id);
    let of_it = replayed.iter().any(|event| event["type"] != "unsubscribed");
    assert_eq!((refused, of_it), (!seen, seen), "{replayed:?}");
}

on_both!(every_command_answers_everyone_as_it_must, Options::default() => |world| {
    let callers = Callers::gather(&world).await;
    for place in Place::ALL {
        for who in INSIDE {
            let it = callers.put(place).await;
            let mut socket = Socket::open(callers.staff(who)).await;
            // Something to resume.
            let note = format!("conversations/{}/notes/", it.id);
            callers.client(Who::Manager).post(note, json!({ "text": "since the welcome" })).await.is(201);
            for row in table() {
                row.check(&mut socket, &it, place, who).await;
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
