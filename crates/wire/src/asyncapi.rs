//! AsyncAPI 3.0 description of the WebSocket, built from the types of the events that are sent.

mod commands;
mod events;
mod message_object;

use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "\
Each text message is one JSON object. Messages of clients have a `command`, messages of the server a `type`.

A command with a `request_id` gets a response: an `ack`, a `pong`, or an `error`. Failures are always reported. An error
never closes the connection, but 20 errors within a minute do.

Every logged event has a `seq`, which increases within a hotel. After a lost connection, `resume` with the last `seq`
replays the missed events in order: no event is lost or repeated.

Limits: 64 KiB per message, including all fragments; 50 commands per second with bursts of 300 (beyond: `rate_limited`);
1,000 subscriptions per socket (beyond: `too_many_subscriptions`); 20 sockets per staff member (beyond: 429 on the
upgrade); 1,000 events or 1 MiB waiting for a slow reader (beyond: 4408).

The server pings every 25 seconds and closes the connection after 60 seconds of silence.

Close codes: 1001 going away; 1002 against RFC 6455; 1003 a binary message; 1007 invalid UTF-8; 1008 too many errors;
1009 a message too large; 1012 a restart (reconnect after a random 0 to 5 seconds); 4401 the session is over;
4408 too slow (reconnect and resume).";

const UPGRADE_DESCRIPTION: &str = "\
Authorized by `Authorization: Bearer`, by the subprotocol pair `bearer`, `<jwt>` (the server answers `bearer`), or by \
the session cookie with an `Origin` that is the server's own or allowed. Otherwise 401, or 403 for a foreign page.";

/// The AsyncAPI document as JSON.
pub fn asyncapi() -> Value {
    let commands = commands::messages();
    let (events, schemas) = events::messages();
    let names = commands.keys().chain(events.keys());
    let in_channel: Map<String, Value> =
        names.map(|name| (name.clone(), reference("components/messages", name))).collect();
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:message_manager:staff",
        "info": { "title": "message_manager, live", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION },
        "defaultContentType": "application/json",
        "servers": { "own": {
            "host": "{host}",
            "protocol": "ws",
            "description": "The server that returned this document; `wss` if its public URL is https.",
            "variables": { "host": { "default": "127.0.0.1:8080" } },
            "security": [
                { "$ref": "#/components/securitySchemes/bearer" },
                { "$ref": "#/components/securitySchemes/cookie" },
            ],
        } },
        "channels": { "staff": {
            "address": "/ws/staff/",
            "description": UPGRADE_DESCRIPTION,
            "messages": in_channel,
            "bindings": { "ws": { "method": "GET" } },
        } },
        "operations": operations(&commands, &events),
        "components": {
            "messages": commands.into_iter().chain(events).collect::<Map<_, _>>(),
            "schemas": schemas,
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "cookie": { "type": "httpApiKey", "name": "mm_session", "in": "cookie" },
            },
        },
    })
}

/// One operation for each command, with its replies, and one for all events.
fn operations(commands: &Map<String, Value>, events: &Map<String, Value>) -> Map<String, Value> {
    let channel = json!({ "$ref": "#/channels/staff" });
    let of_channel = |name: &str| reference("channels/staff/messages", name);
    let operation = |(key, command): (&String, &Value)| {
        let name = command["name"].as_str().unwrap_or_default();
        let replies: Vec<Value> = replies_to(name).iter().map(|reply| of_channel(reply)).collect();
        let operation = json!({
            "action": "receive",
            "title": command["title"],
            "summary": command["summary"],
            "channel": channel,
            "messages": [of_channel(key)],
            "reply": { "channel": channel, "messages": replies },
        });
        (name.to_owned(), operation)
    };
    let send_event = json!({
        "action": "send",
        "title": "Events",
        "summary": "Events of the server.",
        "channel": channel,
        "messages": events.keys().map(|name| of_channel(name)).collect::<Vec<_>>(),
    });
    commands.iter().map(operation).chain([("event".to_owned(), send_event)]).collect()
}

/// The events that respond to a command. An `ack` is sent if the command has a `request_id`.
fn replies_to(command: &str) -> &'static [&'static str] {
    match command {
        "ping" => &["pong", "error"],
        "resume" => &["resumed", "resync_required", "ack", "error"],
        _ => &["ack", "error"],
    }
}

fn reference(section: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{section}/{name}") })
}

#[cfg(test)]
mod tests;
