//! Files that guests send: fetched from WhatsApp, and given to who sees the conversation.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use acceptance::{Answer, Client, Line, Options, Stay, Value, Whatsapp, json, on_both, whatsapp::message};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::digits;

/// Has a guest send a file by the simulator; what staff see of it.
async fn sent(line: &Line, stay: &Stay, kind: &str, mut media: Value) -> Value {
    let caption = acceptance::unique("caption");
    media["caption"] = caption.as_str().into();
    line.guest(json!({ "from": stay.phone, "messages": [{ "type": kind, "media": media }] })).await;
    line.until("it has come", async || attachment(line, stay, &caption).await).await
}

/// The file of the message with a caption.
async fn attachment(line: &Line, stay: &Stay, caption: &str) -> Option<Value> {
    let all = line.messages(stay.conversation).await;
    all.iter().find(|it| it["content"] == caption).map(|it| it["attachments"][0].clone())
}

/// Downloads a file, when it is there.
async fn downloaded(line: &Line, client: &Client, file: &Value) -> Answer {
    let path = format!("attachments/{}/", file["id"]);
    line.until("it is fetched", async || Some(client.get(&path).await).filter(|it| it.status != 503)).await
}

fn is_harmless(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
    assert!(answer.header("content-disposition").unwrap().starts_with("attachment"), "{answer:?}");
}

on_both!(who_sees_the_conversation_downloads_its_files_and_nobody_else, line => |line| {
    let (stay, bytes) = (line.assigned(0).await, b"\x89PNG made up\0\xff".as_slice());
    let media = json!({ "base64": BASE64_STANDARD.encode(bytes), "mime_type": "image/png" });
    let file = sent(&line, &stay, "image", media).await;
    assert_eq!((&file["name"], &file["content_type"]), (&json!("image.png"), &json!("image/png")));
    for client in [line.of(0).await, line.manager().await] {
        let answer = downloaded(&line, &client, &file).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, bytes));
        assert_eq!(answer.header("content-type"), Some("image/png"));
        assert_eq!(answer.header("content-length"), Some(bytes.len().to_string().as_str()));
        is_harmless(&answer);
    }
    let path = format!("attachments/{}/", file["id"]);
    let all = line.messages(stay.conversation).await;
    let known = all.iter().find(|it| it["attachments"][0]["id"] == file["id"]).unwrap();
    assert_eq!(known["attachments"][0]["size"], bytes.len());
    line.of(1).await.get(&path).await.problem(404, "not_found");
    line.nobody().get(&path).await.problem(401, "unauthenticated");
    let other = Whatsapp::shared(line.world.backend).line();
    other.manager().await.get(&path).await.problem(404, "not_found");
    line.manager().await.get("attachments/999999999/").await.problem(404, "not_found");
    // It moves with its conversation.
    let moved = json!({ "department_id": line.departments[1].id });
    line.manager().await.post(stay.path("start_relay/"), moved).await.is(200);
    line.of(0).await.get(&path).await.problem(404, "not_found");
    assert_eq!(line.of(1).await.get(&path).await.body, bytes);
});

on_both!(no_file_is_a_page_of_ours, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let page = BASE64_STANDARD.encode("<script>alert(1)</script>");
    for (mime, name) in [
        ("text/html", "../../page.html"),
        ("image/svg+xml", "picture\".svg"),
        ("application/xhtml+xml", "a\r\nSet-Cookie: a=b"),
        ("text/javascript", "ä🙂.js"),
        ("no type at all", ""),
    ] {
        let file = sent(&line, &stay, "document", json!({ "base64": page, "mime_type": mime, "filename": name })).await;
        let answer = downloaded(&line, &staff, &file).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/octet-stream")), "{mime}");
        assert_eq!(answer.header("set-cookie"), None);
        let disposition = answer.header("content-disposition").unwrap();
        assert!(!disposition.contains(['/', '\\', '\r', '\n']) || disposition.contains("%2F"), "{disposition}");
        is_harmless(&answer);
    }
    // A voice message stays one.
    let file = sent(&line, &stay, "document", json!({ "base64": page, "mime_type": "audio/ogg; codecs=opus" })).await;
    let answer = downloaded(&line, &staff, &file).await;
    assert_eq!(answer.header("content-type"), Some("audio/ogg"));
});

on_both!(a_large_file_comes_whole, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let file = sent(&line, &stay, "video", json!({ "size": 9_000_001 })).await;
    let answer = downloaded(&line, &staff, &file).await;
    assert_eq!((answer.status, answer.body.len()), (200, 9_000_001));
    assert!(answer.body.iter().all(|byte| *byte == b'x'));
});

on_both!(other_bytes_than_were_told_are_never_served, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let wrong = sent(&line, &stay, "image", json!({ "wrong_sha256": true })).await;
    // By then the one before was fetched as well.
    let right = sent(&line, &stay, "image", json!({})).await;
    assert_eq!(downloaded(&line, &staff, &right).await.status, 200);
    for _ in 0..20 {
        assert_ne!(staff.get(format!("attachments/{}/", wrong["id"])).await.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
});

/// A server that answers every GET with what its path says: a head, and so many bytes; it counts them.
fn serve(answer: impl Fn(&str) -> (String, usize) + Send + 'static) -> (u16, Arc<AtomicUsize>) {
    let (listener, count) = (TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(AtomicUsize::new(0)));
    let (port, counted) = (listener.local_addr().unwrap().port(), count.clone());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut reader = BufReader::new(stream);
            let mut first = String::new();
            let mut line = String::from("-");
            let _ = reader.read_line(&mut first);
            while !line.trim().is_empty() {
                line.clear();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
            }
            let (head, bytes) = answer(first.split(' ').nth(1).unwrap_or_default());
            let mut stream = reader.into_inner();
            // Who has heard enough may have gone.
            let _ = stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes());
            let part = vec![b'x'; 64 * 1024];
            let mut left = bytes;
            while left > 0 && stream.write_all(&part[..left.min(part.len())]).is_ok() {
                left = left.saturating_sub(part.len());
            }
        }
    });
    (port, count)
}

/// What the Cloud API tells of a file.
fn told(url: &str) -> (String, usize) {
    let body =
        json!({ "messaging_product": "whatsapp", "url": url, "mime_type": "image/png", "id": "1", "file_size": 3 });
    let body = body.to_string();
    (format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()), 0)
}

/// Places that are not Meta's, and files that are too large: what is in the path says which.
fn deceitful() -> (u16, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (elsewhere, met) = serve(|_| ("HTTP/1.1 200 OK\r\nContent-Length: 3".to_owned(), 3));
    let own = Arc::new(AtomicUsize::new(0));
    let port = own.clone();
    let (api, asked) = serve(move |path| {
        let here = format!("http://127.0.0.1:{}", port.load(Ordering::SeqCst));
        let last = path.rsplit('/').next().unwrap_or_default();
        match last.split('?').next().unwrap_or_default() {
            "elsewhere" => told(&format!("http://localhost:{elsewhere}/file")),
            "lookalike" => told(&format!("http://lookaside.fbsbx.com.localhost:{elsewhere}/file")),
            "moved" => told(&format!("{here}/moves")),
            "moves" => {
                (format!("HTTP/1.1 302 Found\r\nLocation: http://localhost:{elsewhere}/\r\nContent-Length: 0"), 0)
            }
            "large" => told(&format!("{here}/larger")),
            "larger" => ("HTTP/1.1 200 OK\r\nContent-Length: 104857601".to_owned(), 104_857_601),
            "unsaid" => told(&format!("{here}/endless")),
            "endless" => ("HTTP/1.1 200 OK".to_owned(), 120_000_000),
            "file" => told("file:///etc/passwd"),
            "good" => told(&format!("{here}/bytes")),
            _ => ("HTTP/1.1 200 OK\r\nContent-Length: 3".to_owned(), 3),
        }
    });
    own.store(api.into(), Ordering::SeqCst);
    (api, asked, met)
}

on_both!(nothing_is_fetched_from_elsewhere_and_nothing_too_large, unserved Options::default().hotels(0) => |empty| {
    let (api, asked, met) = deceitful();
    let options = Options::default().set("WHATSAPP_API_URL", format!("http://127.0.0.1:{api}"));
    let line = Whatsapp::start(empty.backend, options).line();
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let kinds = ["elsewhere", "lookalike", "moved", "file", "large", "unsaid", "good"];
    for kind in kinds {
        let image = json!({ "id": kind, "mime_type": "image/png", "caption": kind });
        line.brings(&[message(digits(&stay.phone), json!({ "type": "image", "image": image }))]).await;
    }
    let good = attachment(&line, &stay, "good").await.unwrap();
    assert_eq!(downloaded(&line, &staff, &good).await.body, b"xxx");
    // What is given up is shown no more.
    line.until("the others are given up", async || {
        for kind in &kinds[..kinds.len() - 1] {
            if !attachment(&line, &stay, kind).await?.is_null() {
                return None;
            }
        }
        Some(())
    })
    .await;
    assert!(asked.load(Ordering::SeqCst) >= kinds.len());
    assert_eq!(met.load(Ordering::SeqCst), 0);
});
