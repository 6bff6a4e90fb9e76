//! Calls that the product must refuse, and the one by which it proves that it is asked by whom it thinks.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock::SECOND,
    escape::{signature, written},
    guests::wamid,
    world::World,
};

const PATIENCE: Duration = Duration::from_secs(10);

/// What the forged messages say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Forgery {
    from: Option<String>,
    to: Option<String>,
}

/// One forged call.
struct Forged {
    kind: &'static str,
    body: Bytes,
    header: Option<(&'static str, String)>,
}

/// Sends calls that are not signed, or not right, and says how each was answered.
pub(crate) async fn forge(world: &World, forgery: Forgery) -> Result<Value, String> {
    let Some(callback) = world.settings().callback else { return Err("there is no callback".to_owned()) };
    let from = forgery.from.unwrap_or_else(|| "447700900199".to_owned());
    let number = forgery.to.or_else(|| world.options.phone_numbers.first().cloned()).unwrap_or_default();
    let id = wamid(&from, true);
    let value = body(world, &number, &from, &id);
    let mut answers = Vec::new();
    for forged in forgeries(&value, &world.options.app_secret) {
        let asked = world.http.post(&callback).timeout(PATIENCE).header("content-type", "application/json");
        let asked = forged.header.into_iter().fold(asked, |asked, (name, value)| asked.header(name, value));
        let status = asked.body(forged.body).send().await.ok().map(|it| it.status().as_u16());
        answers.push(json!({
            "kind": forged.kind,
            "status": status,
            "refused": matches!(status, Some(401 | 403)),
        }));
    }
    Ok(json!({ "wamid": id, "answers": answers }))
}

/// A body whose bytes change where it is parsed and written again.
fn body(world: &World, number: &str, from: &str, id: &str) -> Value {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": world.options.waba_id, "changes": [{
        "field": "messages",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": world.display(number), "phone_number_id": number },
            "contacts": [{ "profile": { "name": "Zoë" }, "wa_id": from }],
            "messages": [{
                "from": from, "id": id, "timestamp": (world.clock.now() / SECOND).to_string(),
                "type": "text", "text": { "body": "Später? 22/10 🙂 zoe@example.com" },
            }],
        },
    }] }] })
}

fn forgeries(value: &Value, secret: &str) -> Vec<Forged> {
    const HEADER: &str = "x-hub-signature-256";
    let right = Bytes::from(written(value));
    let signed = signature(secret, &right);
    let hex = signed.strip_prefix("sha256=").unwrap_or_default();
    let altered = Bytes::from(written(value).replacen("22", "23", 1));
    let shorter = right.slice(..right.len().saturating_sub(1));
    let forged = |kind, body: &Bytes, header: Option<String>| Forged {
        kind,
        body: body.clone(),
        header: header.map(|value| (HEADER, value)),
    };
    vec![
        forged("no_header", &right, None),
        forged("wrong_secret", &right, Some(signature("another-secret", &right))),
        forged("one_byte_altered", &altered, Some(signed.clone())),
        forged("truncated", &shorter, Some(signed.clone())),
        forged("reserialised", &Bytes::from(value.to_string()), Some(signed.clone())),
        forged("upper_case_hex", &right, Some(format!("sha256={}", hex.to_uppercase()))),
        forged("without_prefix", &right, Some(hex.to_owned())),
        forged("empty", &right, Some("sha256=".to_owned())),
        Forged {
            kind: "sha1_only",
            body: right,
            header: Some(("x-hub-signature", format!("sha1={}", &hex[..hex.len().min(40)]))),
        },
    ]
}

/// Verifies the callback, as when its address is entered in the App Dashboard.
pub(crate) async fn verify(world: &World) -> Result<Value, String> {
    let Some(callback) = world.settings().callback else { return Err("there is no callback".to_owned()) };
    let challenge = format!("{:09}", rand::random_range(0..1_000_000_000_u32));
    let asked = world.http.get(&callback).timeout(PATIENCE).query(&[
        ("hub.mode", "subscribe"),
        ("hub.challenge", challenge.as_str()),
        ("hub.verify_token", world.options.verify_token.as_str()),
    ]);
    let (status, same) = match asked.send().await {
        Ok(answer) => (Some(answer.status().as_u16()), answer.bytes().await.is_ok_and(|it| it == challenge)),
        Err(_) => (None, false),
    };
    let verified = status == Some(200) && same;
    world.set_verified(verified);
    Ok(json!({ "verified": verified, "status": status, "challenge_returned": same }))
}
