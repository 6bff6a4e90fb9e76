//! Whether this is the place that an app of Meta's is to call.

use acceptance::{Backend, Line, Options, VERIFY_TOKEN, json, on_both};

async fn asked(line: &Line, query: &str) -> (u16, String, String) {
    let answer = line.nobody().get(format!("/webhooks/whatsapp/?{query}")).await;
    let content_type = answer.header("content-type").unwrap_or_default().to_owned();
    (answer.status, content_type, answer.text())
}

fn query(mode: &str, token: &str, challenge: &str) -> String {
    format!("hub.mode={mode}&hub.challenge={challenge}&hub.verify_token={token}")
}

on_both!(the_right_token_gets_its_challenge_back_and_nothing_else, line => |line| {
    for challenge in ["739201554", "any-text_it.likes~", "%3Cb%3E"] {
        let (status, content_type, body) = asked(&line, &query("subscribe", VERIFY_TOKEN, challenge)).await;
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
        let (status, _, body) = asked(&line, &wrong).await;
        assert_eq!(status, 403, "{wrong}");
        assert!(!body.contains(token), "{wrong}: {body}");
    }
});

on_both!(what_plays_meta_can_verify_it, line => |line| {
    let told = line.meta.post("verify/", json!({})).await;
    assert_eq!(told["verified"], true, "{told}");
});

on_both!(without_the_database_it_works_as_ever, whatsapp Options::default() => |it| {
    let line = it.line();
    match it.world.backend {
        Backend::Sqlite => it.world.sql("ALTER TABLE hotels RENAME TO gone").unwrap(),
        Backend::Postgres => it.world.let_in(false),
    }
    let (status, _, body) = asked(&line, &query("subscribe", VERIFY_TOKEN, "739201554")).await;
    assert_eq!((status, body.as_str()), (200, "739201554"));
});
