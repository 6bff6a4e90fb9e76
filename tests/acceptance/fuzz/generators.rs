//! Generators of fuzz input: valid input, mutated input and random bytes.

use std::fmt;

use acceptance::{Value, described, json};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, any, prop_oneof},
    sample::{Index, select},
    strategy::{BoxedStrategy, Strategy},
};

/// Valid values of a running server, as a start for mutations.
pub struct KnownValues {
    /// Ids of stays, conversations and departments.
    pub ids: Vec<i64>,
    /// Access tokens and an API key.
    pub tokens: Vec<String>,
    /// A session cookie: `name=value`.
    pub cookie: String,
}

/// A syntactically valid HTTP request with a correct content length.
#[derive(Clone)]
pub struct GeneratedRequest {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl fmt::Debug for GeneratedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes()))
    }
}

impl GeneratedRequest {
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: x\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: ").as_bytes());
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if !self.headers.iter().any(|(name, _)| name == "connection") {
            bytes.extend_from_slice(b"connection: close\r\n");
        }
        bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", self.body.len()).as_bytes());
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

const PLAUSIBLE_VALUES: [&str; 19] = [
    "me",
    "none",
    "true",
    "null",
    "relay",
    "relay,active",
    "staff",
    "manager",
    "notes",
    "+34600000001",
    "-1",
    "0",
    "1e3",
    "9223372036854775807",
    "9223372036854775808",
    "fence",
    "2030-05-01",
    "whatsapp",
    "en_GB",
];

const FIELDS: [&str; 33] = [
    "text",
    "seen_message_id",
    "hold",
    "department_id",
    "note",
    "staff_id",
    "message_id",
    "name",
    "role",
    "username",
    "department_ids",
    "active",
    "phone",
    "hotel_id",
    "stay_id",
    "conversation_id",
    "client_ref",
    "epoch",
    "after_seq",
    "stay_ids",
    "conversation_ids",
    "inbox",
    "reservation_code",
    "guest_name",
    "guest_phone",
    "room_number",
    "check_in",
    "check_out",
    "content",
    "template_type",
    "language",
    "timezone",
    "opener_template_id",
];

/// Logout, password and session calls are left out, because they would end the sessions of the other cases.
fn paths() -> Vec<String> {
    let paths = described::openapi()["paths"].as_object().unwrap().keys();
    let wanted = paths.filter(|path| !["logout", "password", "sessions"].iter().any(|it| path.contains(it)));
    wanted.cloned().chain(["/", "/healthz", "/metrics", "/api/docs/", "/ws/staff/"].map(str::to_owned)).collect()
}

fn ids(known: &KnownValues) -> BoxedStrategy<i64> {
    prop_oneof![8 => select(known.ids.clone()), 1 => any::<i64>(), 1 => 0..1000_i64].boxed()
}

/// Plausible and random texts.
fn texts() -> BoxedStrategy<String> {
    prop_oneof![
        select(PLAUSIBLE_VALUES.as_slice()).prop_map(str::to_owned),
        any::<String>(),
        "[a-zA-Z0-9 ]{0,40}",
        "\\PC{0,20}",
        Just("\0".to_owned()),
        Just("🛎".repeat(5000)),
    ]
    .boxed()
}

/// Any small JSON value.
fn any_json(known: &KnownValues) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ids(known).prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    let more = |inner: BoxedStrategy<Value>| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((any::<String>(), inner), 0..5).prop_map(|it| it.into_iter().collect()),
        ]
    };
    leaf.prop_recursive(3, 16, 5, move |inner| more(inner.boxed())).boxed()
}

/// A JSON object of known fields with valid or random values.
fn fields(known: &KnownValues) -> BoxedStrategy<Value> {
    let value =
        prop_oneof![2 => any_json(known), 2 => ids(known).prop_map(Value::from), 2 => texts().prop_map(Value::from)];
    vec((select(FIELDS.as_slice()), value), 0..6)
        .prop_map(|it| it.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        .boxed()
}

/// Mutates valid bytes: inserts, removes or changes a few of them.
fn mutated(good: BoxedStrategy<Vec<u8>>) -> BoxedStrategy<Vec<u8>> {
    let change = (any::<Index>(), any::<u8>(), 0..4_u8);
    (good, vec(change, 1..6))
        .prop_map(|(mut bytes, changes)| {
            for (at, byte, how) in changes {
                if bytes.is_empty() {
                    break;
                }
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at),
                }
            }
            bytes
        })
        .boxed()
}

fn body(known: &KnownValues) -> BoxedStrategy<Vec<u8>> {
    let good = fields(known).prop_map(|it| it.to_string().into_bytes()).boxed();
    prop_oneof![
        4 => good.clone(),
        2 => mutated(good),
        1 => any_json(known).prop_map(|it| it.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..300),
        1 => Just(Vec::new()),
        1 => Just("[".repeat(20_000).into_bytes()),
    ]
    .boxed()
}

/// A header value without line breaks.
fn header_value() -> BoxedStrategy<Vec<u8>> {
    let bytes =
        vec(any::<u8>(), 0..60).prop_map(|it| it.into_iter().filter(|byte| *byte >= 32 && *byte != 127).collect());
    prop_oneof![bytes, "[ -~]{0,60}".prop_map(String::into_bytes)].boxed()
}

fn authorization(known: &KnownValues) -> BoxedStrategy<Vec<u8>> {
    let good = select(known.tokens.clone()).prop_map(|it| format!("Bearer {it}").into_bytes()).boxed();
    let visible = |it: Vec<u8>| it.into_iter().filter(|byte| byte.is_ascii_graphic() || *byte == b' ').collect();
    prop_oneof![8 => good.clone(), 1 => mutated(good).prop_map(visible), 1 => header_value()].boxed()
}

fn headers(known: &KnownValues) -> BoxedStrategy<Vec<(String, Vec<u8>)>> {
    let cookie = known.cookie.clone().into_bytes();
    let named =
        |name: &'static str, value: BoxedStrategy<Vec<u8>>| value.prop_map(move |value| (name.to_owned(), value));
    let text = |texts: &'static [&'static str]| select(texts).prop_map(|it| it.as_bytes().to_vec()).boxed();
    let json = text(&[
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
        "application/json; charset=\"",
        "text/csv",
        "multipart/form-data; boundary=x",
        "",
    ]);
    let other = prop_oneof![
        named("accept", prop_oneof![text(&["*/*", "application/json;q=0", "a/b;q=x", ",,;"]), header_value()].boxed()),
        named("idempotency-key", prop_oneof!["[!-~]{0,140}".prop_map(String::into_bytes), header_value()].boxed()),
        named("x-request-id", header_value()),
        named("x-forwarded-for", prop_oneof![text(&["10.0.0.1, ::1", "[::1]:5", "unknown"]), header_value()].boxed()),
        named(
            "origin",
            prop_oneof![text(&["http://console.example", "null", "https://evil.example"]), header_value()].boxed()
        ),
        named(
            "cookie",
            prop_oneof![Just(cookie.clone()).boxed(), mutated(Just(cookie).boxed()), header_value()].boxed()
        )
        .prop_map(|(name, value)| (name, value.into_iter().filter(|it| (32..127).contains(it)).collect())),
        named("accept-encoding", header_value()),
        named("content-encoding", text(&["gzip", "br", "identity", "x"])),
        named("range", header_value()),
        named("if-none-match", header_value()),
    ];
    let usual = (
        option::weighted(0.9, named("authorization", authorization(known))),
        option::weighted(0.9, named("content-type", json)),
    );
    (usual, vec(other, 0..4)).prop_map(|((one, two), more)| one.into_iter().chain(two).chain(more).collect()).boxed()
}

fn path(known: &KnownValues) -> BoxedStrategy<String> {
    let id = prop_oneof![6 => ids(known).prop_map(|it| it.to_string()), 1 => texts().prop_map(|it| percent_encoded(it.as_bytes()))];
    let good = (select(paths()), id).prop_map(|(path, id)| path.replace("{id}", &id)).boxed();
    let altered = mutated(good.clone().prop_map(String::into_bytes).boxed())
        .prop_map(|it| format!("/{}", percent_encoded(&it).replace("%2F", "/")));
    let garbage = vec(any::<u8>(), 0..80).prop_map(|it| format!("/{}", percent_encoded(&it)));
    prop_oneof![8 => good, 1 => altered, 1 => garbage].boxed()
}

fn query() -> BoxedStrategy<String> {
    let names = [
        "page",
        "page_size",
        "status",
        "department",
        "assigned_to",
        "unread",
        "search",
        "limit",
        "before",
        "after",
        "include",
    ];
    let name = prop_oneof![8 => select(names.to_vec()).prop_map(str::to_owned), 1 => "[a-z%&=;+]{0,10}"];
    let value = prop_oneof![3 => texts().prop_map(|it| percent_encoded(it.as_bytes())), 1 => "[a-zA-Z0-9%&=;+.,:@!$'()*/?_~-]{0,30}"];
    vec((name, value), 0..4)
        .prop_map(|parameters| {
            parameters
                .into_iter()
                .map(|(name, value)| format!("{name}={}", &value[..value.len().min(4000)]))
                .collect::<Vec<_>>()
                .join("&")
        })
        .boxed()
}

/// Percent-encodes all bytes except letters and digits.
fn percent_encoded(bytes: &[u8]) -> String {
    let one =
        |byte: &u8| if byte.is_ascii_alphanumeric() { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    bytes.iter().take(1500).map(one).collect()
}

/// Valid HTTP requests.
pub fn request(known: &KnownValues) -> BoxedStrategy<GeneratedRequest> {
    let method = prop_oneof![
        8 => select(vec!["GET", "POST", "POST", "PATCH"]).prop_map(str::to_owned),
        1 => select(vec!["PUT", "DELETE", "OPTIONS", "TRACE"]).prop_map(str::to_owned),
        1 => "[A-Z]{1,10}".prop_filter("what has no body, or changes the protocol", |it| it != "HEAD" && it != "CONNECT"),
    ];
    (method, path(known), option::of(query()), headers(known), body(known))
        .prop_map(|(method, path, query, headers, body)| {
            let path = query.map_or(path.clone(), |query| format!("{path}?{query}"));
            GeneratedRequest { method, path, headers, body }
        })
        .boxed()
}

/// Mutated and random bytes instead of a request.
pub fn broken(known: &KnownValues) -> BoxedStrategy<Vec<u8>> {
    let good = request(known).prop_map(|it| it.bytes()).boxed();
    prop_oneof![3 => mutated(good), 1 => vec(any::<u8>(), 0..2000)].boxed()
}

/// WebSocket handshakes, most of them invalid.
pub fn handshake(known: &KnownValues) -> BoxedStrategy<GeneratedRequest> {
    let part = |name: &'static str, good: &'static str| {
        let value = prop_oneof![8 => Just(good.as_bytes().to_vec()), 1 => header_value()];
        option::weighted(0.95, value.prop_map(move |value| (name.to_owned(), value)))
    };
    let protocol = option::weighted(
        0.3,
        mutated(select(known.tokens.clone()).prop_map(|it| format!("bearer, {it}").into_bytes()).boxed()),
    );
    let protocol = protocol.prop_map(|it| {
        it.map(|it| {
            (
                "sec-websocket-protocol".to_owned(),
                it.into_iter().filter(|byte| (32..127).contains(byte)).collect::<Vec<u8>>(),
            )
        })
    });
    let upgrade = (
        part("connection", "Upgrade"),
        part("upgrade", "websocket"),
        part("sec-websocket-version", "13"),
        part("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        protocol,
        headers(known),
    );
    upgrade
        .prop_map(|(a, b, c, d, e, more)| GeneratedRequest {
            method: "GET".to_owned(),
            path: "/ws/staff/".to_owned(),
            headers: [a, b, c, d, e].into_iter().flatten().chain(more).collect(),
            body: Vec::new(),
        })
        .boxed()
}

/// Text messages: valid and mutated commands, other JSON, random text.
pub fn command(known: &KnownValues) -> BoxedStrategy<String> {
    let names = [
        "subscribe_to_conversation",
        "unsubscribe_from_conversation",
        "send_message",
        "subscribe_to_inbox",
        "unsubscribe_from_inbox",
        "typing",
        "mark_read",
        "resume",
        "ping",
    ];
    let parts = (select(names.to_vec()), fields(known), option::of("[a-z0-9]{0,70}"), option::of(ids(known)));
    let good = parts.prop_map(|(name, mut command, request, stay)| {
        command["command"] = json!(name);
        if let Some(request) = request {
            command["request_id"] = json!(request);
        }
        if let Some(stay) = stay {
            command["stay_id"] = json!(stay);
        }
        command.to_string()
    });
    let good = good.boxed();
    let altered = mutated(good.clone().prop_map(String::into_bytes).boxed());
    prop_oneof![
        6 => good,
        1 => altered.prop_map(|it| String::from_utf8_lossy(&it).into_owned()),
        1 => any_json(known).prop_map(|command| command.to_string()),
        1 => any::<String>(),
    ]
    .boxed()
}

/// A frame with possibly wrong bits and a correct length.
pub fn frame() -> BoxedStrategy<Vec<u8>> {
    let first = prop_oneof![
        3 => select(vec![0x81_u8, 0x01, 0x80, 0x00, 0x82, 0x89, 0x8a]),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        Just(br#"{"command":"ping"}"#.to_vec()),
        vec(any::<u8>(), 0..126),
        vec(any::<u8>(), 126..700),
        Just(vec![b' '; 70_000]),
    ];
    (first, any::<[u8; 4]>(), payload, any::<u8>())
        .prop_map(|(first, mask, payload, mask_choice)| {
            // One frame in sixteen is not masked.
            let masked = mask_choice >= 16;
            let flag = if masked { 0x80 } else { 0 };
            let mut frame = vec![first];
            match payload.len() {
                short @ 0..126 => frame.push(flag | short as u8),
                middle @ 126..=0xffff => {
                    frame.push(flag | 126);
                    frame.extend_from_slice(&(middle as u16).to_be_bytes());
                }
                long => {
                    frame.push(flag | 127);
                    frame.extend_from_slice(&(long as u64).to_be_bytes());
                }
            }
            if masked {
                frame.extend_from_slice(&mask);
            }
            let mask = if masked { mask } else { [0; 4] };
            frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
            frame
        })
        .boxed()
}
