//! The description of the WebSocket, as AsyncAPI 3.0: made of the same types that are sent.

mod commands;
mod events;

use serde_json::{Map, Value, json};

const ABOUT: &str = "\
Text messages of one JSON object each. What clients send has a `command`, what the server sends a `type`.

A command with a `request_id` is told its outcome: an `ack`, a `pong`, or an `error`. Failures are always told. An
error never closes the connection, but 20 within a minute do.

Every logged event has a `seq`, which counts up within a hotel. After a lost connection, `resume` with the last `seq`
replays what was missed, in order: nothing lost, nothing twice.

Limits: 64 KiB a message, its fragments together; 50 commands a second with bursts of 300 (beyond: `rate_limited`);
1,000 subscriptions a socket (beyond: `too_many_subscriptions`); 20 sockets a staff member (beyond: 429 on the
upgrade); 1,000 events or 1 MiB waiting for a slow reader (beyond: 4408).

The server pings every 25 seconds and closes after 60 seconds of silence.

Close codes: 1001 going away; 1002 against RFC 6455; 1003 a binary message; 1007 bad UTF-8; 1008 too many errors;
1009 a message too large; 1012 a restart (reconnect after a random 0 to 5 seconds); 4401 the session is over;
4408 too slow (reconnect and resume).";

const UPGRADE: &str = "\
Authorised by `Authorization: Bearer`, by the subprotocol pair `bearer`, `<jwt>` (the server answers `bearer`), or by \
the session cookie with an `Origin` that is the server's own or allowed. Else 401, or 403 for a foreign page.";

/// The AsyncAPI document.
pub fn asyncapi() -> Value {
    let (commands, (events, schemas)) = (commands::messages(), events::messages());
    let names = commands.keys().chain(events.keys());
    let in_channel: Map<String, Value> =
        names.map(|name| (name.clone(), reference("components/messages", name))).collect();
    let of_channel = |messages: &Map<String, Value>| -> Value {
        messages.keys().map(|name| reference("channels/staff/messages", name)).collect()
    };
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:message_manager:staff",
        "info": { "title": "message_manager, live", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "defaultContentType": "application/json",
        "servers": { "own": {
            "host": "{host}",
            "protocol": "ws",
            "description": "The server that this was asked from; `wss` where its public URL is https.",
            "variables": { "host": { "default": "127.0.0.1:8080" } },
            "security": [
                { "$ref": "#/components/securitySchemes/bearer" },
                { "$ref": "#/components/securitySchemes/cookie" },
            ],
        } },
        "channels": { "staff": {
            "address": "/ws/staff/",
            "description": UPGRADE,
            "messages": in_channel,
            "bindings": { "ws": { "method": "GET" } },
        } },
        "operations": {
            "command": {
                "action": "receive",
                "summary": "What clients ask.",
                "channel": { "$ref": "#/channels/staff" },
                "messages": of_channel(&commands),
            },
            "tell": {
                "action": "send",
                "summary": "What the server tells.",
                "channel": { "$ref": "#/channels/staff" },
                "messages": of_channel(&events),
            },
        },
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

fn reference(place: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/{place}/{name}") })
}

fn message(name: &str, summary: &str, payload: Value) -> Value {
    json!({ "name": name, "summary": summary, "contentType": "application/json", "payload": payload })
}

#[cfg(test)]
mod tests;
