//! Error codes of Meta, in the response to a send and in a delivery receipt.

use std::{sync::Arc, time::Duration};

use acceptance::{DatabaseKind, WhatsappWorld, WorldOptions, json, on_both, with_simulator};
use futures_util::future::join_all;
use tokio::time::sleep;

use super::*;
use crate::metrics::wait_for_metric;

/// Codes that fail at once.
const FINAL_CODES: [i64; 27] = [
    100, 131008, 131009, 135000, 33, 131048, 131064, 131026, 131049, 131050, 130472, 130403, 131021, 131030, 130497,
    131051, 131062, 137000, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 131052, 131060,
];
/// Codes that are retried, with the number of retries.
const RETRIED_CODES: [(i64, usize); 11] = [
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
    // Retried once, if enough of the window is left.
    (131047, 1),
];
/// Codes that suspend the sender.
const SUSPENDING_CODES: [i64; 12] = [0, 190, 3, 10, 200, 131005, 131031, 368, 131037, 131042, 131045, 133010];

fn magic_number(variant: &str, code: i64) -> String {
    format!("+1999{variant}{code:06}")
}

on_both!(final_codes_fail_at_once_with_a_sentence, line => |line| {
    for code in FINAL_CODES {
        let conversation = GuestThread::with(&line, &magic_number("00", code)).await;
        let id = conversation.say(&unique_text()).await;
        assert_sentence(&conversation.wait_for_delivery(id, "failed").await["failure"]);
        assert_eq!(refusal_codes(&line, &conversation.phone).await, [code]);
    }
});

on_both!(every_code_in_a_receipt_fails_with_a_sentence, line => |line| {
    for code in FINAL_CODES.into_iter().chain(RETRIED_CODES.map(|it| it.0)).chain(SUSPENDING_CODES) {
        let conversation = GuestThread::with(&line, &magic_number("01", code)).await;
        let text = unique_text();
        let id = conversation.say(&text).await;
        assert_sentence(&conversation.wait_for_delivery(id, "failed").await["failure"]);
        assert_eq!(count_accepted(&line, &text).await, 1, "{code}");
    }
    // No receipt has suspended the sender.
    let conversation = GuestThread::with(&line, "+447700900450").await;
    let id = conversation.say(&unique_text()).await;
    conversation.wait_for_delivery(id, "read").await;
});

/// Sends a message for each retried code and lets the clock pass all retries; fails unless the attempts and outcomes
/// are as listed.
async fn assert_retries(whatsapp: Arc<WhatsappWorld>) {
    let line = whatsapp.line();
    let mut conversations = Vec::new();
    for (code, retries) in RETRIED_CODES {
        for variant in ["00", "02"] {
            let conversation = GuestThread::with(&line, &magic_number(variant, code)).await;
            let text = unique_text();
            let id = conversation.say(&text).await;
            conversations.push((conversation, variant, code, retries, text, id));
        }
    }
    for _ in 0..12 {
        sleep(Duration::from_millis(2500)).await;
        whatsapp.advance(3700).await;
    }
    sleep(Duration::from_millis(2500)).await;
    let back = conversations[0].0.back().await.manager;
    for (conversation, variant, code, retries, text, id) in conversations {
        let conversation = GuestThread { manager: back.clone(), ..conversation };
        let (message, refused) =
            (conversation.message(id).await, refusal_codes(&line, &conversation.phone).await.len());
        if variant == "00" || retries < 2 {
            assert_eq!(message["delivery"], "failed", "{code}");
            assert_sentence(&message["failure"]);
            assert_eq!(refused, retries + 1, "{code}");
        } else {
            assert_eq!(message["delivery"], "read", "{code}");
            assert_eq!((refused, count_accepted(&line, &text).await), (2, 1), "{code}");
        }
    }
}

on_both!(retried_codes_are_retried_with_backoff, whatsapp WorldOptions::default() => |whatsapp| {
    assert_retries(whatsapp).await;
});

on_both!(retry_after_is_respected, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    // The response asks for two seconds; the backoff alone would be one second.
    let conversation = GuestThread::with(&line, &magic_number("05", 130429)).await;
    let id = conversation.say(&unique_text()).await;
    conversation.wait_for_delivery(id, "read").await;
    let at: Vec<i64> = line.transcript("refusal").await.iter().map(|it| it["at_ms"].as_i64().unwrap()).collect();
    assert_eq!(at.len(), 2);
    assert!(at[1] - at[0] >= 2000, "{at:?}");
});

#[test]
fn account_errors_suspend_the_sender_and_keep_the_queue() {
    for backend in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        with_simulator(
            backend,
            WorldOptions::default().hotels(SUSPENDING_CODES.len() + 1),
            async |whatsapp: Arc<WhatsappWorld>| {
                let mut suspended = Vec::new();
                for code in SUSPENDING_CODES {
                    let line = whatsapp.line();
                    let conversation = GuestThread::with(&line, &magic_number("00", code)).await;
                    let id = conversation.say(&unique_text()).await;
                    suspended.push((conversation, id, code));
                }
                wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(20), |n| {
                    n == SUSPENDING_CODES.len() as f64
                })
                .await;
                sleep(Duration::from_secs(2)).await;
                let checks = suspended.iter().map(async |(conversation, id, code)| {
                    assert_eq!(conversation.message(*id).await["delivery"], "queued", "{code}");
                    assert_eq!(
                        refusal_codes(&conversation.line, &conversation.phone).await,
                        [*code],
                        "sends continue although the sender is suspended"
                    );
                    let log_line = format!("hotel {}: sender suspended", conversation.line.id);
                    assert!(whatsapp.world.log_text().contains(&log_line), "{log_line}");
                });
                join_all(checks).await;
                // Other hotels are not affected.
                let conversation = GuestThread::with(&whatsapp.line(), "+447700900451").await;
                let id = conversation.say(&unique_text()).await;
                conversation.wait_for_delivery(id, "read").await;
            },
        );
    }
}

#[test]
fn a_new_access_token_resumes_a_suspended_sender() {
    for backend in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        with_simulator(backend, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
            let conversation = GuestThread::with(&whatsapp.line(), "+447700900452").await;
            whatsapp.meta.post("account/", json!({ "token_revoked": true })).await;
            let all = [unique_text(), unique_text(), unique_text()];
            let mut ids = Vec::new();
            for text in &all {
                ids.push(conversation.say(text).await);
            }
            wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(20), |n| n == 1.0).await;
            // A restart with the refused token does not help.
            whatsapp.world.signal("TERM");
            assert_eq!(whatsapp.world.wait_for_exit(Duration::from_secs(10)).await, Some(0));
            whatsapp.world.serve();
            sleep(Duration::from_secs(3)).await;
            wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(1), |n| n == 1.0).await;
            let conversation = conversation.back().await;
            assert_eq!(conversation.message(ids[0]).await["delivery"], "queued");
            whatsapp.world.kill();
            whatsapp.meta.post("account/", json!({ "access_token": "another-token" })).await;
            let mut program = whatsapp.world.program.clone();
            program.settings.insert("WHATSAPP_ACCESS_TOKEN".into(), "another-token".into());
            program.settings.insert("BIND_ADDRESS".into(), whatsapp.world.address());
            let _serving = program.serve(&["--demo".to_owned()], &whatsapp.world.log);
            let conversation = conversation.back().await;
            for id in ids {
                conversation.wait_for_delivery(id, "read").await;
            }
            assert_eq!(accepted_texts(&conversation.line).await, all);
            wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(5), |n| n == 0.0).await;
        });
    }
}

#[test]
fn a_suspended_sender_continues_within_five_minutes_if_the_token_is_accepted_again() {
    for backend in [DatabaseKind::Sqlite, DatabaseKind::Postgres] {
        with_simulator(backend, WorldOptions::default(), async |whatsapp: Arc<WhatsappWorld>| {
            let conversation = GuestThread::with(&whatsapp.line(), "+447700900453").await;
            whatsapp.meta.post("account/", json!({ "token_revoked": true })).await;
            let text = unique_text();
            let id = conversation.say(&text).await;
            wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(20), |n| n == 1.0).await;
            // A check while the token is still refused changes nothing.
            whatsapp.world.advance(301);
            sleep(Duration::from_secs(3)).await;
            wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(1), |n| n == 1.0).await;
            whatsapp.meta.post("account/", json!({ "token_revoked": false })).await;
            whatsapp.world.advance(301);
            conversation.back().await.wait_for_delivery(id, "read").await;
            assert_eq!(accepted_texts(&conversation.line).await, [text]);
            wait_for_metric(&whatsapp.world, "whatsapp_stopped ", Duration::from_secs(5), |n| n == 0.0).await;
        });
    }
}
