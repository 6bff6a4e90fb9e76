//! What must survive of guests' messages: a database that goes away, connections that are cut, a server that dies.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use acceptance::{Backend, Line, Options, Value, Whatsapp, by_whatsapp, json, on_both, unique, whatsapp::text};

use super::{digits, id};

/// How often each text of a guest is stored.
async fn stored(line: &Line, phone: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let talk = line.conversation(digits(phone)).await;
    for message in line.messages(id(&talk)).await {
        if message["sender_type"] == "guest" {
            *counts.entry(message["content"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    counts
}

fn once(words: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    words.map(|it| (it, 1)).collect()
}

#[test]
fn while_the_database_is_away_meta_is_told_to_come_again() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: Arc<Whatsapp>| {
        let line = it.line();
        let (phone, manager) = (line.new_phone(), line.manager().await);
        it.meta.set(json!({ "retry_ms": 200 })).await;
        it.world.let_in(false);
        let body = line.body(&[text(digits(&phone), "by hand")]);
        line.post(&body).await.problem(503, "unavailable");
        let messages: Vec<Value> = (0..10).map(|n| json!({ "text": format!("by Meta {n}") })).collect();
        line.guest(json!({ "from": phone, "messages": messages, "times": 2 })).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        it.world.let_in(true);
        line.until("it is taken", async || (line.post(&body).await.status == 200).then_some(())).await;
        it.meta.has_told().await;
        line.until("it is found again", async || (manager.get("conversations/").await.status == 200).then_some(()))
            .await;
        let wanted = once((0..10).map(|n| format!("by Meta {n}")).chain(["by hand".to_owned()]));
        assert_eq!(stored(&line, &phone).await, wanted);
        assert_eq!(it.world.number("SELECT count(*) FROM parked"), 0);
    });
}

#[test]
fn a_cut_in_the_middle_loses_nothing_and_doubles_nothing() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: Arc<Whatsapp>| {
        let line = it.line();
        let phones: Vec<String> = (0..4).map(|_| line.new_phone()).collect();
        line.manager().await;
        for turn in 0..3 {
            let words = |n: usize| format!("turn {turn} number {n}");
            let messages: Vec<Value> = (0..600).map(|n| text(digits(&phones[n % 4]), &words(n))).collect();
            let body = line.body(&messages);
            let cutting = async {
                for _ in 0..5 {
                    tokio::time::sleep(Duration::from_millis(40)).await;
                    it.world.cut_connections();
                }
            };
            let posting = line.until("it is taken", async || {
                let status = line.post(&body).await.status;
                assert!([200, 503].contains(&status), "{status}");
                (status == 200).then_some(())
            });
            tokio::join!(cutting, posting);
            line.until("it is taken once more", async || (line.post(&body).await.status == 200).then_some(())).await;
        }
        for (index, phone) in phones.iter().enumerate() {
            let all = (0..3).flat_map(|turn| {
                (0..600).filter(move |n| n % 4 == index).map(move |n| format!("turn {turn} number {n}"))
            });
            assert_eq!(stored(&line, phone).await, once(all));
        }
        assert_eq!(it.world.number("SELECT count(*) FROM parked"), 0);
    });
}

on_both!(a_power_cut_loses_nothing_that_was_acknowledged, whatsapp Options::default() => |it| {
    let line = it.line();
    let phone = line.new_phone();
    it.meta.set(json!({ "retry_ms": 200, "callback_timeout_ms": 2000 })).await;
    for turn in 0..3 {
        let messages: Vec<Value> = (0..40).map(|n| json!({ "text": format!("{turn}-{n}") })).collect();
        line.guest(json!({ "from": phone, "messages": messages })).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        it.world.kill();
        it.world.serve();
    }
    it.meta.has_told().await;
    let wanted = once((0..3).flat_map(|turn| (0..40).map(move |n| format!("{turn}-{n}"))));
    assert_eq!(stored(&line, &phone).await, wanted);
});

on_both!(the_log_tells_nothing_of_guests, whatsapp Options::default().set("RUST_LOG", "debug") => |it| {
    let line = it.line();
    let (phone, mark) = (line.new_phone(), unique("zx9marked"));
    let from = digits(&phone);
    let user = format!("ES.{from}");
    let mut ids = Vec::new();
    let good = [
        json!({ "text": mark }),
        json!({ "type": "image", "media": { "caption": mark, "filename": mark } }),
        json!({ "type": "image", "media": { "caption": mark, "wrong_sha256": true } }),
        json!({ "type": "hologram", "hologram": mark }),
        json!({ "type": mark }),
        json!({ "timestamp": mark, "text": mark }),
        json!({ "group_id": mark, "text": mark }),
        json!({ "type": "system", "system": { "type": "user_changed_number", "wa_id": "34680000000", "body": mark } }),
    ];
    for what in good {
        ids.extend(line.guest(json!({ "from": phone, "user_id": user, "name": mark, "messages": [what] })).await);
    }
    it.meta.post("guest/", json!({ "from": phone, "to": "999000000000009", "text": mark })).await;
    it.meta.post("change/", json!({ "field": "account_update", "value": { "x": mark }, "to": line.number })).await;
    let errors = json!({ "errors": [{ "code": 131000, "title": mark, "error_data": { "details": mark } }] });
    it.meta.post("change/", json!({ "value": errors, "to": line.number })).await;
    line.post_bytes(format!("{{\"{mark}\":").into_bytes()).await.is(200);
    line.nobody().with("x-hub-signature-256", &mark).post("/webhooks/whatsapp/", json!({ "x": mark })).await.is(401);
    line.nobody().get(format!("/webhooks/whatsapp/?hub.mode=subscribe&hub.verify_token={mark}&hub.challenge={mark}")).await;
    it.meta.has_told().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let log = it.world.log_text();
    let secrets = [mark.as_str(), from, &user, acceptance::APP_SECRET, acceptance::VERIFY_TOKEN, acceptance::ACCESS_TOKEN];
    for secret in secrets.into_iter().map(str::to_owned).chain(ids) {
        let found = log.lines().find(|it| it.contains(&secret));
        assert!(found.is_none(), "the log has {secret}: {found:?}");
    }
    assert!(log.contains("parked what the webhook brought"), "{log}");
});

/// Makes the database refuse messages of this content, as a fault of a statement would.
fn refuse(it: &Whatsapp, content: &str) {
    let trigger = match it.world.backend {
        Backend::Sqlite => format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.content = '{content}' \
             BEGIN SELECT RAISE(ABORT, 'refused by a test'); END"
        ),
        Backend::Postgres => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'refused by a test'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW \
             WHEN (NEW.content = '{content}') EXECUTE FUNCTION refuse()"
        ),
    };
    it.world.sql(&trigger).unwrap();
}

fn refuse_no_more(it: &Whatsapp) {
    let on = if it.world.backend == Backend::Postgres { " ON messages" } else { "" };
    it.world.sql(&format!("DROP TRIGGER refuse{on}")).unwrap();
}

on_both!(what_the_database_refuses_is_delivered_again_and_stored_once, whatsapp Options::default() => |it| {
    let line = it.line();
    let (phone, other) = (line.new_phone(), line.new_phone());
    let message = text(digits(&phone), "refused");
    let wamid = message["id"].as_str().unwrap().to_owned();
    let body = line.body(&[message, text(digits(&other), "taken"), json!("unusable")]);
    refuse(&it, "refused");
    for _ in 0..2 {
        line.post(&body).await.problem(503, "unavailable");
    }
    // What comes with it is stored; nothing is parked that Meta brings again anyway.
    assert_eq!(stored(&line, &other).await, once(["taken".to_owned()].into_iter()));
    assert_eq!(it.world.number("SELECT count(*) FROM parked"), 0);
    let log = std::fs::read_to_string(&it.world.log).unwrap();
    let told = format!("hotel {}, update {wamid}, constraint", line.id);
    assert!(log.contains(&told), "{told} is not in the log");
    refuse_no_more(&it);
    for _ in 0..2 {
        line.post(&body).await.is(200);
    }
    assert_eq!(stored(&line, &phone).await, once(["refused".to_owned()].into_iter()));
    assert_eq!(stored(&line, &other).await, once(["taken".to_owned()].into_iter()));
    assert_eq!(it.world.number("SELECT count(*) FROM parked WHERE kind = 'store'"), 0);
});

on_both!(what_failed_for_hours_is_parked_and_tried_again_by_itself, whatsapp Options::default() => |it| {
    let line = it.line();
    let phone = line.new_phone();
    let body = line.body(&[text(digits(&phone), "refused")]);
    let open = "SELECT count(*) FROM parked WHERE kind = 'store' AND settled_at IS NULL";
    refuse(&it, "refused");
    line.post(&body).await.problem(503, "unavailable");
    it.advance(5 * 3600).await;
    line.post(&body).await.problem(503, "unavailable");
    it.advance(2 * 3600).await;
    line.post(&body).await.is(200);
    assert_eq!(it.world.number(open), 1);
    // It is tried when the server starts, and once a minute.
    let restart = || {
        it.world.kill();
        it.world.serve();
    };
    restart();
    let tried = "SELECT count(*) FROM parked WHERE attempts > 0";
    line.until("it is tried in vain", async || (it.world.number(tried) == 1).then_some(())).await;
    assert_eq!(it.world.number(open), 1);
    refuse_no_more(&it);
    it.advance(120).await;
    restart();
    line.until("it is tried again", async || (it.world.number(open) == 0).then_some(())).await;
    assert_eq!(stored(&line, &phone).await, once(["refused".to_owned()].into_iter()));
});
