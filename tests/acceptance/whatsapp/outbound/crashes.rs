//! Servers that die, end, and take over from each other while messages are on their way.

use std::{collections::HashMap, sync::Arc, time::Duration};

use acceptance::{Backend, Client, Options, Value, Whatsapp, by_whatsapp, json, on_both};
use tokio::time::{Instant, sleep};

use super::*;

/// Longer than the lease of a server that died.
const LEASE: Duration = Duration::from_secs(40);

/// Guests of a hotel who have written.
async fn talks(it: &Arc<Whatsapp>, count: usize) -> Vec<Talk> {
    let line = it.line();
    let mut talks = Vec::new();
    for n in 0..count {
        talks.push(Talk::with(&line, &format!("+4477009005{n:02}")).await);
    }
    it.meta.set(json!({ "reply_ms": [0, 300], "delivered_ms": [0, 500], "read_ms": [0, 500] })).await;
    talks
}

/// The same after a restart.
async fn back(talks: &[Talk]) -> Vec<Talk> {
    let manager = talks[0].back().await.manager;
    talks.iter().map(|it| Talk { manager: manager.clone(), ..it.clone() }).collect()
}

/// Waits until nothing of these conversations waits any more.
async fn at_rest(talks: &[Talk], within: Duration) {
    let start = Instant::now();
    for talk in talks {
        loop {
            let all = talk.messages().await;
            if all.iter().all(|it| it["delivery"] != "queued") {
                break;
            }
            assert!(start.elapsed() < within, "something waits: {all:?}");
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Fails unless each message was accepted once, or nobody knows whether it was; in order within each conversation.
/// How many are not known.
async fn check_all(talks: &[Talk]) -> usize {
    let line = &talks[0].line;
    let order = accepted(line).await;
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, words) in order.iter().enumerate() {
        places.entry(words).or_default().push(place);
    }
    let mut unknown = 0;
    for talk in talks {
        let mut last = 0;
        for it in talk.messages().await.iter().filter(|it| it["delivery"] != Value::Null) {
            let at = places.get(it["content"].as_str().unwrap()).cloned().unwrap_or_default();
            match it["delivery"].as_str().unwrap() {
                "unknown" => {
                    unknown += 1;
                    assert!(at.len() <= 1, "sent twice: {it}");
                }
                "sent" | "delivered" | "read" => assert_eq!(at.len(), 1, "{it}"),
                _ => panic!("{it}"),
            }
            if let Some(at) = at.first() {
                assert!(*at >= last, "out of order: {it}");
                last = *at;
            }
        }
    }
    unknown
}

on_both!(killed_at_any_point_it_sends_nothing_twice_and_loses_nothing, whatsapp Options::default() => |it| {
    let mut talks = talks(&it, 6).await;
    for round in 0..3 {
        for _ in 0..5 {
            for talk in &talks {
                talk.say(&words()).await;
            }
        }
        sleep(Duration::from_millis(130 * round)).await;
        it.world.kill();
        it.world.serve();
        talks = back(&talks).await;
        // What was on its way is told to be unknown as soon as the dead server's lease is over.
        at_rest(&talks, LEASE).await;
    }
    it.meta.has_told().await;
    let unknown = check_all(&talks).await;
    assert!(unknown <= 18, "only what was on its way: {unknown}");
});

on_both!(at_its_end_what_is_on_its_way_is_recorded_or_given_up, whatsapp Options::default() => |it| {
    let talks = talks(&it, 6).await;
    let slow = json!({ "slow_ms": 1500, "to": talks[0].phone });
    let never = json!({ "hang": true, "accepted": false, "to": talks[1].phone });
    for fault in [slow, never] {
        it.meta.post("faults/", fault).await;
    }
    let mut ids = Vec::new();
    for talk in &talks {
        ids.push(talk.say(&words()).await);
        talk.say(&words()).await;
    }
    sleep(Duration::from_millis(300)).await;
    it.world.signal("TERM");
    assert_eq!(it.world.ended(Duration::from_secs(10)).await, Some(0));
    it.world.serve();
    let talks = back(&talks).await;
    // The lease was given back: nobody waits for it.
    at_rest(&talks, Duration::from_secs(8)).await;
    it.meta.has_told().await;
    assert_eq!(talks[1].message(ids[1]).await["delivery"], "unknown");
    assert_eq!(check_all(&talks).await, 1);
});

#[test]
fn of_two_servers_one_sends_and_the_other_takes_over() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: Arc<Whatsapp>| {
        let talks = talks(&it, 6).await;
        let node = it.world.another_node();
        let other = Client::new(&node).bearer(&talks[0].manager.access);
        for _ in 0..4 {
            for talk in &talks {
                talk.say(&words()).await;
                other.post(talk.path("send_message/"), json!({ "text": words() })).await.is(201);
            }
        }
        // The first one holds the channel.
        it.meta.set(json!({ "callback": format!("{}/webhooks/whatsapp/", node.base()) })).await;
        it.world.kill();
        let waiting = async || {
            let mut left = 0;
            for talk in &talks {
                let all = other.get(talk.path("messages/?limit=1000")).await.is(200);
                left += all.as_array().unwrap().iter().filter(|it| it["delivery"] == "queued").count();
            }
            left
        };
        let start = Instant::now();
        while waiting().await > 0 {
            assert!(start.elapsed() < LEASE, "nobody takes over");
            sleep(Duration::from_millis(200)).await;
        }
        it.world.serve();
        let talks = back(&talks).await;
        it.meta.has_told().await;
        let unknown = check_all(&talks).await;
        assert!(unknown <= 6, "only what was on its way: {unknown}");
    });
}

#[test]
fn while_the_database_is_away_an_answer_is_kept() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: Arc<Whatsapp>| {
        let talk = talks(&it, 1).await.remove(0);
        it.meta.post("faults/", json!({ "slow_ms": 1500, "statuses": "nothing" })).await;
        let words = words();
        let id = talk.say(&words).await;
        sleep(Duration::from_millis(700)).await;
        it.world.let_in(false);
        sleep(Duration::from_secs(3)).await;
        it.world.let_in(true);
        let path = talk.path("messages/?limit=1000");
        let start = Instant::now();
        loop {
            let answer = talk.manager.get(&path).await;
            let all = if answer.status == 200 { answer.json() } else { json!([]) };
            if all.as_array().unwrap().iter().any(|it| it["id"] == id && it["delivery"] == "sent") {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{all}");
            sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(times(&talk.line, &words).await, 1);
    });
}

/// Sends a small file into a talk; the message's id.
async fn send_file(talk: &Talk) -> i64 {
    let form = "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"bill.pdf\"\r\n\
                Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n--edge--\r\n";
    let client = talk.manager.with("content-type", "multipart/form-data; boundary=edge");
    let sent = client.send("POST", talk.path("attachments/"), Some(form.into())).await;
    sent.is(201)["id"].as_i64().unwrap()
}

/// How often a file was accepted.
async fn files(talk: &Talk) -> usize {
    talk.line.transcript("send").await.iter().filter(|it| it["body"]["type"] == "document").count()
}

on_both!(a_crash_during_an_upload_leaves_the_message_queued, whatsapp Options::default() => |it| {
    let talk = talks(&it, 1).await.remove(0);
    it.meta.post("faults/", json!({ "on": "upload", "hang": true })).await;
    let id = send_file(&talk).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(talk.message(id).await["delivery"], "queued");
    it.world.kill();
    it.world.serve();
    let talk = talk.back().await;
    let start = Instant::now();
    while talk.message(id).await["delivery"] != "read" {
        assert!(start.elapsed() < LEASE, "{}", talk.message(id).await);
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(files(&talk).await, 1);
});

#[test]
fn a_server_that_stood_still_during_an_upload_sends_nothing_after_another_took_over() {
    by_whatsapp(Backend::Postgres, Options::default(), async |it: Arc<Whatsapp>| {
        let talk = talks(&it, 1).await.remove(0);
        let node = it.world.another_node();
        let other = Client::new(&node).bearer(&talk.manager.access);
        it.meta.post("faults/", json!({ "on": "upload", "hang": true })).await;
        // The first one holds the channel.
        let id = send_file(&talk).await;
        sleep(Duration::from_secs(2)).await;
        it.meta.set(json!({ "callback": format!("{}/webhooks/whatsapp/", node.base()) })).await;
        it.world.signal("STOP");
        let delivery = async || {
            let all = other.get(talk.path("messages/?limit=1000")).await.is(200);
            all.as_array().unwrap().iter().find(|it| it["id"] == id).unwrap()["delivery"].clone()
        };
        let start = Instant::now();
        while delivery().await != "read" {
            assert!(start.elapsed() < LEASE, "nobody takes over: {}", delivery().await);
            sleep(Duration::from_millis(200)).await;
        }
        it.world.signal("CONT");
        sleep(Duration::from_secs(3)).await;
        assert_eq!((files(&talk).await, delivery().await), (1, json!("read")));
    });
}
