//! Replies to guests beside plain texts: templates, held texts and files. Also read receipts.

use acceptance::{
    ApiResponse, PASSWORD, StaffClient, TestSocket, TestStay, Value, WhatsappHotel, WorldOptions, json, on_both,
    on_sqlite, unique,
};

/// Longer than the 24-hour window.
const LONGER_THAN_THE_WINDOW: i64 = 24 * 3600 + 60;

/// A relay conversation whose guest has just written through WhatsApp.
async fn relay_with_open_window(line: &WhatsappHotel, department: usize) -> TestStay {
    let stay = line.relay(department);
    line.send_guest_text(stay.phone.trim_start_matches('+'), "Good evening").await;
    stay
}

async fn create_template(manager: &StaffClient, body: Value) -> i64 {
    manager.post("templates/", body).await.is(201)["id"].as_i64().unwrap()
}

/// The sent WhatsApp messages of one type, oldest first.
async fn sent_of_type(line: &WhatsappHotel, kind: &str) -> Vec<Value> {
    let all = line.transcript("send").await;
    let bodies = all.into_iter().map(|it| it["body"].clone());
    bodies.filter(|it| it["type"] == kind).collect()
}

on_both!(a_text_template_is_filled_with_known_and_given_values, line => |line| {
        let (staff, manager, stay) = (line.of(0).await, line.manager().await, relay_with_open_window(&line, 0).await);
        let content = "Dear {{guest_name}} of {{room_number}}, {{ dish }} is ready. {{staff_name}}, {{department_name}}, {{hotel_name}}";
        let id = create_template(&manager, json!({ "name": unique("ready"), "content": content })).await;
        let path = stay.path("send_template/");
        let missing = staff.post(&path, json!({ "template_id": id })).await;
        assert_eq!(missing.bad_fields(), ["variables"]);
        assert!(missing.text().contains("dish"), "{}", missing.text());
        let message = staff
            .post(&path, json!({ "template_id": id, "variables": { "dish": "{{guest_name}}'s <soup>" } }))
            .await
            .is(201);
        let shown = staff.get(stay.path("")).await.is(200);
        let hotel = staff.get("hotel/").await.is(200);
        let expected = format!(
            "Dear {} of {}, {{{{guest_name}}}}'s <soup> is ready. {}, {}, {}",
            shown["guest_name"].as_str().unwrap(),
            stay.room,
            staff.name(),
            shown["department_name"].as_str().unwrap(),
            hotel["name"].as_str().unwrap()
        );
        assert_eq!(
            (&message["content"], &message["sender_type"], &message["delivery"]),
            (&json!(expected), &json!("staff"), &json!("queued"))
        );
        line.until("the message is sent", async || {
            sent_of_type(&line, "text").await.iter().any(|it| it["text"]["body"] == expected.as_str()).then_some(())
        })
        .await;
        assert_eq!(staff.post(&path, json!({ "template_id": 999_999 })).await.bad_fields(), ["template_id"]);
        assert_eq!(
            staff.post(&path, json!({ "template_id": id, "variables": { "dish": 1 } })).await.bad_fields(),
            ["variables"]
        );
        let key = staff.key(&unique("k"));
        let once = key.post(&path, json!({ "template_id": id, "variables": { "dish": "tea" } })).await.is(201);
        let again = key.post(&path, json!({ "template_id": id, "variables": { "dish": "tea" } })).await;
        assert_eq!((again.header("idempotent-replay"), &again.is(200)["id"]), (Some("true"), &once["id"]));
        key.post(&path, json!({ "template_id": id, "variables": { "dish": "milk" } }))
            .await
            .problem(409, "idempotency_mismatch");
        line.of(1).await.post(&path, json!({ "template_id": id })).await.problem(404, "not_found");
        staff.post_empty(stay.path("close/")).await.is(200);
        staff.post(&path, json!({ "template_id": id })).await.problem(409, "conversation_closed");
});

on_both!(outside_the_window_texts_are_held_and_approved_templates_are_sent, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let (staff, manager, stay) = (line.of(0).await, line.manager().await, relay_with_open_window(&line, 0).await);
    let text = create_template(&manager, json!({ "name": "plain", "content": "Hello" })).await;
    let approved = json!({
        "name": "pre_arrival", "content": "Dear {{guest_name}}, we expect you on {{day}}.", "template_type": "whatsapp",
        "language": "en",
    });
    let approved = create_template(&manager, approved).await;
    whatsapp.advance(LONGER_THAN_THE_WINDOW).await;
    // Access tokens expire after 15 minutes.
    let staff = line.sign_in(&staff.username, PASSWORD).await;
    let manager = line.sign_in(&manager.username, PASSWORD).await;
    staff.post(stay.path("send_message/"), json!({ "text": "Are you well?" })).await.problem(409, "window_closed");
    staff.post(stay.path("send_template/"), json!({ "template_id": text })).await.problem(409, "window_closed");
    let held = json!({ "text": "Are you well?", "hold": true });
    staff.post(stay.path("send_message/"), held.clone()).await.problem(409, "window_closed");
    let response = staff.post(stay.path("send_template/"), json!({ "template_id": approved, "variables": { "day": "12 May" } }));
    assert_eq!(response.await.is(201)["delivery"], "queued");
    let name = staff.get(stay.path("")).await.is(200)["guest_name"].clone();
    let sent_template = line.until("the template is sent", async || sent_of_type(&line, "template").await.pop()).await;
    let parameters = &sent_template["template"]["components"][0]["parameters"];
    assert_eq!(sent_template["template"]["name"], "pre_arrival");
    assert_eq!([&parameters[0]["text"], &parameters[1]["text"]], [&name, &json!("12 May")]);
    let opener = json!({ "name": "opener", "content": "We have an answer for you.", "template_type": "whatsapp", "language": "en" });
    let opener = create_template(&manager, opener).await;
    manager.patch("hotel/", json!({ "opener_template_id": opener })).await.is(200);
    // The values of the opener template have the same maximum length.
    let long = json!({ "content": "We have an answer for you. {{hotel_name}}" });
    manager.patch(format!("templates/{opener}/"), long).await.is(200);
    line.world.sql(&format!("UPDATE hotels SET name = '{}' WHERE id = {}", "x".repeat(1025), line.id)).unwrap();
    let response = staff.post(stay.path("send_message/"), held.clone()).await;
    assert_eq!(response.bad_fields(), ["hold"]);
    manager.patch("hotel/", json!({ "name": "The hotel" })).await.is(200);
    manager.patch(format!("templates/{opener}/"), json!({ "content": "We have an answer for you." })).await.is(200);
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let first = staff.post(stay.path("send_message/"), held).await.is(201);
    let second = staff.post(stay.path("send_message/"), json!({ "text": "Do write.", "hold": true })).await.is(201);
    assert_eq!([&first["delivery"], &second["delivery"]], ["held", "held"]);
    let sent_opener = line.until("the opener is sent", async || sent_of_type(&line, "template").await.into_iter().find(|it| it["template"]["name"] == "opener")).await;
    assert_eq!(sent_opener["template"]["language"]["code"], "en");
    let messages = async || staff.get(stay.path("messages/")).await.is(200).as_array().unwrap().clone();
    let system: Vec<Value> = messages().await.into_iter().filter(|it| it["sender_type"] == "system").collect();
    assert_eq!(system.iter().map(|it| &it["content"]).collect::<Vec<_>>(), ["We have an answer for you."]);
    assert!(sent_of_type(&line, "text").await.is_empty(), "held texts must wait");
    line.guest(json!({ "from": stay.phone, "text": "Yes?" })).await;
    line.until("both messages are sent", async || (sent_of_type(&line, "text").await.len() == 2).then_some(())).await;
    let texts: Vec<Value> = sent_of_type(&line, "text").await.into_iter().map(|it| it["text"]["body"].clone()).collect();
    assert_eq!(texts, ["Are you well?", "Do write."]);
    let openers = sent_of_type(&line, "template").await.into_iter().filter(|it| it["template"]["name"] == "opener").count();
    assert_eq!(openers, 1, "the opener is sent once");
    for id in [&first["id"], &second["id"]] {
        line.until("the message is stored", async || {
            messages().await.into_iter().find(|it| it["id"] == *id && it["delivery"] == "read")
        })
        .await;
    }
    let mut steps = Vec::new();
    while steps.last() != Some(&json!("read")) {
        let event = socket.skip_to("message_status").await;
        if event["message_id"] == first["id"] {
            steps.push(event["delivery"].clone());
        }
    }
    assert_eq!(steps.first(), Some(&json!("queued")), "{steps:?}");
});

/// Uploads a file with an optional text.
pub async fn upload(
    staff: &StaffClient,
    stay: &TestStay,
    (name, media): (&str, &str),
    bytes: &[u8],
    text: Option<&str>,
) -> ApiResponse {
    let (client, form) = form(staff, (name, media), bytes, text);
    client.send("POST", stay.path("attachments/"), Some(form)).await
}

fn form(
    staff: &acceptance::ApiClient,
    (name, media): (&str, &str),
    bytes: &[u8],
    text: Option<&str>,
) -> (acceptance::ApiClient, Vec<u8>) {
    let mut form = Vec::new();
    if let Some(text) = text {
        form.extend(format!("--edge\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n{text}\r\n").bytes());
    }
    let head = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {media}\r\n\r\n"
    );
    form.extend(head.bytes());
    form.extend(bytes);
    form.extend(b"\r\n--edge--\r\n");
    (staff.with("content-type", "multipart/form-data; boundary=edge"), form)
}

on_both!(a_file_is_sent_to_the_guest_and_downloadable_by_staff_with_access, line => |line| {
    let (staff, stay) = (line.of(0).await, relay_with_open_window(&line, 0).await);
    // More than one stored part, and no multiple of the part size.
    let picture: Vec<u8> = (0..600_001_u32).map(|n| (n % 251) as u8).collect();
    let message = upload(&staff, &stay, ("pool.png", "image/png"), &picture, Some("Our pool")).await.is(201);
    assert_eq!((&message["content"], &message["delivery"]), (&json!("Our pool"), &json!("queued")));
    let file = &message["attachments"][0];
    assert_eq!(
        [&file["name"], &file["content_type"], &file["size"]],
        [&json!("pool.png"), &json!("image/png"), &json!(600_001)]
    );
    let sent_image = line.until("the message is sent", async || sent_of_type(&line, "image").await.pop()).await;
    assert_eq!(sent_image["image"]["caption"], "Our pool");
    let uploads = line.transcript("upload").await;
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    let path = format!("attachments/{}/", file["id"]);
    let download = staff.get(&path).await;
    assert_eq!((download.status, download.header("content-type")), (200, Some("image/png")));
    assert_eq!(download.body, picture);
    assert!(download.header("content-disposition").unwrap().starts_with("attachment;"));
    assert_eq!(download.header("x-content-type-options"), Some("nosniff"));
    line.of(1).await.get(&path).await.problem(404, "not_found");
    let listed = staff.get(stay.path("messages/")).await.is(200);
    assert_eq!(listed.as_array().unwrap().last().unwrap()["attachments"], message["attachments"]);
});

on_sqlite!(a_hotel_without_number_accepts_any_file_type, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    // Active content is served as plain bytes.
    let page = upload(&staff, &stay, ("x.html", "text/html"), b"<script>", None).await.is(201);
    assert_eq!(page["content"], "[document] x.html");
    let download = staff.get(format!("attachments/{}/", page["attachments"][0]["id"])).await;
    assert_eq!(download.header("content-type"), Some("application/octet-stream"));
    let large = upload(&staff, &stay, ("a.jpg", "image/jpg"), &vec![0; 6 * 1024 * 1024], None).await.is(201);
    assert_eq!(
        (&large["content"], &large["attachments"][0]["content_type"]),
        (&json!("[document] a.jpg"), &json!("image/jpeg"))
    );
});

/// First bytes of file types.
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\0";
const HEIC: &[u8] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
const MOV: &[u8] = b"\0\0\0\x14ftypqt  \0\0\0\0qt  ";
const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0\0\0";
const PDF: &[u8] = b"%PDF-1.7\n\xe2\xe3\xcf\xd3";
const BYTES: &str = "application/octet-stream";

on_sqlite!(file_types_are_detected_and_unsupported_ones_are_refused, line => |line| {
    let (staff, stay) = (line.of(0).await, line.relay(0));
    // The simulator also has to know that the window is open.
    line.guest(json!({ "from": stay.phone, "text": "Good evening" })).await;
    line.meta.wait_until_delivered().await;
    for (name, media, bytes) in [
        ("a.heic", "image/heic", HEIC),
        ("a.jpg", "image/jpeg", HEIC),
        ("a.mov", "video/quicktime", MOV),
        ("a.mp4", "video/mp4", MOV),
        ("a.zip", BYTES, ZIP),
        ("a.csv", "text/csv", b"a,b"),
        ("a.ics", "text/calendar", b"BEGIN:VCALENDAR"),
        ("a.html", "text/html", b"<html></html>"),
        ("a", BYTES, b"\0\x01\x02"),
    ] {
        let response = upload(&staff, &stay, (name, media), bytes, None).await.problem(415, "unsupported_file");
        let detail = response["detail"].as_str().unwrap();
        assert!(["JPEG", "MP4", "PDF"].iter().all(|it| detail.contains(it)), "{detail}");
    }
    let photo = |size: usize| [JPEG, &vec![0; size - JPEG.len()]].concat();
    let response = upload(&staff, &stay, ("a.jpg", "image/jpeg"), &photo(5 * 1024 * 1024 + 1), None).await;
    assert!(response.problem(413, "too_large")["detail"].as_str().unwrap().contains("5 MB"), "{response:?}");
    assert_eq!(line.transcript("upload").await.len(), 0);
    for (name, media, bytes, detected, kind) in [
        ("a.jpg", "image/jpg", photo(200), "image/jpeg", "image"),
        ("a.png", "image/png", photo(100), "image/jpeg", "image"),
        ("a.pdf", BYTES, PDF.to_vec(), "application/pdf", "document"),
        ("a.txt", BYTES, b"Welcome".to_vec(), "text/plain", "document"),
        ("a.mp3", "audio/mp3", b"ID3\x04\0\0\0\0\0\0".to_vec(), "audio/mpeg", "audio"),
    ] {
        let response = upload(&staff, &stay, (name, media), &bytes, None).await.is(201);
        assert_eq!((&response["attachments"][0]["content_type"], &response["content"]), (&json!(detected), &json!(format!("[{kind}] {name}"))));
        let path = format!("messages/?after={}", response["id"].as_i64().unwrap() - 1);
        line.until("the message is sent", async || {
            let response = staff.get(stay.path(&path)).await.is(200)[0]["delivery"].clone();
            assert_ne!(response, "failed", "{name}");
            ["sent", "delivered", "read"].map(Value::from).contains(&response).then_some(())
        })
        .await;
    }
    // Audio has no caption in WhatsApp.
    upload(&staff, &stay, ("a.mp3", "audio/mpeg"), b"ID3\x04\0\0\0\0\0\0", Some("Our song")).await.is(201);
    line.until("the audio is sent as a document", async || {
        sent_of_type(&line, "document").await.into_iter().find(|it| it["document"]["caption"] == "Our song")
    })
    .await;
    upload(&staff, &stay, ("a.jpg", "image/jpeg"), &photo(5 * 1024 * 1024), None).await.is(201);
});

on_both!(texts_too_long_for_whatsapp_are_refused, line => |line| {
    let (staff, manager, stay) = (line.of(0).await, line.manager().await, relay_with_open_window(&line, 0).await);
    let text_of = |size: usize| "é🙂".repeat(size).chars().take(size).collect::<String>();
    let file = ("a.jpg", "image/jpeg");
    let response = upload(&staff, &stay, file, JPEG, Some(&text_of(1025))).await;
    assert_eq!(response.bad_fields(), ["text"]);
    assert!(response.text().contains("1024"), "{}", response.text());
    let response = upload(&staff, &stay, file, JPEG, Some(&text_of(1024))).await.is(201);
    assert_eq!(response["content"], text_of(1024));
    let gone = line.until("the message is sent", async || sent_of_type(&line, "image").await.pop()).await;
    assert_eq!(gone["image"]["caption"], text_of(1024));
    let approved = json!({
        "name": "pre_arrival", "content": "Dear {{name}}, {{words}}", "template_type": "whatsapp", "language": "en",
    });
    let approved = create_template(&manager, approved).await;
    let send = async |value: &str| {
        let body = json!({ "template_id": approved, "variables": { "name": "Ana", "words": value } });
        staff.post(stay.path("send_template/"), body).await
    };
    let response = send(&text_of(1025)).await;
    assert_eq!(response.bad_fields(), ["variables"]);
    assert!(response.text().contains("words") && response.text().contains("1024"), "{}", response.text());
    assert_eq!(send(&text_of(1024)).await.is(201)["content"], format!("Dear Ana, {}", text_of(1024)));
    // White space is shown as the guest sees it.
    assert_eq!(send(" until\n  noon ").await.is(201)["content"], "Dear Ana, until noon");
    let gone = line.until("all messages are sent", async || Some(sent_of_type(&line, "template").await).filter(|it| it.len() == 2)).await;
    let value = |it: &Value| it["template"]["components"][0]["parameters"][1]["text"].clone();
    assert_eq!(gone.iter().map(value).collect::<Vec<_>>(), [json!(text_of(1024)), json!("until noon")]);
    // A text template is free text, so its values may be as long as a text.
    let text = create_template(&manager, json!({ "name": unique("plain"), "content": "{{words}}" })).await;
    let body = json!({ "template_id": text, "variables": { "words": text_of(4096) } });
    staff.post(stay.path("send_template/"), body).await.is(201);
});

on_sqlite!(multipart_forms_are_validated, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let client = staff.with("content-type", "multipart/form-data; boundary=edge");
    let send = async |parts: &[(&str, &[u8])]| {
        let part = |(name, bytes): &(&str, &[u8])| {
            let head = format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"; filename=a\r\n\r\n");
            [head.as_bytes(), bytes, b"\r\n"].concat()
        };
        let form = [parts.iter().map(part).collect::<Vec<_>>().concat(), b"--edge--".to_vec()].concat();
        client.send("POST", stay.path("attachments/"), Some(form)).await
    };
    let before = staff.get(stay.path("messages/")).await.is(200);
    assert_eq!(send(&[("file", b"one"), ("file", b"two")]).await.bad_fields(), ["file"]);
    assert_eq!(send(&[("file", b"one"), ("text", b"caf\xe9")]).await.bad_fields(), ["text"]);
    assert_eq!(send(&[("file", b"one"), ("text", b"1"), ("text", b"2")]).await.bad_fields(), ["text"]);
    assert_eq!(send(&[("file", b"one"), ("text", &[b'x'; 1025])]).await.bad_fields(), ["text"]);
    assert_eq!(staff.get(stay.path("messages/")).await.is(200), before);
    for nothing in [b"".as_slice(), b" \r\n"] {
        assert_eq!(send(&[("text", nothing), ("file", b"one")]).await.is(201)["content"], "[document] a");
    }
    let csv = b"reservation_code,guest_name,guest_phone,room_number,check_in,check_out\n";
    let manager = hotel.manager().await.with("content-type", "multipart/form-data; boundary=edge");
    let part = [b"--edge\r\nContent-Disposition: form-data; name=file\r\n\r\n".as_slice(), csv, b"\r\n"].concat();
    let twice = [part.as_slice(), &part, b"--edge--"].concat();
    assert_eq!(manager.send("POST", "stays/import/", Some(twice)).await.bad_fields(), ["file"]);
});

on_both!(invalid_uploads_are_refused, line => |line| {
    let (staff, stay) = (line.of(0).await, relay_with_open_window(&line, 0).await);
    let path = stay.path("attachments/");
    staff.post(&path, json!({ "file": "x" })).await.problem(415, "unsupported_media_type");
    assert_eq!(upload(&staff, &stay, ("a.txt", "text/plain"), b"", None).await.bad_fields(), ["file"]);
    let (client, _) = form(&staff, ("a.txt", "text/plain"), b"x", None);
    assert_eq!(client.send("POST", &path, Some(b"--edge--\r\n".to_vec())).await.bad_fields(), ["file"]);
    upload(&staff, &stay, ("a.bin", "application/pdf"), &vec![0; 16 * 1024 * 1024 + 1], None)
        .await
        .problem(413, "too_large");
    upload(&line.of(1).await, &stay, ("a.txt", "text/plain"), b"x", None).await.problem(404, "not_found");
    let (client, body) = form(&staff.key(&unique("file")), ("a.txt", "text/plain"), b"once", None);
    let once = client.send("POST", &path, Some(body.clone())).await.is(201);
    let again = client.send("POST", &path, Some(body)).await;
    assert_eq!((again.header("idempotent-replay"), &again.is(200)["id"]), (Some("true"), &once["id"]));
    staff.post_empty(stay.path("close/")).await.is(200);
    upload(&staff, &stay, ("a.txt", "text/plain"), b"x", None).await.problem(409, "conversation_closed");
});

on_both!(read_receipts_are_sent_once_per_message, line => |line| {
    let (staff, stay) = (line.of(0).await, line.relay(0));
    let mut ids = line.guest(json!({ "from": stay.phone, "text": "one" })).await;
    // Concurrent webhook posts may arrive in either order.
    line.meta.wait_until_delivered().await;
    ids.extend(line.guest(json!({ "from": stay.phone, "text": "two" })).await);
    let newest = line
        .until("both messages are stored", async || {
            let all = staff.get(stay.path("messages/")).await.is(200);
            let newest = all.as_array().unwrap().last().unwrap().clone();
            (newest["content"] == "two").then(|| newest["id"].clone())
        })
        .await;
    staff.post(stay.path("read/"), json!({ "message_id": newest })).await.is(204);
    let receipt = line.until("a read receipt is sent", async || line.transcript("mark_read").await.pop()).await;
    assert!(receipt.to_string().contains(&ids[1]), "{receipt}");
    // Further replies move no read position.
    for text in ["Good evening.", "One moment, please."] {
        staff.post(stay.path("send_message/"), json!({ "text": text })).await.is(201);
    }
    ids.extend(line.guest(json!({ "from": stay.phone, "text": "three" })).await);
    line.until("the message is stored", async || {
        let all = staff.get(stay.path("messages/")).await.is(200);
        all.as_array().unwrap().iter().any(|it| it["content"] == "three").then_some(())
    })
    .await;
    staff.post(stay.path("send_message/"), json!({ "text": "Here you are." })).await.is(201);
    let receipts = line
        .until("the next read receipt is sent", async || {
            let all = line.transcript("mark_read").await;
            all.last().is_some_and(|it| it.to_string().contains(&ids[2])).then_some(all)
        })
        .await;
    assert_eq!(receipts.len(), 2, "each once: {receipts:?}");
});
