use super::*;
use crate::{Body, MediaError, MediaKind, json::sha256};
use domain::GuestIdentity;
use sha2::{Digest, Sha256};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any other limit.
const LONG: Duration = Duration::from_secs(3600);

/// What the server does with a request.
#[derive(Clone)]
enum Act {
    /// Answers with these bytes and closes.
    Answer(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Says nothing.
    Hang,
}

/// A server that does one thing after the other, and then the last again.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            let mut held = Vec::new();
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = receive(&mut stream).await;
                seen.lock().unwrap().push(request);
                match acts[number.min(acts.len() - 1)].clone() {
                    Act::Answer(bytes) => stream.write_all(&bytes).await.unwrap(),
                    Act::Close => {}
                    Act::Hang => held.push(stream),
                }
            }
        });
        Self { address, requests }
    }

    fn client(&self) -> Client {
        let [connection, answer, file] = [2000, 500, 500].map(Duration::from_millis);
        Client::with_limits(&self.address, "v25.0", "s3cret-t0ken", TimeLimits { connection, answer, file }).unwrap()
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A whole request.
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

fn answer(head: &str, body: &str) -> Act {
    Act::Answer(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into())
}

const TAKEN: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+447700900123","wa_id":"447700900123"}],"messages":[{"id":"wamid.B01"}]}"#;

fn message() -> Outgoing {
    let to = GuestIdentity { wa_id: Some("447700900123".into()), ..Default::default() };
    Outgoing { to, callback: "out_1".into(), quotes: None, body: Body::Text("Yes".into()) }
}

/// What sending comes to where the server does this.
async fn send(act: Act) -> Result<Accepted, CallError> {
    let server = Server::start(vec![act]).await;
    let sent = server.client().send("105", &message(), LONG).await;
    assert_eq!(server.requests().len(), 1, "once, and never again by itself");
    sent
}

fn refused(code: i64) -> String {
    format!(r#"{{"error":{{"message":"+447700900123","code":{code},"fbtrace_id":"Ab1"}}}}"#)
}

#[tokio::test]
async fn a_message_is_sent() {
    let server = Server::start(vec![answer("200 OK", TAKEN)]).await;
    let taken = server.client().send("105", &message(), LONG).await.unwrap();
    let wa_id = Some("447700900123".to_owned());
    assert_eq!(taken, Accepted { wamid: "wamid.B01".into(), wa_id, bsuid: None });
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /v25.0/105/messages HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer s3cret-t0ken\r\n"), "{request}");
    let (_, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), message().json().unwrap());
}

#[tokio::test]
async fn one_to_a_business_scoped_id_has_no_number() {
    let body = r#"{"contacts":[{"input":"GB.1","user_id":"GB.1"}],"messages":[{"id":"wamid.B02"}]}"#;
    let taken = send(answer("200 OK", body)).await.unwrap();
    assert_eq!((taken.wa_id, taken.bsuid.as_deref()), (None, Some("GB.1")));
}

#[tokio::test]
async fn a_refusal_is_one_whatever_the_status() {
    for (head, code, retry_after) in [
        ("400 Bad Request", 131047, None),
        ("429 Too Many Requests\r\nRetry-After: 30", 131056, Some(30)),
        ("429 Too Many Requests\r\nRetry-After: 99999999", 4, Some(3600)),
        ("429 Too Many Requests\r\nRetry-After: soon", 4, None),
        ("401 Unauthorized", 190, None),
        ("500 Internal Server Error", 131016, None),
        ("200 OK", 131000, None),
    ] {
        let Err(CallError::Refused { error, retry_after: told }) = send(answer(head, &refused(code))).await else {
            panic!("{head}")
        };
        assert_eq!((error.code, told.map(|it| it.as_secs())), (code, retry_after), "{head}");
    }
}

#[tokio::test]
async fn anything_else_is_no_answer() {
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
        let unknown = CallError::NoAnswer(NoAnswer::NotUnderstood { status });
        assert_eq!(send(answer(head, body)).await, Err(unknown), "{head} {body}");
    }
    let endless = "x".repeat(2 * 1024 * 1024);
    assert!(matches!(send(answer("200 OK", &endless)).await, Err(CallError::NoAnswer(_))));
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_answer() {
    let cut = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", TAKEN.len(), &TAKEN[..50]);
    for act in [Act::Close, Act::Answer(cut.into()), Act::Answer(b"HTTP/1.1 200 OK\r\nConte".to_vec())] {
        let Err(CallError::NoAnswer(NoAnswer::Broken(_))) = send(act).await else { panic!() };
    }
}

#[tokio::test]
async fn silence_is_no_answer() {
    assert_eq!(send(Act::Hang).await, Err(NoAnswer::TimedOut.into()));
    let begun = Server::start(vec![Act::Hang]).await;
    // Half an answer, and then nothing more.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        receive(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await.unwrap();
        std::future::pending::<()>().await;
    });
    let client = Client::with_limits(&address, "v25.0", "t", begun.client().limits).unwrap();
    assert_eq!(client.send("105", &message(), LONG).await, Err(NoAnswer::TimedOut.into()));
}

#[tokio::test]
async fn what_never_went_out_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::new(&format!("http://{address}"), "v25.0", "t").unwrap();
    let Err(CallError::NotSent(NotSent::NoConnection(why))) = client.send("105", &message(), LONG).await else {
        panic!()
    };
    assert!(why.to_lowercase().contains("refused"), "{why}");
    let nowhere = Client::new("https://no-such-host.invalid", "v25.0", "t").unwrap();
    let sent = nowhere.send("105", &message(), LONG).await;
    assert!(matches!(sent, Err(CallError::NotSent(NotSent::NoConnection(_)))), "{sent:?}");
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 65536];
        let count = stream.read(&mut heard).await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        heard.truncate(count);
        String::from_utf8_lossy(&heard).into_owned()
    });
    let client = Client::new(&format!("https://{address}"), "v25.0", "s3cret-t0ken").unwrap();
    let sent = client.send("105", &message(), LONG).await;
    assert!(matches!(sent, Err(CallError::NotSent(NotSent::NoConnection(_)))), "{sent:?}");
    assert!(!server.await.unwrap().contains("s3cret"));
}

#[tokio::test]
async fn a_handshake_that_hangs_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let [connection, answer, file] = [200, 60_000, 60_000].map(Duration::from_millis);
    let limits = TimeLimits { connection, answer, file };
    let client = Client::with_limits(&format!("https://{address}"), "v25.0", "t", limits).unwrap();
    let sent = client.send("105", &message(), LONG).await;
    assert!(matches!(sent, Err(CallError::NotSent(NotSent::NoConnection(_)))), "{sent:?}");
    drop(listener);
}

#[tokio::test]
async fn ids_cannot_lead_elsewhere() {
    let server = Server::start(vec![answer("200 OK", TAKEN)]).await;
    let client = server.client();
    for id in ["", "..", ".", "1/2", "1?a=b", "1#", "1%2f", "é", "1 "] {
        assert!(matches!(client.send(id, &message(), LONG).await, Err(CallError::NotSent(NotSent::NoCall(_)))), "{id}");
        assert!(matches!(client.media(id).await, Err(CallError::NotSent(_))), "{id}");
    }
    let nobody = Outgoing { to: GuestIdentity::default(), ..message() };
    assert!(matches!(client.send("105", &nobody, LONG).await, Err(CallError::NotSent(_))));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_message_is_marked_as_read() {
    let server =
        Server::start(vec![answer("200 OK", r#"{"success":true}"#), answer("400 Bad Request", &refused(131009))]).await;
    let client = server.client();
    assert_eq!(client.mark_read("105", "wamid.A01").await, Ok(()));
    let request = &server.requests()[0];
    assert!(request.contains(r#""status":"read""#) && request.contains(r#""message_id":"wamid.A01""#), "{request}");
    assert!(matches!(client.mark_read("105", "wamid.A01").await, Err(CallError::Refused { .. })));
}

#[tokio::test]
async fn token_and_number_are_checked() {
    let told =
        r#"{"display_phone_number":"+44 20 7946 0000","verified_name":"Hotel","quality_rating":"GREEN","id":"105"}"#;
    let server = Server::start(vec![answer("200 OK", told), answer("401 Unauthorized", &refused(190))]).await;
    let client = server.client();
    let number = client.check("105").await.unwrap();
    assert_eq!(number.display_phone_number.as_deref(), Some("+44 20 7946 0000"));
    assert_eq!((number.verified_name.as_deref(), number.quality_rating.as_deref()), (Some("Hotel"), Some("GREEN")));
    assert!(server.requests()[0].starts_with("GET /v25.0/105?fields="), "{:?}", server.requests());
    let Err(CallError::Refused { error, .. }) = client.check("105").await else { panic!() };
    assert_eq!(error.code, 190);
}

#[tokio::test]
async fn a_file_is_looked_up_and_fetched() {
    let file = "bytes of a picture";
    let digest: [u8; 32] = Sha256::digest(file).into();
    let server = Server::start(vec![answer("200 OK", file)]).await;
    let hex: String = digest.iter().map(|it| format!("{it:02x}")).collect();
    let info = format!(
        r#"{{"url":"{}/file","mime_type":"image/png; a=b","sha256":"{hex}","file_size":"18","id":"9"}}"#,
        server.address
    );
    let info = Server::start(vec![answer("200 OK", &info)]).await.client().media("9").await.unwrap();
    assert_eq!((info.mime_type.as_str(), info.size, info.sha256), ("image/png", Some(18), sha256(&hex)));
    let mut download = server.client().download(&info.url, 18).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert_eq!((bytes.as_slice(), download.sha256()), (file.as_bytes(), digest));
    assert!(server.requests()[0].contains("authorization: Bearer s3cret-t0ken\r\n"));
}

#[tokio::test]
async fn too_much_is_not_fetched() {
    let announced = Server::start(vec![answer("200 OK", "12345")]).await;
    let url = format!("{}/file", announced.address);
    let download = announced.client().download(&url, 4).await;
    assert!(matches!(download, Err(MediaError::TooLarge { most: 4 })), "{download:?}");
    let endless = Server::start(vec![Act::Answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12345".to_vec())]).await;
    let mut download = endless.client().download(&format!("{}/file", endless.address), 4).await.unwrap();
    assert_eq!(download.chunk().await, Err(MediaError::TooLarge { most: 4 }));
}

#[tokio::test]
async fn half_a_file_is_none() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345".to_vec();
    let server = Server::start(vec![Act::Answer(half)]).await;
    let mut download = server.client().download(&format!("{}/file", server.address), 10).await.unwrap();
    let mut last = Ok(None);
    while let chunk @ (Ok(Some(_)) | Err(_)) = download.chunk().await {
        last = chunk;
        if last.is_err() {
            break;
        }
    }
    assert!(matches!(last, Err(MediaError::Call(CallError::NoAnswer(_)))), "{last:?}");
}

#[tokio::test]
async fn a_file_that_was_moved_is_followed_to_known_hosts_only() {
    let here = Server::start(vec![answer("302 Found\r\nLocation: /there", ""), answer("200 OK", "abc")]).await;
    let mut moved = here.client().download(&format!("{}/file", here.address), 9).await.unwrap();
    assert_eq!(moved.chunk().await.unwrap().as_deref(), Some(b"abc".as_slice()));
    assert!(here.requests()[1].starts_with("GET /there HTTP/1.1"), "{:?}", here.requests());
    let other = Server::start(vec![answer("200 OK", "secret")]).await;
    for place in [
        format!("{}/internal", other.address),
        "http://169.254.169.254/".into(),
        "http://lookaside.fbsbx.com/".into(),
        "file:///etc/passwd".into(),
    ] {
        let away = Server::start(vec![answer(&format!("302 Found\r\nLocation: {place}"), "")]).await;
        let download = away.client().download(&format!("{}/file", away.address), 9).await;
        assert!(matches!(download, Err(MediaError::ForeignAddress)), "{place}");
    }
    assert!(other.requests().is_empty());
    let round = Server::start(vec![answer("302 Found\r\nLocation: /file", "")]).await;
    let download = round.client().download(&format!("{}/file", round.address), 9).await;
    let no_file = NoAnswer::NotUnderstood { status: 302 };
    assert!(matches!(download, Err(MediaError::Call(CallError::NoAnswer(it))) if it == no_file));
    assert_eq!(round.requests().len(), 4);
    let direct = round.client().download(&format!("{}/internal", other.address), 9).await;
    assert!(matches!(direct, Err(MediaError::ForeignAddress)));
}

#[tokio::test]
async fn why_a_file_is_not_there_is_told() {
    for (head, body, gone) in [
        ("404 Not Found", "", true),
        ("401 Unauthorized", "", false),
        ("500 Error", "<html>", false),
        ("204 None", "", false),
    ] {
        let server = Server::start(vec![answer(head, body)]).await;
        let download = server.client().download(&format!("{}/file", server.address), 9).await;
        assert_eq!(matches!(download, Err(MediaError::Gone)), gone, "{head}");
        assert!(gone || matches!(download, Err(MediaError::Call(CallError::NoAnswer(_)))), "{head}");
    }
    let server = Server::start(vec![answer("401 Unauthorized", &refused(190))]).await;
    let download = server.client().download(&format!("{}/file", server.address), 9).await;
    assert!(matches!(download, Err(MediaError::Call(CallError::Refused { .. }))));
}

#[tokio::test]
async fn a_file_is_uploaded() {
    let server = Server::start(vec![answer("200 OK", r#"{"id":"900"}"#), answer("200 OK", "{}")]).await;
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
    assert!(matches!(upload("no type").await, Err(CallError::NotSent(NotSent::NoCall(_)))));
    assert!(matches!(upload("image/png").await, Err(CallError::NoAnswer(_))));
}

#[tokio::test]
async fn errors_show_neither_token_nor_number() {
    let image = Body::Media { kind: MediaKind::Image, media_id: "9".into(), caption: None, filename: None };
    let message = Outgoing { body: image, ..message() };
    for act in [Act::Close, Act::Hang, answer("400 Bad Request", &refused(131030)), answer("500 Error", "447700900123")]
    {
        let server = Server::start(vec![act]).await;
        let error = server.client().send("105", &message, LONG).await.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", server.client());
        assert!(!shown.contains("s3cret") && !shown.contains("4477") && !shown.contains("/messages"), "{shown}");
    }
}

#[test]
fn settings_are_checked() {
    let new = |url: &str, version: &str, token: &str| Client::new(url, version, token).map(|_| ());
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
        assert_eq!(new(url, "v25.0", "t"), Err(BadSettings::Url), "{url}");
    }
    for url in ["http://graph.facebook.com", "http://10.0.0.1", "http://localhost.example.com"] {
        assert_eq!(new(url, "v25.0", "t"), Err(BadSettings::NoTls), "{url}");
    }
    for version in ["", "25.0", "v25", "v25.x", "v25.0/..", "v.0", "v1.2.3"] {
        assert_eq!(new("https://graph.facebook.com", version, "t"), Err(BadSettings::Version), "{version}");
    }
    for token in ["", "a b", "a\n", "é"] {
        assert_eq!(new("https://graph.facebook.com", "v25.0", token), Err(BadSettings::Token), "{token:?}");
    }
    let client = Client::new("http://localhost/proxy/", "v25.0", "t").unwrap();
    assert_eq!(client.url(&["105", "messages"]).unwrap().as_str(), "http://localhost/proxy/v25.0/105/messages");
}
