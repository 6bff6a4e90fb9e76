//! Webhook verification: the challenge of Meta's `GET` request.

use acceptance::{DatabaseKind, VERIFY_TOKEN, WhatsappHotel, WorldOptions, json, on_both, on_sqlite};

async fn verify(line: &WhatsappHotel, query: &str) -> (u16, String, String) {
    let response = line.anonymous().get(format!("/webhooks/whatsapp/?{query}")).await;
    let content_type = response.header("content-type").unwrap_or_default().to_owned();
    (response.status, content_type, response.text())
}

fn query(mode: &str, token: &str, challenge: &str) -> String {
    format!("hub.mode={mode}&hub.challenge={challenge}&hub.verify_token={token}")
}

on_sqlite!(the_challenge_is_returned_for_the_right_verify_token, line => |line| {
    for challenge in ["739201554", "any-text_it.likes~", "%3Cb%3E"] {
        let (status, content_type, body) = verify(&line, &query("subscribe", VERIFY_TOKEN, challenge)).await;
        assert_eq!((status, body.as_str()), (200, challenge.replace("%3C", "<").replace("%3E", ">").as_str()));
        assert!(content_type.starts_with("text/plain"), "{content_type}");
    }
    let token = VERIFY_TOKEN;
    for wrong in [
        query("subscribe", "another", "1"),
        query("subscribe", &token.to_uppercase(), "1"),
        query("subscribe", "", "1"),
        query("unsubscribe", token, "1"),
        query("", token, "1"),
        format!("hub.challenge=1&hub.verify_token={token}"),
        format!("hub.mode=subscribe&hub.verify_token={token}"),
        "hub.mode=subscribe&hub.challenge=1".to_owned(),
        String::new(),
    ] {
        let (status, _, body) = verify(&line, &wrong).await;
        assert_eq!(status, 403, "{wrong}");
        assert!(!body.contains(token), "{wrong}: {body}");
    }
});

on_sqlite!(the_simulator_verifies_the_webhook, line => |line| {
    let report = line.meta.post("verify/", json!({})).await;
    assert_eq!(report["verified"], true, "{report}");
});

on_both!(verification_works_without_database, whatsapp WorldOptions::default() => |whatsapp| {
    let line = whatsapp.line();
    match whatsapp.world.backend {
        DatabaseKind::Sqlite => whatsapp.world.sql("ALTER TABLE hotels RENAME TO gone").unwrap(),
        DatabaseKind::Postgres => whatsapp.world.set_reachable(false),
    }
    let (status, _, body) = verify(&line, &query("subscribe", VERIFY_TOKEN, "739201554")).await;
    assert_eq!((status, body.as_str()), (200, "739201554"));
});
