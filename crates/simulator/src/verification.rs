//! Verification of the callback, as if its URL were entered in Meta's App Dashboard.

use std::time::Duration;

use serde_json::{Value, json};

use crate::state::Simulator;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends the subscription request to the callback, and returns the result as JSON. Fails if no callback is set.
pub(crate) async fn verify_callback(simulator: &Simulator) -> Result<Value, String> {
    let Some(callback) = simulator.settings().callback else { return Err("there is no callback".to_owned()) };
    let challenge = format!("{:09}", rand::random_range(0..1_000_000_000_u32));
    let request = simulator.http.get(&callback).timeout(TIMEOUT).query(&[
        ("hub.mode", "subscribe"),
        ("hub.challenge", challenge.as_str()),
        ("hub.verify_token", simulator.options.verify_token.as_str()),
    ]);
    let (status, is_returned) = match request.send().await {
        Ok(response) => (Some(response.status().as_u16()), response.bytes().await.is_ok_and(|body| body == challenge)),
        Err(_) => (None, false),
    };
    let is_verified = status == Some(200) && is_returned;
    simulator.set_verified(is_verified);
    Ok(json!({ "verified": is_verified, "status": status, "challenge_returned": is_returned }))
}
