//! Media of guests: fetched from Meta, stored, and downloadable by staff with access to the conversation.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use acceptance::{
    ApiClient, ApiResponse, TestStay, Value, WhatsappHotel, WhatsappWorld, WorldOptions, json, on_both,
    whatsapp::message,
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::digits;

/// Lets a guest send a file through the simulator; returns the attachment that staff see.
async fn receive_file(line: &WhatsappHotel, stay: &TestStay, kind: &str, mut media: Value) -> Value {
    let caption = acceptance::unique("caption");
    media["caption"] = caption.as_str().into();
    line.guest(json!({ "from": stay.phone, "messages": [{ "type": kind, "media": media }] })).await;
    line.until("the message is stored", async || find_attachment(line, stay, &caption).await).await
}

/// The attachment of the message with a caption.
async fn find_attachment(line: &WhatsappHotel, stay: &TestStay, caption: &str) -> Option<Value> {
    let all = line.messages(stay.conversation).await;
    all.iter().find(|it| it["content"] == caption).map(|it| it["attachments"][0].clone())
}

/// Downloads a file as soon as it was fetched.
async fn download(line: &WhatsappHotel, client: &ApiClient, file: &Value) -> ApiResponse {
    let path = format!("attachments/{}/", file["id"]);
    line.until("the file is fetched", async || Some(client.get(&path).await).filter(|it| it.status != 503)).await
}

fn assert_safe_download(response: &ApiResponse) {
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    let policy = response.header("content-security-policy").unwrap();
    assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
    assert!(response.header("content-disposition").unwrap().starts_with("attachment"), "{response:?}");
}

on_both!(staff_with_access_download_the_files_of_a_conversation, line => |line| {
    let (stay, bytes) = (line.assigned(0).await, b"\x89PNG made up\0\xff".as_slice());
    let media = json!({ "base64": BASE64_STANDARD.encode(bytes), "mime_type": "image/png" });
    let file = receive_file(&line, &stay, "image", media).await;
    assert_eq!((&file["name"], &file["content_type"]), (&json!("image.png"), &json!("image/png")));
    for client in [line.of(0).await, line.manager().await] {
        let response = download(&line, &client, &file).await;
        assert_eq!((response.status, response.body.as_slice()), (200, bytes));
        assert_eq!(response.header("content-type"), Some("image/png"));
        assert_eq!(response.header("content-length"), Some(bytes.len().to_string().as_str()));
        assert_safe_download(&response);
    }
    let path = format!("attachments/{}/", file["id"]);
    let all = line.messages(stay.conversation).await;
    let listed = all.iter().find(|it| it["attachments"][0]["id"] == file["id"]).unwrap();
    assert_eq!(listed["attachments"][0]["size"], bytes.len());
    line.of(1).await.get(&path).await.problem(404, "not_found");
    line.anonymous().get(&path).await.problem(401, "unauthenticated");
    let other = WhatsappWorld::shared(line.world.backend).line();
    other.manager().await.get(&path).await.problem(404, "not_found");
    line.manager().await.get("attachments/999999999/").await.problem(404, "not_found");
    // Access to the file follows the conversation.
    let moved = json!({ "department_id": line.departments[1].id });
    line.manager().await.post(stay.path("start_relay/"), moved).await.is(200);
    line.of(0).await.get(&path).await.problem(404, "not_found");
    assert_eq!(line.of(1).await.get(&path).await.body, bytes);
});

on_both!(files_are_never_served_as_active_content, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let page = BASE64_STANDARD.encode("<script>alert(1)</script>");
    for (mime, name) in [
        ("text/html", "../../page.html"),
        ("image/svg+xml", "picture\".svg"),
        ("application/xhtml+xml", "a\r\nSet-Cookie: a=b"),
        ("text/javascript", "ä🙂.js"),
        ("no type at all", ""),
    ] {
        let file = receive_file(&line, &stay, "document", json!({ "base64": page, "mime_type": mime, "filename": name })).await;
        let response = download(&line, &staff, &file).await;
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/octet-stream")), "{mime}");
        assert_eq!(response.header("set-cookie"), None);
        let disposition = response.header("content-disposition").unwrap();
        assert!(!disposition.contains(['/', '\\', '\r', '\n']) || disposition.contains("%2F"), "{disposition}");
        assert_safe_download(&response);
    }
    // A voice message keeps its type.
    let file = receive_file(&line, &stay, "document", json!({ "base64": page, "mime_type": "audio/ogg; codecs=opus" })).await;
    let response = download(&line, &staff, &file).await;
    assert_eq!(response.header("content-type"), Some("audio/ogg"));
});

on_both!(a_large_file_is_stored_completely, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let file = receive_file(&line, &stay, "video", json!({ "size": 9_000_001 })).await;
    let response = download(&line, &staff, &file).await;
    assert_eq!((response.status, response.body.len()), (200, 9_000_001));
    assert!(response.body.iter().all(|byte| *byte == b'x'));
});

on_both!(a_file_with_a_wrong_hash_is_never_served, line => |line| {
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let wrong = receive_file(&line, &stay, "image", json!({ "wrong_sha256": true })).await;
    // The file before it was fetched by then.
    let right = receive_file(&line, &stay, "image", json!({})).await;
    assert_eq!(download(&line, &staff, &right).await.status, 200);
    for _ in 0..20 {
        assert_ne!(staff.get(format!("attachments/{}/", wrong["id"])).await.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
});

/// A server that answers each GET with a head and a number of bytes, chosen by path. Counts the requests.
fn start_file_server(respond: impl Fn(&str) -> (String, usize) + Send + 'static) -> (u16, Arc<AtomicUsize>) {
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
            let (head, bytes) = respond(first.split(' ').nth(1).unwrap_or_default());
            let mut stream = reader.into_inner();
            // The client may have closed the connection.
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

/// The media metadata that the Cloud API returns.
fn media_metadata(url: &str) -> (String, usize) {
    let body =
        json!({ "messaging_product": "whatsapp", "url": url, "mime_type": "image/png", "id": "1", "file_size": 3 });
    let body = body.to_string();
    (format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()), 0)
}

/// A Cloud API whose media are on foreign hosts or too large, depending on the media id. Returns its port, its request
/// counter, and the counter of the foreign host.
fn start_malicious_api() -> (u16, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (foreign_port, foreign_requests) =
        start_file_server(|_| ("HTTP/1.1 200 OK\r\nContent-Length: 3".to_owned(), 3));
    let own_port = Arc::new(AtomicUsize::new(0));
    let port = own_port.clone();
    let (api, requests) = start_file_server(move |path| {
        let own_url = format!("http://127.0.0.1:{}", port.load(Ordering::SeqCst));
        let last = path.rsplit('/').next().unwrap_or_default();
        match last.split('?').next().unwrap_or_default() {
            "elsewhere" => media_metadata(&format!("http://localhost:{foreign_port}/file")),
            "lookalike" => media_metadata(&format!("http://lookaside.fbsbx.com.localhost:{foreign_port}/file")),
            "moved" => media_metadata(&format!("{own_url}/moves")),
            "moves" => {
                (format!("HTTP/1.1 302 Found\r\nLocation: http://localhost:{foreign_port}/\r\nContent-Length: 0"), 0)
            }
            "large" => media_metadata(&format!("{own_url}/larger")),
            "larger" => ("HTTP/1.1 200 OK\r\nContent-Length: 104857601".to_owned(), 104_857_601),
            "unsaid" => media_metadata(&format!("{own_url}/endless")),
            "endless" => ("HTTP/1.1 200 OK".to_owned(), 120_000_000),
            "file" => media_metadata("file:///etc/passwd"),
            "good" => media_metadata(&format!("{own_url}/bytes")),
            _ => ("HTTP/1.1 200 OK\r\nContent-Length: 3".to_owned(), 3),
        }
    });
    own_port.store(api.into(), Ordering::SeqCst);
    (api, requests, foreign_requests)
}

on_both!(media_are_not_fetched_from_foreign_hosts_or_beyond_the_size_limit, without_server WorldOptions::default().hotels(0) => |empty| {
    let (api, requests, foreign_requests) = start_malicious_api();
    let options = WorldOptions::default().set("WHATSAPP_API_URL", format!("http://127.0.0.1:{api}"));
    let line = WhatsappWorld::start(empty.backend, options).line();
    let (stay, staff) = (line.assigned(0).await, line.of(0).await);
    let kinds = ["elsewhere", "lookalike", "moved", "file", "large", "unsaid", "good"];
    for kind in kinds {
        let image = json!({ "id": kind, "mime_type": "image/png", "caption": kind });
        line.deliver_messages(&[message(digits(&stay.phone), json!({ "type": "image", "image": image }))]).await;
    }
    let good = find_attachment(&line, &stay, "good").await.unwrap();
    assert_eq!(download(&line, &staff, &good).await.body, b"xxx");
    // The attachment is no longer listed after the fetch has failed for good.
    line.until("the other fetches have failed", async || {
        for kind in &kinds[..kinds.len() - 1] {
            if !find_attachment(&line, &stay, kind).await?.is_null() {
                return None;
            }
        }
        Some(())
    })
    .await;
    assert!(requests.load(Ordering::SeqCst) >= kinds.len());
    assert_eq!(foreign_requests.load(Ordering::SeqCst), 0);
});
