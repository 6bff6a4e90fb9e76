//! What staff say to guests beside plain texts: templates, texts that wait for the guest, files; and that they have read.

use acceptance::{Answer, Line, Options, PASSWORD, Socket, Staff, Stay, Value, json, on_both, unique};

/// So long after their last word a guest may not be written to freely.
const A_DAY: i64 = 24 * 3600 + 60;

/// The stay of a conversation in relay, whose guest has just written by WhatsApp.
async fn heard(line: &Line, department: usize) -> Stay {
    let stay = line.relay(department);
    line.says(stay.phone.trim_start_matches('+'), "Good evening").await;
    stay
}

async fn template(manager: &Staff, what: Value) -> i64 {
    manager.post("templates/", what).await.is(201)["id"].as_i64().unwrap()
}

/// What went out of a kind of message, oldest first.
async fn sent(line: &Line, kind: &str) -> Vec<Value> {
    let all = line.transcript("send").await;
    let bodies = all.into_iter().map(|it| it["body"].clone());
    bodies.filter(|it| it["type"] == kind).collect()
}

on_both!(a_text_template_is_filled_with_what_is_known_and_what_is_given, line => |line| {
        let (staff, manager, stay) = (line.of(0).await, line.manager().await, heard(&line, 0).await);
        let content = "Dear {{guest_name}} of {{room_number}}, {{ dish }} is ready. {{staff_name}}, {{department_name}}, {{hotel_name}}";
        let id = template(&manager, json!({ "name": unique("ready"), "content": content })).await;
        let path = stay.path("send_template/");
        let missing = staff.post(&path, json!({ "template_id": id })).await;
        assert_eq!(missing.bad_fields(), ["variables"]);
        assert!(missing.text().contains("dish"), "{}", missing.text());
        let told = staff
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
            (&told["content"], &told["sender_type"], &told["delivery"]),
            (&json!(expected), &json!("staff"), &json!("queued"))
        );
        line.until("it is sent", async || {
            sent(&line, "text").await.iter().any(|it| it["text"]["body"] == expected.as_str()).then_some(())
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

on_both!(outside_the_window_a_text_waits_for_the_guest_and_an_approved_template_does_not, whatsapp Options::default() => |it| {
    let line = it.line();
    let (staff, manager, stay) = (line.of(0).await, line.manager().await, heard(&line, 0).await);
    let text = template(&manager, json!({ "name": "plain", "content": "Hello" })).await;
    let approved = json!({
        "name": "pre_arrival", "content": "Dear {{guest_name}}, we expect you on {{day}}.", "template_type": "whatsapp",
        "language": "en",
    });
    let approved = template(&manager, approved).await;
    it.advance(A_DAY).await;
    // A token is good for a quarter of an hour.
    let staff = line.sign_in(&staff.username, PASSWORD).await;
    let manager = line.sign_in(&manager.username, PASSWORD).await;
    staff.post(stay.path("send_message/"), json!({ "text": "Are you well?" })).await.problem(409, "window_closed");
    staff.post(stay.path("send_template/"), json!({ "template_id": text })).await.problem(409, "window_closed");
    let held = json!({ "text": "Are you well?", "hold": true });
    staff.post(stay.path("send_message/"), held.clone()).await.problem(409, "window_closed");
    let told = staff.post(stay.path("send_template/"), json!({ "template_id": approved, "variables": { "day": "12 May" } }));
    assert_eq!(told.await.is(201)["delivery"], "queued");
    let name = staff.get(stay.path("")).await.is(200)["guest_name"].clone();
    let gone = line.until("the template goes", async || sent(&line, "template").await.pop()).await;
    let parameters = &gone["template"]["components"][0]["parameters"];
    assert_eq!(gone["template"]["name"], "pre_arrival");
    assert_eq!([&parameters[0]["text"], &parameters[1]["text"]], [&name, &json!("12 May")]);
    let opener = json!({ "name": "opener", "content": "We have an answer for you.", "template_type": "whatsapp", "language": "en" });
    let opener = template(&manager, opener).await;
    manager.patch("hotel/", json!({ "opener_template_id": opener })).await.is(200);
    let mut socket = Socket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let first = staff.post(stay.path("send_message/"), held).await.is(201);
    let second = staff.post(stay.path("send_message/"), json!({ "text": "Do write.", "hold": true })).await.is(201);
    assert_eq!([&first["delivery"], &second["delivery"]], ["held", "held"]);
    let asked = line.until("the opener goes", async || sent(&line, "template").await.into_iter().find(|it| it["template"]["name"] == "opener")).await;
    assert_eq!(asked["template"]["language"]["code"], "en");
    let messages = async || staff.get(stay.path("messages/")).await.is(200).as_array().unwrap().clone();
    let system: Vec<Value> = messages().await.into_iter().filter(|it| it["sender_type"] == "system").collect();
    assert_eq!(system.iter().map(|it| &it["content"]).collect::<Vec<_>>(), ["We have an answer for you."]);
    assert!(sent(&line, "text").await.is_empty(), "what is held must wait");
    line.guest(json!({ "from": stay.phone, "text": "Yes?" })).await;
    line.until("both were sent", async || (sent(&line, "text").await.len() == 2).then_some(())).await;
    let texts: Vec<Value> = sent(&line, "text").await.into_iter().map(|it| it["text"]["body"].clone()).collect();
    assert_eq!(texts, ["Are you well?", "Do write."]);
    let openers = sent(&line, "template").await.into_iter().filter(|it| it["template"]["name"] == "opener").count();
    assert_eq!(openers, 1, "the guest is asked once");
    for id in [&first["id"], &second["id"]] {
        line.until("it has come", async || {
            messages().await.into_iter().find(|it| it["id"] == *id && it["delivery"] == "read")
        })
        .await;
    }
    let mut steps = Vec::new();
    while steps.last() != Some(&json!("read")) {
        let told = socket.skip_to("message_status").await;
        if told["message_id"] == first["id"] {
            steps.push(told["delivery"].clone());
        }
    }
    assert_eq!(steps.first(), Some(&json!("queued")), "{steps:?}");
});

/// A form with a file, and what is said with it.
async fn upload(staff: &Staff, stay: &Stay, (name, media): (&str, &str), bytes: &[u8], text: Option<&str>) -> Answer {
    let (client, form) = form(staff, (name, media), bytes, text);
    client.send("POST", stay.path("attachments/"), Some(form)).await
}

fn form(
    staff: &acceptance::Client,
    (name, media): (&str, &str),
    bytes: &[u8],
    text: Option<&str>,
) -> (acceptance::Client, Vec<u8>) {
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

on_both!(a_file_goes_to_the_guest_and_to_who_sees_the_conversation, line => |line| {
    let (staff, stay) = (line.of(0).await, heard(&line, 0).await);
    // More than a part, and not a round number of them.
    let picture: Vec<u8> = (0..600_001_u32).map(|n| (n % 251) as u8).collect();
    let told = upload(&staff, &stay, ("pool.png", "image/png"), &picture, Some("Our pool")).await.is(201);
    assert_eq!((&told["content"], &told["delivery"]), (&json!("Our pool"), &json!("queued")));
    let file = &told["attachments"][0];
    assert_eq!(
        [&file["name"], &file["content_type"], &file["size"]],
        [&json!("pool.png"), &json!("image/png"), &json!(600_001)]
    );
    let gone = line.until("it is sent", async || sent(&line, "image").await.pop()).await;
    assert_eq!(gone["image"]["caption"], "Our pool");
    let uploads = line.transcript("upload").await;
    assert_eq!(uploads.len(), 1, "{uploads:?}");
    let path = format!("attachments/{}/", file["id"]);
    let got = staff.get(&path).await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("image/png")));
    assert_eq!(got.body, picture);
    assert!(got.header("content-disposition").unwrap().starts_with("attachment;"));
    assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
    line.of(1).await.get(&path).await.problem(404, "not_found");
    let listed = staff.get(stay.path("messages/")).await.is(200);
    assert_eq!(listed.as_array().unwrap().last().unwrap()["attachments"], told["attachments"]);
    // What a browser could run is given as bytes alone.
    let page = upload(&staff, &stay, ("x.html", "text/html"), b"<script>", None).await.is(201);
    assert_eq!(page["content"], "[document] x.html");
    let got = staff.get(format!("attachments/{}/", page["attachments"][0]["id"])).await;
    assert_eq!(got.header("content-type"), Some("application/octet-stream"));
});

on_both!(a_file_that_cannot_be_sent_is_refused, line => |line| {
    let (staff, stay) = (line.of(0).await, heard(&line, 0).await);
    let path = stay.path("attachments/");
    staff.post(&path, json!({ "file": "x" })).await.problem(415, "unsupported_media_type");
    assert_eq!(upload(&staff, &stay, ("a.txt", "text/plain"), b"", None).await.bad_fields(), ["file"]);
    assert_eq!(upload(&staff, &stay, ("a.txt", "text/plain"), b"x", Some(" ")).await.bad_fields(), ["text"]);
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

on_both!(the_guest_is_shown_what_staff_have_read, line => |line| {
    let (staff, stay) = (line.of(0).await, line.relay(0));
    let mut ids = line.guest(json!({ "from": stay.phone, "text": "one" })).await;
    // What is posted at once may come in either order.
    line.meta.has_told().await;
    ids.extend(line.guest(json!({ "from": stay.phone, "text": "two" })).await);
    let newest = line
        .until("both came", async || {
            let all = staff.get(stay.path("messages/")).await.is(200);
            let newest = all.as_array().unwrap().last().unwrap().clone();
            (newest["content"] == "two").then(|| newest["id"].clone())
        })
        .await;
    staff.post(stay.path("read/"), json!({ "message_id": newest })).await.is(204);
    let marked = line.until("it is shown", async || line.transcript("mark_read").await.pop()).await;
    assert!(marked.to_string().contains(&ids[1]), "{marked}");
    // Who answers has read no more than that.
    for words in ["Good evening.", "One moment, please."] {
        staff.post(stay.path("send_message/"), json!({ "text": words })).await.is(201);
    }
    ids.extend(line.guest(json!({ "from": stay.phone, "text": "three" })).await);
    line.until("it came", async || {
        let all = staff.get(stay.path("messages/")).await.is(200);
        all.as_array().unwrap().iter().any(|it| it["content"] == "three").then_some(())
    })
    .await;
    staff.post(stay.path("send_message/"), json!({ "text": "Here you are." })).await.is(201);
    let shown = line
        .until("that is shown", async || {
            let all = line.transcript("mark_read").await;
            all.last().is_some_and(|it| it.to_string().contains(&ids[2])).then_some(all)
        })
        .await;
    assert_eq!(shown.len(), 2, "each once: {shown:?}");
});
