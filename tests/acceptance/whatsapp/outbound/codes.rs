//! Every code of Meta's table, by answer and by report.

use std::{sync::Arc, time::Duration};

use acceptance::{Backend, Options, Whatsapp, by_whatsapp, json, on_both};
use futures_util::future::join_all;
use tokio::time::sleep;

use super::*;
use crate::figures::figure_is;

/// What fails at once.
const FINAL: [i64; 27] = [
    100, 131008, 131009, 135000, 33, 131048, 131064, 131026, 131049, 131050, 130472, 130403, 131021, 131030, 130497,
    131051, 131062, 137000, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 131052, 131060,
];
/// What is tried again, and how often.
const AGAIN: [(i64, usize); 11] = [
    (1, 5),
    (2, 5),
    (131000, 5),
    (131016, 5),
    (133004, 5),
    (4, 8),
    (80007, 8),
    (130429, 10),
    (131056, 7),
    (131057, 5),
    // Where so much of the window is left, once.
    (131047, 1),
];
/// What stops the channel.
const STOPPING: [i64; 12] = [0, 190, 3, 10, 200, 131005, 131031, 368, 131037, 131042, 131045, 133010];

fn number(how: &str, code: i64) -> String {
    format!("+1999{how}{code:06}")
}

on_both!(what_is_final_fails_at_once_with_a_sentence, line => |line| {
    for code in FINAL {
        let talk = Talk::with(&line, &number("00", code)).await;
        let id = talk.say(&words()).await;
        is_sentence(&talk.comes_to(id, "failed").await["failure"]);
        assert_eq!(refusals(&line, &talk.phone).await, [code]);
    }
});

on_both!(each_code_fails_by_report_with_a_sentence, line => |line| {
    for code in FINAL.into_iter().chain(AGAIN.map(|it| it.0)).chain(STOPPING) {
        let talk = Talk::with(&line, &number("01", code)).await;
        let words = words();
        let id = talk.say(&words).await;
        is_sentence(&talk.comes_to(id, "failed").await["failure"]);
        assert_eq!(times(&line, &words).await, 1, "{code}");
    }
    // None of them has stopped anything.
    let talk = Talk::with(&line, "+447700900450").await;
    let id = talk.say(&words()).await;
    talk.comes_to(id, "read").await;
});

/// How often a refused message is tried in all, having waited as long as it takes.
async fn tried_to_the_end(it: Arc<Whatsapp>) {
    let line = it.line();
    let mut talks = Vec::new();
    for (code, again) in AGAIN {
        for how in ["00", "02"] {
            let talk = Talk::with(&line, &number(how, code)).await;
            let words = words();
            let id = talk.say(&words).await;
            talks.push((talk, how, code, again, words, id));
        }
    }
    for _ in 0..12 {
        sleep(Duration::from_millis(2500)).await;
        it.advance(3700).await;
    }
    sleep(Duration::from_millis(2500)).await;
    let back = talks[0].0.back().await.manager;
    for (talk, how, code, again, words, id) in talks {
        let talk = Talk { manager: back.clone(), ..talk };
        let (message, refused) = (talk.message(id).await, refusals(&line, &talk.phone).await.len());
        if how == "00" || again < 2 {
            assert_eq!(message["delivery"], "failed", "{code}");
            is_sentence(&message["failure"]);
            assert_eq!(refused, again + 1, "{code}");
        } else {
            assert_eq!(message["delivery"], "read", "{code}");
            assert_eq!((refused, times(&line, &words).await), (2, 1), "{code}");
        }
    }
}

on_both!(what_may_pass_is_tried_again_as_often_as_is_worth_it, whatsapp Options::default() => |it| {
    tried_to_the_end(it).await;
});

on_both!(retry_after_is_kept, whatsapp Options::default() => |it| {
    let line = it.line();
    // Two seconds, where it would be one by itself.
    let talk = Talk::with(&line, &number("05", 130429)).await;
    let id = talk.say(&words()).await;
    talk.comes_to(id, "read").await;
    let at: Vec<i64> = line.transcript("refusal").await.iter().map(|it| it["at_ms"].as_i64().unwrap()).collect();
    assert_eq!(at.len(), 2);
    assert!(at[1] - at[0] >= 2000, "{at:?}");
});

#[test]
fn what_is_wrong_with_the_account_stops_the_channel_and_keeps_the_queue() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        by_whatsapp(backend, Options::default().hotels(STOPPING.len() + 1), async |it: Arc<Whatsapp>| {
            let mut stopped = Vec::new();
            for code in STOPPING {
                let line = it.line();
                let talk = Talk::with(&line, &number("00", code)).await;
                let id = talk.say(&words()).await;
                stopped.push((talk, id, code));
            }
            figure_is(&it.world, "whatsapp_stopped ", Duration::from_secs(20), |n| n == STOPPING.len() as f64).await;
            sleep(Duration::from_secs(2)).await;
            let looked = stopped.iter().map(async |(talk, id, code)| {
                assert_eq!(talk.message(*id).await["delivery"], "queued", "{code}");
                assert_eq!(refusals(&talk.line, &talk.phone).await, [*code], "it is not tried on and on");
                let told = format!("nothing is sent for hotel {}", talk.line.id);
                assert!(it.world.log_text().contains(&told), "{told}");
            });
            join_all(looked).await;
            // The others go on.
            let talk = Talk::with(&it.line(), "+447700900451").await;
            let id = talk.say(&words()).await;
            talk.comes_to(id, "read").await;
        });
    }
}

#[test]
fn with_a_new_token_a_stopped_channel_goes_on() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        by_whatsapp(backend, Options::default(), async |it: Arc<Whatsapp>| {
            let talk = Talk::with(&it.line(), "+447700900452").await;
            it.meta.post("account/", json!({ "token_revoked": true })).await;
            let all = [words(), words(), words()];
            let mut ids = Vec::new();
            for words in &all {
                ids.push(talk.say(words).await);
            }
            figure_is(&it.world, "whatsapp_stopped ", Duration::from_secs(20), |n| n == 1.0).await;
            // The same one again is of no use.
            it.world.signal("TERM");
            assert_eq!(it.world.ended(Duration::from_secs(10)).await, Some(0));
            it.world.serve();
            sleep(Duration::from_secs(3)).await;
            figure_is(&it.world, "whatsapp_stopped ", Duration::from_secs(1), |n| n == 1.0).await;
            let talk = talk.back().await;
            assert_eq!(talk.message(ids[0]).await["delivery"], "queued");
            it.world.kill();
            it.meta.post("account/", json!({ "access_token": "another-token" })).await;
            let mut program = it.world.program.clone();
            program.settings.insert("WHATSAPP_ACCESS_TOKEN".into(), "another-token".into());
            program.settings.insert("BIND_ADDRESS".into(), it.world.address());
            let _serving = program.serve(&["--demo".to_owned()], &it.world.log);
            let talk = talk.back().await;
            for id in ids {
                talk.comes_to(id, "read").await;
            }
            assert_eq!(accepted(&talk.line).await, all);
            figure_is(&it.world, "whatsapp_stopped ", Duration::from_secs(5), |n| n == 0.0).await;
        });
    }
}
