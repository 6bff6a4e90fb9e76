use super::*;
use crate::{content::MediaKind, media::MediaError, outgoing::OutgoingBody};
use domain::GuestIdentity;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A timeout for sends that is longer than any other timeout in these tests.
const LONG: Duration = Duration::from_secs(3600);

/// The reaction of the test server to a request.
#[derive(Clone)]
enum ServerAction {
    /// The server sends these bytes and closes the connection.
    Respond(Vec<u8>),
    Close,
    /// The server keeps the connection open without a response.
    Hang,
}

/// A test server that performs one action per request, and repeats the last one.
struct ScriptedServer {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl ScriptedServer {
    async fn start(actions: Vec<ServerAction>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = requests.clone();
        tokio::spawn(async move {
            let mut held = Vec::new();
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = receive(&mut stream).await;
                received.lock().unwrap().push(request);
                match actions[number.min(actions.len() - 1)].clone() {
                    ServerAction::Respond(bytes) => stream.write_all(&bytes).await.unwrap(),
                    ServerAction::Close => {}
                    ServerAction::Hang => held.push(stream),
                }
            }
        });
        Self { address, requests }
    }

    fn client(&self) -> CloudApiClient {
        let [connect, response, file_transfer] = [2000, 500, 500].map(Duration::from_millis);
        let timeouts = ClientTimeouts { connect, response, file_transfer };
        CloudApiClient::with_timeouts(&self.address, "v25.0", "s3cret-t0ken", timeouts).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads a whole HTTP request.
async fn receive(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return text;
            }
            continue;
        };
        let length = head.lines().find_map(|it| it.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) || count == 0 {
            return text;
        }
    }
}

fn respond(head: &str, body: &str) -> ServerAction {
    ServerAction::Respond(
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into(),
    )
}

const ACCEPTED: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+447700900123","wa_id":"447700900123"}],"messages":[{"id":"wamid.B01"}]}"#;

fn message() -> OutgoingMessage {
    let to = GuestIdentity { wa_id: Some("447700900123".into()), ..Default::default() };
    OutgoingMessage { to, callback: "out_1".into(), quotes: None, body: OutgoingBody::Text("Yes".into()) }
}

/// Sends a message to a test server that performs this action.
async fn send(action: ServerAction) -> Result<AcceptedMessage, CallError> {
    let server = ScriptedServer::start(vec![action]).await;
    let sent = server.client().send("105", &message(), LONG).await;
    assert_eq!(server.requests().len(), 1, "the client does not retry");
    sent
}

fn rejection(code: i64) -> String {
    format!(r#"{{"error":{{"message":"+447700900123","code":{code},"fbtrace_id":"Ab1"}}}}"#)
}

#[tokio::test]
async fn a_message_is_sent() {
    let server = ScriptedServer::start(vec![respond("200 OK", ACCEPTED)]).await;
    let accepted = server.client().send("105", &message(), LONG).await.unwrap();
    let wa_id = Some("447700900123".to_owned());
    assert_eq!(accepted, AcceptedMessage { wamid: "wamid.B01".into(), wa_id, bsuid: None });
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /v25.0/105/messages HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer s3cret-t0ken\r\n"), "{request}");
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), message().json().unwrap());
}

#[tokio::test]
async fn a_message_to_a_business_scoped_id_has_no_wa_id() {
    let body = r#"{"contacts":[{"input":"GB.1","user_id":"GB.1"}],"messages":[{"id":"wamid.B02"}]}"#;
    let accepted = send(respond("200 OK", body)).await.unwrap();
    assert_eq!((accepted.wa_id, accepted.bsuid.as_deref()), (None, Some("GB.1")));
}

#[tokio::test]
async fn an_error_code_is_a_rejection_with_any_status() {
    for (head, code, retry_after) in [
        ("400 Bad Request", 131047, None),
        ("429 Too Many Requests\r\nRetry-After: 30", 131056, Some(30)),
        ("429 Too Many Requests\r\nRetry-After: 99999999", 4, Some(3600)),
        ("429 Too Many Requests\r\nRetry-After: soon", 4, None),
        ("401 Unauthorized", 190, None),
        ("500 Internal Server Error", 131016, None),
        ("200 OK", 131000, None),
    ] {
        let Err(CallError::Rejected { error, retry_after: parsed }) = send(respond(head, &rejection(code))).await
        else {
            panic!("{head}")
        };
        assert_eq!((error.code, parsed.map(|it| it.as_secs())), (code, retry_after), "{head}");
    }
}

#[tokio::test]
async fn any_other_response_is_invalid() {
    for (head, body, status) in [
        ("500 Internal Server Error", "<html>", 500),
        ("502 Bad Gateway", "", 502),
        ("503 Service Unavailable", "{}", 503),
        ("404 Not Found", "not here", 404),
        ("400 Bad Request", r#"{"error":"x"}"#, 400),
        ("302 Found\r\nLocation: https://example.com/", "", 302),
        ("200 OK", "<html>", 200),
        ("200 OK", "{}", 200),
        ("200 OK", r#"{"messages":[]}"#, 200),
        ("200 OK", r#"{"messages":[{"id":"wam"#, 200),
    ] {
        let expected = CallError::NoResponse(NoResponse::InvalidResponse { status });
        assert_eq!(send(respond(head, body)).await, Err(expected), "{head} {body}");
    }
    let too_long = "x".repeat(2 * 1024 * 1024);
    assert!(matches!(send(respond("200 OK", &too_long)).await, Err(CallError::NoResponse(_))));
}

#[tokio::test]
async fn a_broken_connection_is_no_response() {
    let truncated = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", ACCEPTED.len(), &ACCEPTED[..50]);
    for action in [
        ServerAction::Close,
        ServerAction::Respond(truncated.into()),
        ServerAction::Respond(b"HTTP/1.1 200 OK\r\nConte".to_vec()),
    ] {
        let Err(CallError::NoResponse(NoResponse::ConnectionLost(_))) = send(action).await else { panic!() };
    }
}

#[tokio::test]
async fn a_timeout_is_no_response() {
    assert_eq!(send(ServerAction::Hang).await, Err(NoResponse::TimedOut.into()));
    let hanging = ScriptedServer::start(vec![ServerAction::Hang]).await;
    // A server sends the first part of a response, and keeps the connection open.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        receive(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    });
    let client = CloudApiClient::with_timeouts(&address, "v25.0", "t", hanging.client().timeouts).unwrap();
    assert_eq!(client.send("105", &message(), LONG).await, Err(NoResponse::TimedOut.into()));
}

#[tokio::test]
async fn a_failed_connection_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = CloudApiClient::new(&format!("http://{address}"), "v25.0", "t").unwrap();
    let Err(CallError::NotSent(NotSent::NoConnection(cause))) = client.send("105", &message(), LONG).await else {
        panic!()
    };
    assert!(cause.to_lowercase().contains("refused"), "{cause}");
    let nowhere = CloudApiClient::new("https://no-such-host.invalid", "v25.0", "t").unwrap();
    let sent = nowhere.send("105", &message(), LONG).await;
    assert!(matches!(sent, Err(CallError::NotSent(NotSent::NoConnection(_)))), "{sent:?}");
}

#[tokio::test]
async fn a_server_without_tls_does_not_receive_the_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = vec![0; 65536];
        let count = stream.read(&mut received).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        received.truncate(count);
        String::from_utf8_lossy(&received).into_owned()
    });
    let client = CloudApiClient::new(&format!("https://{address}"), "v25.0", "s3cret-t0ken").unwrap();
    let sent = client.send("105", &message(), LONG).await;
    assert!(matches!(sent, Err(CallError::NotSent(NotSent::NoConnection(_)))), "{sent:?}");
    assert!(!server.await.unwrap().contains("s3cret"));
}

#[tokio::test]
async fn a_hanging_tls_handshake_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let [connect, response, file_transfer] = [200, 60_000, 60_000].map(Duration::from_millis);
    let timeouts = ClientTimeouts { connect, response, file_transfer };
    let client = CloudApiClient::with_timeouts(&format!("https://{address}"), "v25.0", "t", timeouts).unwrap();
    let sent = client.send("105", &message(), LONG).await;
    assert!(matches!(sent, Err(CallError::NotSent(NotSent::NoConnection(_)))), "{sent:?}");
    drop(listener);
}

#[tokio::test]
async fn ids_cannot_change_the_path() {
    let server = ScriptedServer::start(vec![respond("200 OK", ACCEPTED)]).await;
    let client = server.client();
    for id in ["", "..", ".", "1/2", "1?a=b", "1#", "1%2f", "é", "1 "] {
        assert!(
            matches!(client.send(id, &message(), LONG).await, Err(CallError::NotSent(NotSent::InvalidRequest(_)))),
            "{id}"
        );
        assert!(matches!(client.media_info(id).await, Err(CallError::NotSent(_))), "{id}");
    }
    let without_recipient = OutgoingMessage { to: GuestIdentity::default(), ..message() };
    assert!(matches!(client.send("105", &without_recipient, LONG).await, Err(CallError::NotSent(_))));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_message_is_marked_as_read() {
    let server = ScriptedServer::start(vec![
        respond("200 OK", r#"{"success":true}"#),
        respond("400 Bad Request", &rejection(131009)),
    ])
    .await;
    let client = server.client();
    assert_eq!(client.mark_read("105", "wamid.A01").await, Ok(()));
    let request = &server.requests()[0];
    assert!(request.contains(r#""status":"read""#) && request.contains(r#""message_id":"wamid.A01""#), "{request}");
    assert!(matches!(client.mark_read("105", "wamid.A01").await, Err(CallError::Rejected { .. })));
}

#[tokio::test]
async fn a_phone_number_is_queried() {
    let info =
        r#"{"display_phone_number":"+44 20 7946 0000","verified_name":"Hotel","quality_rating":"GREEN","id":"105"}"#;
    let server =
        ScriptedServer::start(vec![respond("200 OK", info), respond("401 Unauthorized", &rejection(190))]).await;
    let client = server.client();
    let number = client.phone_number_info("105").await.unwrap();
    assert_eq!(number.display_phone_number.as_deref(), Some("+44 20 7946 0000"));
    assert_eq!((number.verified_name.as_deref(), number.quality_rating.as_deref()), (Some("Hotel"), Some("GREEN")));
    assert!(server.requests()[0].starts_with("GET /v25.0/105?fields="), "{:?}", server.requests());
    let Err(CallError::Rejected { error, .. }) = client.phone_number_info("105").await else { panic!() };
    assert_eq!(error.code, 190);
}

#[tokio::test]
async fn a_file_is_looked_up_and_downloaded() {
    let file = "bytes of a picture";
    let digest: [u8; 32] = Sha256::digest(file).into();
    let server = ScriptedServer::start(vec![respond("200 OK", file)]).await;
    let hex = hex::encode(digest);
    let info = format!(
        r#"{{"url":"{}/file","mime_type":"image/png; a=b","sha256":"{hex}","file_size":"18","id":"9"}}"#,
        server.address
    );
    let info = ScriptedServer::start(vec![respond("200 OK", &info)]).await.client().media_info("9").await.unwrap();
    assert_eq!((info.mime_type.as_str(), info.size, info.sha256), ("image/png", Some(18), Some(digest)));
    let mut download = server.client().download(&info.url, 18).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert_eq!((bytes.as_slice(), download.sha256()), (file.as_bytes(), digest));
    assert!(server.requests()[0].contains("authorization: Bearer s3cret-t0ken\r\n"));
}

#[tokio::test]
async fn a_file_above_the_size_limit_is_refused() {
    let announced = ScriptedServer::start(vec![respond("200 OK", "12345")]).await;
    let url = format!("{}/file", announced.address);
    let download = announced.client().download(&url, 4).await;
    assert!(matches!(download, Err(MediaError::TooLarge { max_bytes: 4 })), "{download:?}");
    let unannounced = ScriptedServer::start(vec![ServerAction::Respond(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12345".to_vec(),
    )])
    .await;
    let mut download = unannounced.client().download(&format!("{}/file", unannounced.address), 4).await.unwrap();
    assert_eq!(download.chunk().await, Err(MediaError::TooLarge { max_bytes: 4 }));
}

#[tokio::test]
async fn an_incomplete_file_is_an_error() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345".to_vec();
    let server = ScriptedServer::start(vec![ServerAction::Respond(half)]).await;
    let mut download = server.client().download(&format!("{}/file", server.address), 10).await.unwrap();
    let mut last = Ok(None);
    while let chunk @ (Ok(Some(_)) | Err(_)) = download.chunk().await {
        last = chunk;
        if last.is_err() {
            break;
        }
    }
    assert!(matches!(last, Err(MediaError::Call(CallError::NoResponse(_)))), "{last:?}");
}

#[tokio::test]
async fn redirects_are_followed_only_to_allowed_hosts() {
    let server =
        ScriptedServer::start(vec![respond("302 Found\r\nLocation: /there", ""), respond("200 OK", "abc")]).await;
    let mut redirected = server.client().download(&format!("{}/file", server.address), 9).await.unwrap();
    assert_eq!(redirected.chunk().await.unwrap().as_deref(), Some(b"abc".as_slice()));
    assert!(server.requests()[1].starts_with("GET /there HTTP/1.1"), "{:?}", server.requests());
    let other = ScriptedServer::start(vec![respond("200 OK", "secret")]).await;
    for location in [
        format!("{}/internal", other.address),
        "http://169.254.169.254/".into(),
        "http://lookaside.fbsbx.com/".into(),
        "file:///etc/passwd".into(),
    ] {
        let redirecting = ScriptedServer::start(vec![respond(&format!("302 Found\r\nLocation: {location}"), "")]).await;
        let download = redirecting.client().download(&format!("{}/file", redirecting.address), 9).await;
        assert!(matches!(download, Err(MediaError::ForeignAddress)), "{location}");
    }
    assert!(other.requests().is_empty());
    let looping = ScriptedServer::start(vec![respond("302 Found\r\nLocation: /file", "")]).await;
    let download = looping.client().download(&format!("{}/file", looping.address), 9).await;
    let invalid = NoResponse::InvalidResponse { status: 302 };
    assert!(matches!(download, Err(MediaError::Call(CallError::NoResponse(it))) if it == invalid));
    assert_eq!(looping.requests().len(), 4);
    let direct = looping.client().download(&format!("{}/internal", other.address), 9).await;
    assert!(matches!(direct, Err(MediaError::ForeignAddress)));
}

#[tokio::test]
async fn a_missing_file_is_distinguished_from_other_failures() {
    for (head, body, is_gone) in [
        ("404 Not Found", "", true),
        ("401 Unauthorized", "", false),
        ("500 Error", "<html>", false),
        ("204 None", "", false),
    ] {
        let server = ScriptedServer::start(vec![respond(head, body)]).await;
        let download = server.client().download(&format!("{}/file", server.address), 9).await;
        assert_eq!(matches!(download, Err(MediaError::Gone)), is_gone, "{head}");
        assert!(is_gone || matches!(download, Err(MediaError::Call(CallError::NoResponse(_)))), "{head}");
    }
    let server = ScriptedServer::start(vec![respond("401 Unauthorized", &rejection(190))]).await;
    let download = server.client().download(&format!("{}/file", server.address), 9).await;
    assert!(matches!(download, Err(MediaError::Call(CallError::Rejected { .. }))));
}

#[tokio::test]
async fn a_file_is_uploaded() {
    let server = ScriptedServer::start(vec![respond("200 OK", r#"{"id":"900"}"#), respond("200 OK", "{}")]).await;
    let client = server.client();
    let upload = |kind| client.upload("105", "a \"map\".pdf", kind, b"%PDF-1.7".to_vec());
    assert_eq!(upload("application/pdf").await.as_deref(), Ok("900"));
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /v25.0/105/media HTTP/1.1\r\n"), "{request}");
    for part in
        ["name=\"messaging_product\"\r\n\r\nwhatsapp\r\n", "name=\"type\"\r\n\r\napplication/pdf\r\n", "%PDF-1.7\r\n"]
    {
        assert!(request.contains(part), "{request}");
    }
    assert!(request.contains("Content-Type: application/pdf\r\n"), "{request}");
    assert!(matches!(upload("no type").await, Err(CallError::NotSent(NotSent::InvalidRequest(_)))));
    assert!(matches!(upload("image/png").await, Err(CallError::NoResponse(_))));
}

#[tokio::test]
async fn errors_contain_neither_token_nor_number() {
    let image = OutgoingBody::Media { kind: MediaKind::Image, media_id: "9".into(), caption: None, filename: None };
    let message = OutgoingMessage { body: image, ..message() };
    for action in [
        ServerAction::Close,
        ServerAction::Hang,
        respond("400 Bad Request", &rejection(131030)),
        respond("500 Error", "447700900123"),
    ] {
        let server = ScriptedServer::start(vec![action]).await;
        let error = server.client().send("105", &message, LONG).await.unwrap_err();
        let output = format!("{error} {error:?} {:?}", server.client());
        assert!(!output.contains("s3cret") && !output.contains("4477") && !output.contains("/messages"), "{output}");
    }
}

#[test]
fn settings_are_validated() {
    let new = |url: &str, version: &str, token: &str| CloudApiClient::new(url, version, token).map(|_| ());
    for url in [
        "https://graph.facebook.com",
        "https://graph.facebook.com/",
        "http://127.0.0.1:9",
        "http://[::1]:9/a/b/",
        "http://localhost",
    ] {
        assert_eq!(new(url, "v25.0", "t"), Ok(()), "{url}");
    }
    for url in ["", "graph.facebook.com", "ftp://a", "https://u@a", "https://a?b=c", "https://a#b", "data:a"] {
        assert_eq!(new(url, "v25.0", "t"), Err(ClientConfigError::Url), "{url}");
    }
    for url in ["http://graph.facebook.com", "http://10.0.0.1", "http://localhost.example.com"] {
        assert_eq!(new(url, "v25.0", "t"), Err(ClientConfigError::NoTls), "{url}");
    }
    for version in ["", "25.0", "v25", "v25.x", "v25.0/..", "v.0", "v1.2.3"] {
        assert_eq!(new("https://graph.facebook.com", version, "t"), Err(ClientConfigError::Version), "{version}");
    }
    for token in ["", "a b", "a\n", "é"] {
        assert_eq!(new("https://graph.facebook.com", "v25.0", token), Err(ClientConfigError::Token), "{token:?}");
    }
    let client = CloudApiClient::new("http://localhost/proxy/", "v25.0", "t").unwrap();
    assert_eq!(client.url(&["105", "messages"]).unwrap().as_str(), "http://localhost/proxy/v25.0/105/messages");
}
