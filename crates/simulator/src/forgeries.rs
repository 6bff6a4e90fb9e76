//! Forged webhook calls, which the product must refuse: unsigned, wrongly signed, altered.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    clock::SECOND,
    guests::new_wamid,
    meta_json::{sign, to_meta_json},
    state::Simulator,
};

const TIMEOUT: Duration = Duration::from_secs(10);
const SIGNATURE_HEADER: &str = "x-hub-signature-256";
const OLD_SIGNATURE_HEADER: &str = "x-hub-signature";

/// A request to post forged webhook calls, with sender and recipient of the forged message.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ForgeryRequest {
    from: Option<String>,
    to: Option<String>,
}

struct ForgedCall {
    kind: &'static str,
    body: Bytes,
    header: Option<(&'static str, String)>,
}

/// Posts all forged webhook calls, and returns the HTTP status of each. Fails if no callback is set.
pub(crate) async fn send_forgeries(simulator: &Simulator, request: ForgeryRequest) -> Result<Value, String> {
    let Some(callback) = simulator.settings().callback else { return Err("there is no callback".to_owned()) };
    let from = request.from.unwrap_or_else(|| "447700900199".to_owned());
    let number = request.to.unwrap_or_else(|| simulator.first_number());
    let wamid = new_wamid(&from, true);
    let value = message_body(simulator, &number, &from, &wamid);
    let mut results = Vec::new();
    for call in forged_calls(&value, &simulator.options.app_secret) {
        let request = simulator.http.post(&callback).timeout(TIMEOUT).header("content-type", "application/json");
        let request = call.header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let status = request.body(call.body).send().await.ok().map(|it| it.status().as_u16());
        results.push(json!({
            "kind": call.kind,
            "status": status,
            "refused": matches!(status, Some(401 | 403)),
        }));
    }
    Ok(json!({ "wamid": wamid, "answers": results }))
}

/// Returns the body of a forged call, whose bytes change if it is parsed and serialized again.
fn message_body(simulator: &Simulator, number: &str, from: &str, wamid: &str) -> Value {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": simulator.options.waba_id, "changes": [{
        "field": "messages",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": simulator.display_number(number), "phone_number_id": number,
            },
            "contacts": [{ "profile": { "name": "Zoë" }, "wa_id": from }],
            "messages": [{
                "from": from, "id": wamid, "timestamp": (simulator.clock.now() / SECOND).to_string(),
                "type": "text", "text": { "body": "Später? 22/10 🙂 zoe@example.com" },
            }],
        },
    }] }] })
}

fn forged_calls(value: &Value, secret: &str) -> Vec<ForgedCall> {
    let json = to_meta_json(value);
    let altered = Bytes::from(json.replacen("22", "23", 1));
    let authentic = Bytes::from(json);
    let signature = sign(secret, &authentic);
    let digits = signature.strip_prefix("sha256=").unwrap_or_default();
    let truncated = authentic.slice(..authentic.len().saturating_sub(1));
    let call = |kind, body: &Bytes, header: Option<String>| ForgedCall {
        kind,
        body: body.clone(),
        header: header.map(|value| (SIGNATURE_HEADER, value)),
    };
    vec![
        call("no_header", &authentic, None),
        call("wrong_secret", &authentic, Some(sign("another-secret", &authentic))),
        call("one_byte_altered", &altered, Some(signature.clone())),
        call("truncated", &truncated, Some(signature.clone())),
        call("reserialised", &Bytes::from(value.to_string()), Some(signature.clone())),
        call("upper_case_hex", &authentic, Some(format!("sha256={}", digits.to_uppercase()))),
        call("without_prefix", &authentic, Some(digits.to_owned())),
        call("empty", &authentic, Some("sha256=".to_owned())),
        ForgedCall {
            kind: "sha1_only",
            body: authentic.clone(),
            header: Some((OLD_SIGNATURE_HEADER, format!("sha1={}", &digits[..digits.len().min(40)]))),
        },
    ]
}
