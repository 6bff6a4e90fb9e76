//! Outages during webhooks: an unavailable database, cut connections, a killed server and refused statements lose no
//! guest message.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use acceptance::{
    DatabaseKind, Value, WhatsappHotel, WhatsappWorld, WorldOptions, json, on_both, unique, whatsapp::text,
    with_simulator,
};

use super::{digits, id};

/// How often each text of a guest is stored.
async fn count_texts(line: &WhatsappHotel, phone: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let conversation = line.conversation(digits(phone)).await;
    for message in line.messages(id(&conversation)).await {
        if message["sender_type"] == "guest" {
            *counts.entry(message["content"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    counts
}

fn once_each(words: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    words.map(|it| (it, 1)).collect()
}

#[test]
fn an_unavailable_database_gets_503_and_meta_redelivers() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        let line = whatsapp.line();
        let (phone, manager) = (line.unused_phone(), line.manager().await);
        whatsapp.meta.set(json!({ "retry_ms": 200 })).await;
        whatsapp.world.set_reachable(false);
        let body = line.body(&[text(digits(&phone), "by hand")]);
        line.post(&body).await.problem(503, "unavailable");
        let messages: Vec<Value> = (0..10).map(|n| json!({ "text": format!("by Meta {n}") })).collect();
        line.guest(json!({ "from": phone, "messages": messages, "times": 2 })).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        whatsapp.world.set_reachable(true);
        line.until("the webhook is accepted", async || (line.post(&body).await.status == 200).then_some(())).await;
        whatsapp.meta.wait_until_delivered().await;
        line.until("the database is available again", async || {
            (manager.get("conversations/").await.status == 200).then_some(())
        })
        .await;
        let wanted = once_each((0..10).map(|n| format!("by Meta {n}")).chain(["by hand".to_owned()]));
        assert_eq!(count_texts(&line, &phone).await, wanted);
        assert_eq!(whatsapp.world.number("SELECT count(*) FROM parked"), 0);
    });
}

#[test]
fn cut_connections_lose_and_duplicate_no_message() {
    with_simulator(DatabaseKind::Postgres, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
        let line = whatsapp.line();
        let phones: Vec<String> = (0..4).map(|_| line.unused_phone()).collect();
        line.manager().await;
        for turn in 0..3 {
            let words = |n: usize| format!("turn {turn} number {n}");
            let messages: Vec<Value> = (0..600).map(|n| text(digits(&phones[n % 4]), &words(n))).collect();
            let body = line.body(&messages);
            let cutting = async {
                for _ in 0..5 {
                    tokio::time::sleep(Duration::from_millis(40)).await;
                    whatsapp.world.cut_connections();
                }
            };
            let posting = line.until("the webhook is accepted", async || {
                let status = line.post(&body).await.status;
                assert!([200, 503].contains(&status), "{status}");
                (status == 200).then_some(())
            });
            tokio::join!(cutting, posting);
            line.until("the webhook is accepted again", async || (line.post(&body).await.status == 200).then_some(()))
                .await;
        }
        for (index, phone) in phones.iter().enumerate() {
            let all = (0..3).flat_map(|turn| {
                (0..600).filter(move |n| n % 4 == index).map(move |n| format!("turn {turn} number {n}"))
            });
            assert_eq!(count_texts(&line, phone).await, once_each(all));
        }
        assert_eq!(whatsapp.world.number("SELECT count(*) FROM parked"), 0);
    });
}

on_both!(a_crash_loses_no_acknowledged_webhook, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let phone = line.unused_phone();
    whatsapp.meta.set(json!({ "retry_ms": 200, "callback_timeout_ms": 2000 })).await;
    for turn in 0..3 {
        let messages: Vec<Value> = (0..40).map(|n| json!({ "text": format!("{turn}-{n}") })).collect();
        line.guest(json!({ "from": phone, "messages": messages })).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        whatsapp.world.kill();
        whatsapp.world.serve();
    }
    whatsapp.meta.wait_until_delivered().await;
    let wanted = once_each((0..3).flat_map(|turn| (0..40).map(move |n| format!("{turn}-{n}"))));
    assert_eq!(count_texts(&line, &phone).await, wanted);
});

on_both!(the_log_contains_no_data_of_guests, whatsapp WorldOptions::default().set("RUST_LOG", "debug") => |whatsapp| {
    let line = whatsapp.line();
    let (phone, mark) = (line.unused_phone(), unique("zx9marked"));
    let from = digits(&phone);
    let user = format!("ES.{from}");
    let mut ids = Vec::new();
    let messages = [
        json!({ "text": mark }),
        json!({ "type": "image", "media": { "caption": mark, "filename": mark } }),
        json!({ "type": "image", "media": { "caption": mark, "wrong_sha256": true } }),
        json!({ "type": "hologram", "hologram": mark }),
        json!({ "type": mark }),
        json!({ "timestamp": mark, "text": mark }),
        json!({ "group_id": mark, "text": mark }),
        json!({ "type": "system", "system": { "type": "user_changed_number", "wa_id": "34680000000", "body": mark } }),
    ];
    for content in messages {
        ids.extend(line.guest(json!({ "from": phone, "user_id": user, "name": mark, "messages": [content] })).await);
    }
    whatsapp.meta.post("guest/", json!({ "from": phone, "to": "999000000000009", "text": mark })).await;
    whatsapp.meta.post("change/", json!({ "field": "account_update", "value": { "x": mark }, "to": line.number })).await;
    let errors = json!({ "errors": [{ "code": 131000, "title": mark, "error_data": { "details": mark } }] });
    whatsapp.meta.post("change/", json!({ "value": errors, "to": line.number })).await;
    line.post_bytes(format!("{{\"{mark}\":").into_bytes()).await.is(200);
    line.anonymous().with("x-hub-signature-256", &mark).post("/webhooks/whatsapp/", json!({ "x": mark })).await.is(401);
    line.anonymous().get(format!("/webhooks/whatsapp/?hub.mode=subscribe&hub.verify_token={mark}&hub.challenge={mark}")).await;
    whatsapp.meta.wait_until_delivered().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let log = whatsapp.world.log_text();
    let secrets = [mark.as_str(), from, &user, acceptance::APP_SECRET, acceptance::VERIFY_TOKEN, acceptance::ACCESS_TOKEN];
    for secret in secrets.into_iter().map(str::to_owned).chain(ids) {
        let found = log.lines().find(|it| it.contains(&secret));
        assert!(found.is_none(), "the log has {secret}: {found:?}");
    }
    assert!(log.contains("an update of the webhook becomes a dead letter"), "{log}");
});

/// Makes the database refuse messages with this text, as a faulty statement would.
fn refuse_text(whatsapp: &WhatsappWorld, content: &str) {
    let trigger = match whatsapp.world.backend {
        DatabaseKind::Sqlite => format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.content = '{content}' \
             BEGIN SELECT RAISE(ABORT, 'refused by a test'); END"
        ),
        DatabaseKind::Postgres => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'refused by a test'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW \
             WHEN (NEW.content = '{content}') EXECUTE FUNCTION refuse()"
        ),
    };
    whatsapp.world.sql(&trigger).unwrap();
}

fn accept_all_texts(whatsapp: &WhatsappWorld) {
    let on = if whatsapp.world.backend == DatabaseKind::Postgres { " ON messages" } else { "" };
    whatsapp.world.sql(&format!("DROP TRIGGER refuse{on}")).unwrap();
}

on_both!(a_refused_message_is_redelivered_and_stored_once, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let (phone, other) = (line.unused_phone(), line.unused_phone());
    let message = text(digits(&phone), "refused");
    let wamid = message["id"].as_str().unwrap().to_owned();
    let body = line.body(&[message, text(digits(&other), "taken"), json!("unusable")]);
    refuse_text(&whatsapp, "refused");
    for _ in 0..2 {
        line.post(&body).await.problem(503, "unavailable");
    }
    // The other message of the body is stored. The refused one is no dead letter, because Meta delivers it again.
    assert_eq!(count_texts(&line, &other).await, once_each(["taken".to_owned()].into_iter()));
    assert_eq!(whatsapp.world.number("SELECT count(*) FROM parked"), 0);
    let log = std::fs::read_to_string(&whatsapp.world.log).unwrap();
    let expected = format!("hotel {}: update {wamid} could not be stored (constraint", line.id);
    assert!(log.contains(&expected), "{expected} is not in the log");
    accept_all_texts(&whatsapp);
    for _ in 0..2 {
        line.post(&body).await.is(200);
    }
    assert_eq!(count_texts(&line, &phone).await, once_each(["refused".to_owned()].into_iter()));
    assert_eq!(count_texts(&line, &other).await, once_each(["taken".to_owned()].into_iter()));
    assert_eq!(whatsapp.world.number("SELECT count(*) FROM parked WHERE kind = 'store'"), 0);
});

on_both!(a_message_refused_for_hours_becomes_a_dead_letter_and_is_retried, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    let phone = line.unused_phone();
    let body = line.body(&[text(digits(&phone), "refused")]);
    let open = "SELECT count(*) FROM parked WHERE kind = 'store' AND settled_at IS NULL";
    refuse_text(&whatsapp, "refused");
    line.post(&body).await.problem(503, "unavailable");
    whatsapp.advance(5 * 3600).await;
    line.post(&body).await.problem(503, "unavailable");
    whatsapp.advance(2 * 3600).await;
    line.post(&body).await.is(200);
    assert_eq!(whatsapp.world.number(open), 1);
    // Dead letters are retried at the start of a server and once a minute.
    let restart = || {
        whatsapp.world.kill();
        whatsapp.world.serve();
    };
    restart();
    let tried = "SELECT count(*) FROM parked WHERE attempts > 0";
    line.until("the dead letter is retried", async || (whatsapp.world.number(tried) == 1).then_some(())).await;
    assert_eq!(whatsapp.world.number(open), 1);
    accept_all_texts(&whatsapp);
    whatsapp.advance(120).await;
    restart();
    line.until("the dead letter is retried successfully", async || (whatsapp.world.number(open) == 0).then_some(())).await;
    assert_eq!(count_texts(&line, &phone).await, once_each(["refused".to_owned()].into_iter()));
});
