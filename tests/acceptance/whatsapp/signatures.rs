//! Webhook signatures: a body without Meta's valid signature is refused and stores nothing.

use acceptance::{APP_SECRET, WhatsappHotel, json, on_both, on_sqlite, signature, whatsapp::text};

use super::{count_conversations, digits};

/// Test vector of the reference: a body as Meta serializes it, with its signature.
const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"104000000000001","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"442079460000","phone_number_id":"105000000000001"},"contacts":[{"profile":{"name":"Zo\u00eb"},"wa_id":"447700900123"}],"messages":[{"from":"447700900123","id":"wamid.TEST1","timestamp":"1793000000","type":"text","text":{"body":"Sp\u00e4ter Check-in? 22\/10 \ud83d\ude42 zoe\u0040example.com"}}]},"field":"messages"}]}]}"#;
const SIGNATURE: &str = "sha256=bea755abab1604caae11ac8df03b283b2f7778000e4671674cf21d368fe4480b";

type Headers = Vec<(&'static str, String)>;

/// Posts bytes with these headers; returns the status.
async fn post_with_headers(line: &WhatsappHotel, body: &[u8], headers: &[(&str, &str)]) -> u16 {
    let client = headers.iter().fold(line.anonymous(), |client, (name, value)| client.with(name, value));
    client.send("POST", "/webhooks/whatsapp/", Some(body.to_vec())).await.status
}

on_sqlite!(the_test_vectors_of_the_reference_are_accepted, line => |line| {
    assert_eq!((BODY.len(), APP_SECRET), (478, "test-app-secret"));
    let header = "x-hub-signature-256";
    assert_eq!(post_with_headers(&line, BODY.as_bytes(), &[(header, SIGNATURE)]).await, 200);
    // The same JSON in another serialization has another signature.
    let value: acceptance::Value = serde_json(BODY);
    let again = BODY.replace("\\/", "/").replace("\\u0040", "@");
    let utf8 = again.replace("\\u00eb", "ë").replace("\\u00e4", "ä").replace("\\ud83d\\ude42", "🙂");
    assert_eq!(serde_json(&utf8), value);
    let of_utf8 = "sha256=5bf919dbe6d3a2c6facbc95aa74cac2e7962b064645728b6531118bef7c445ba";
    for (body, status) in [(&again, 401), (&utf8, 401)] {
        assert_eq!(post_with_headers(&line, body.as_bytes(), &[(header, SIGNATURE)]).await, status);
    }
    // The signature covers the bytes, so this serialization is valid with its own signature.
    assert_eq!(post_with_headers(&line, utf8.as_bytes(), &[(header, of_utf8)]).await, 200);
    assert_eq!(post_with_headers(&line, BODY.as_bytes(), &[(header, of_utf8)]).await, 401);
});

fn serde_json(text: &str) -> acceptance::Value {
    text.parse().unwrap()
}

on_both!(invalid_signatures_are_refused_and_store_nothing, line => |line| {
    let phone = line.unused_phone();
    let body = line.body(&[text(digits(&phone), "forged")]).to_string().into_bytes();
    let right = signature(APP_SECRET, &body);
    let hex = right.strip_prefix("sha256=").unwrap();
    let (sha256, sha1) = ("x-hub-signature-256", "x-hub-signature");
    let mut altered = body.clone();
    *altered.last_mut().unwrap() = b' ';
    let spaced = [body.as_slice(), b" "].concat();
    let cases: Vec<(&[u8], Headers)> = vec![
        (&body, vec![]),
        (&body, vec![(sha1, format!("sha1={}", &hex[..40]))]),
        (&body, vec![(sha1, right.clone())]),
        (&body, vec![(sha256, String::new())]),
        (&body, vec![(sha256, "sha256=".to_owned())]),
        (&body, vec![(sha256, hex.to_owned())]),
        (&body, vec![(sha256, right.to_uppercase())]),
        (&body, vec![(sha256, format!("sha256={}", hex.to_uppercase()))]),
        (&body, vec![(sha256, right[..right.len() - 1].to_owned())]),
        (&body, vec![(sha256, format!("{right}0"))]),
        (&body, vec![(sha256, format!("sha1={hex}"))]),
        (&body, vec![(sha256, signature("another-secret", &body))]),
        (&body, vec![(sha256, signature("", &body))]),
        (&body[..body.len() - 1], vec![(sha256, right.clone())]),
        (&altered, vec![(sha256, right.clone())]),
        (&spaced, vec![(sha256, right.clone())]),
        (b"", vec![(sha256, right.clone())]),
    ];
    for (body, headers) in &cases {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(post_with_headers(&line, body, &headers).await, 401, "{headers:?}");
    }
    assert_eq!(count_conversations(&line, digits(&phone)).await, 0);
    assert_eq!(post_with_headers(&line, &body, &[(sha256, &right)]).await, 200);
    assert_eq!(count_conversations(&line, digits(&phone)).await, 1);
});

on_sqlite!(the_simulators_forged_webhooks_are_refused, line => |line| {
    let phone = line.unused_phone();
    let report = line.meta.post("forge/", json!({ "from": digits(&phone), "to": line.number })).await;
    let responses = report["answers"].as_array().unwrap();
    assert!(responses.len() >= 8 && responses.iter().all(|it| it["refused"] == true), "{report}");
    assert_eq!(count_conversations(&line, digits(&phone)).await, 0);
});
