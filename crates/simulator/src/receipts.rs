//! The delivery receipts of an accepted message: which ones, and when.

use serde_json::{Value, json};

use crate::{
    clock::{HOUR, Millis, SECOND, random_millis},
    graph_error::error_element,
    guest_messages::contact_element,
    guests::{SimulatedGuest, new_wamid},
    send_behavior::ReceiptScript,
    settings::SimulatorSettings,
    updates::{UpdateContent, WebhookUpdate},
};

/// A message of the product that the simulator accepted.
#[derive(Clone, Debug)]
pub(crate) struct AcceptedSend {
    pub(crate) wamid: String,
    pub(crate) waba_id: String,
    pub(crate) phone_number_id: String,
    pub(crate) display_number: String,
    pub(crate) guest: SimulatedGuest,
    /// The callback id of the product, `biz_opaque_callback_data`, which the receipts repeat.
    pub(crate) callback_data: Option<String>,
    /// The pricing category of the message: that of the template, or `service`.
    pub(crate) category: String,
    /// `true` for a reaction, which only gets the receipt `sent`.
    pub(crate) is_reaction: bool,
}

struct ReceiptStep {
    delay: Millis,
    status: &'static str,
    error: Option<i64>,
    /// `true` for a receipt of a message that was never sent.
    is_unknown_message: bool,
}

/// Returns the receipts of a message, each with the delay of its delivery.
pub(crate) fn plan_receipts(
    send: &AcceptedSend,
    script: ReceiptScript,
    settings: &SimulatorSettings,
    now: Millis,
) -> Vec<(Millis, WebhookUpdate)> {
    let is_short = send.is_reaction && script == ReceiptScript::Normal;
    let steps = script_steps(if is_short { ReceiptScript::SentOnly } else { script }, settings);
    let mut delays: Vec<Millis> = steps.iter().map(|step| step.delay).collect();
    if script == ReceiptScript::Reversed {
        delays.reverse();
    }
    let updates =
        steps.iter().zip(delays).map(|(step, delay)| (delay, receipt_update(send, step, settings, now + step.delay)));
    updates.collect()
}

fn script_steps(script: ReceiptScript, settings: &SimulatorSettings) -> Vec<ReceiptStep> {
    let sent = random_millis(settings.sent_ms);
    let delivered = sent + random_millis(settings.delivered_ms);
    let read = delivered + random_millis(settings.read_ms);
    let step = |delay, status| ReceiptStep { delay, status, error: None, is_unknown_message: false };
    let failed = |delay, code| ReceiptStep { delay, status: "failed", error: Some(code), is_unknown_message: false };
    let mut normal = vec![step(sent, "sent"), step(delivered, "delivered")];
    if settings.reads {
        normal.push(step(read, "read"));
    }
    match script {
        ReceiptScript::Normal => normal,
        ReceiptScript::Reversed => vec![step(sent, "sent"), step(delivered, "delivered"), step(read, "read")],
        ReceiptScript::ReadOnly => vec![step(sent, "sent"), step(read, "read")],
        ReceiptScript::SentOnly => vec![step(sent, "sent")],
        ReceiptScript::Nothing => Vec::new(),
        ReceiptScript::Twice => {
            normal.into_iter().flat_map(|it| [step(it.delay, it.status), step(it.delay, it.status)]).collect()
        }
        ReceiptScript::Unknown => {
            normal.insert(0, ReceiptStep { is_unknown_message: true, ..step(sent, "delivered") });
            normal
        }
        ReceiptScript::Played => {
            normal.push(step(read + random_millis(settings.read_ms), "played"));
            normal
        }
        ReceiptScript::Failed(code) => vec![failed(sent, code)],
        ReceiptScript::SentThenFailed(code) => vec![step(sent, "sent"), failed(delivered, code)],
        ReceiptScript::FailedThenDelivered(code) => vec![failed(sent, code), step(delivered, "delivered")],
    }
}

fn receipt_update(send: &AcceptedSend, step: &ReceiptStep, settings: &SimulatorSettings, at: Millis) -> WebhookUpdate {
    let wamid = if step.is_unknown_message { new_wamid(send.guest.key(), false) } else { send.wamid.clone() };
    let mut receipt = json!({ "id": wamid, "status": step.status, "timestamp": (at / SECOND).to_string() });
    if let Some(wa_id) = send.guest.visible_wa_id() {
        receipt["recipient_id"] = wa_id.into();
    }
    if let Some(user_id) = &send.guest.user_id {
        receipt["recipient_user_id"] = user_id.as_str().into();
    }
    let has_callback_data = settings.callback_data && !step.is_unknown_message;
    if let Some(data) = send.callback_data.as_ref().filter(|_| has_callback_data) {
        receipt["biz_opaque_callback_data"] = data.as_str().into();
    }
    match step.error {
        Some(code) => receipt["errors"] = json!([error_element(code, error_details(code))]),
        None => add_billing(&mut receipt, send, step, settings, at),
    }
    let has_contact = settings.contacts && step.error.is_none();
    WebhookUpdate {
        waba_id: send.waba_id.clone(),
        phone_number_id: send.phone_number_id.clone(),
        display_number: send.display_number.clone(),
        contact: has_contact.then(|| contact_element(&send.guest)),
        content: UpdateContent::Receipt(receipt),
        label: format!("{wamid} {}", step.status),
    }
}

/// Adds `pricing` and `conversation` to a receipt, if enabled in the settings.
fn add_billing(receipt: &mut Value, send: &AcceptedSend, step: &ReceiptStep, settings: &SimulatorSettings, at: Millis) {
    let is_free = send.category == "service";
    if settings.pricing && matches!(step.status, "sent" | "delivered") {
        let kind = if is_free { "free_customer_service" } else { "regular" };
        receipt["pricing"] =
            json!({ "billable": !is_free, "pricing_model": "PMP", "type": kind, "category": send.category });
    }
    if settings.conversation {
        let mut conversation =
            json!({ "id": format!("{:016x}", rand::random::<u64>()), "origin": { "type": send.category } });
        if step.status == "sent" {
            conversation["expiration_timestamp"] = ((at + 24 * HOUR) / SECOND).to_string().into();
        }
        receipt["conversation"] = conversation;
    }
}

fn error_details(code: i64) -> &'static str {
    match code {
        131047 => "More than 24 hours have passed since the recipient last replied to the sender number.",
        131053 => "The file cannot be sent with this message type.",
        _ => "This error was requested from the simulator.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guests::GuestRegistry;

    fn delivered_order(script: ReceiptScript, settings: &SimulatorSettings) -> Vec<String> {
        let accepted = AcceptedSend {
            wamid: "wamid.X".to_owned(),
            waba_id: "1".to_owned(),
            phone_number_id: "2".to_owned(),
            display_number: "3".to_owned(),
            guest: GuestRegistry::new().find_or_create(Some("447700900123"), None).clone(),
            callback_data: Some("out_1".to_owned()),
            category: "service".to_owned(),
            is_reaction: false,
        };
        let mut receipts = plan_receipts(&accepted, script, settings, 1_793_000_000_000);
        receipts.sort_by_key(|(delay, _)| *delay);
        receipts.into_iter().map(|(_, update)| update.label.replace("wamid.X ", "")).collect()
    }

    #[test]
    fn each_script_has_its_receipts() {
        let settings = SimulatorSettings {
            sent_ms: [1, 1],
            delivered_ms: [1, 1],
            read_ms: [1, 1],
            ..SimulatorSettings::immediate()
        };
        assert_eq!(delivered_order(ReceiptScript::Normal, &settings), ["sent", "delivered", "read"]);
        assert_eq!(delivered_order(ReceiptScript::Reversed, &settings), ["read", "delivered", "sent"]);
        assert_eq!(delivered_order(ReceiptScript::ReadOnly, &settings), ["sent", "read"]);
        assert_eq!(delivered_order(ReceiptScript::Twice, &settings).len(), 6);
        assert_eq!(delivered_order(ReceiptScript::Failed(1), &settings), ["failed"]);
        assert_eq!(delivered_order(ReceiptScript::SentThenFailed(1), &settings), ["sent", "failed"]);
        assert_eq!(delivered_order(ReceiptScript::FailedThenDelivered(1), &settings), ["failed", "delivered"]);
        assert!(delivered_order(ReceiptScript::Nothing, &settings).is_empty());
        assert_eq!(delivered_order(ReceiptScript::Played, &settings).last().unwrap(), "played");
        assert!(delivered_order(ReceiptScript::Unknown, &settings).iter().any(|it| it.starts_with("wamid.")));
        let without_reads = SimulatorSettings { reads: false, ..settings };
        assert_eq!(delivered_order(ReceiptScript::Normal, &without_reads), ["sent", "delivered"]);
    }
}
