//! What becomes of an accepted message, and how it is told.

use serde_json::{Value, json};

use crate::{
    clock::{HOUR, Millis, SECOND},
    errors::element,
    guests::{Guest, wamid},
    inbound::contact,
    magic::Script,
    settings::Settings,
    updates::{Told, Update},
    world::between,
};

/// An accepted message.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) wamid: String,
    pub(crate) waba: String,
    pub(crate) number: String,
    pub(crate) display: String,
    pub(crate) guest: Guest,
    /// `biz_opaque_callback_data`.
    pub(crate) data: Option<String>,
    /// What it is billed as: that of its template, or service.
    pub(crate) category: String,
    /// Reactions get only `sent`.
    pub(crate) reaction: bool,
}

/// One status: after how long it is told, and what it is.
struct Step {
    after: Millis,
    status: &'static str,
    error: Option<i64>,
    /// Of a message that nobody knows.
    unknown: bool,
}

/// The statuses of a message that was accepted at a time, and after how long each is told.
pub(crate) fn plan(it: &Accepted, script: Script, settings: &Settings, now: Millis) -> Vec<(Millis, Update)> {
    let steps = if it.reaction && script == Script::Normal {
        steps(Script::SentOnly, settings)
    } else {
        steps(script, settings)
    };
    let mut told: Vec<Millis> = steps.iter().map(|step| step.after).collect();
    if script == Script::Reversed {
        told.reverse();
    }
    let updates = steps.iter().zip(told).map(|(step, after)| (after, update(it, step, settings, now + step.after)));
    updates.collect()
}

fn steps(script: Script, settings: &Settings) -> Vec<Step> {
    let sent = between(settings.sent_ms);
    let delivered = sent + between(settings.delivered_ms);
    let read = delivered + between(settings.read_ms);
    let step = |after, status| Step { after, status, error: None, unknown: false };
    let failed = |after, code| Step { after, status: "failed", error: Some(code), unknown: false };
    let mut usual = vec![step(sent, "sent"), step(delivered, "delivered")];
    if settings.reads {
        usual.push(step(read, "read"));
    }
    match script {
        Script::Normal => usual,
        Script::Reversed => vec![step(sent, "sent"), step(delivered, "delivered"), step(read, "read")],
        Script::ReadOnly => vec![step(sent, "sent"), step(read, "read")],
        Script::SentOnly => vec![step(sent, "sent")],
        Script::Nothing => Vec::new(),
        Script::Twice => {
            usual.into_iter().flat_map(|it| [step(it.after, it.status), step(it.after, it.status)]).collect()
        }
        Script::Unknown => {
            usual.insert(0, Step { unknown: true, ..step(sent, "delivered") });
            usual
        }
        Script::Played => {
            usual.push(step(read + between(settings.read_ms), "played"));
            usual
        }
        Script::Failed(code) => vec![failed(sent, code)],
        Script::SentThenFailed(code) => vec![step(sent, "sent"), failed(delivered, code)],
        Script::FailedThenDelivered(code) => vec![failed(sent, code), step(delivered, "delivered")],
    }
}

fn update(it: &Accepted, step: &Step, settings: &Settings, at: Millis) -> Update {
    let id = if step.unknown { wamid(it.guest.key(), false) } else { it.wamid.clone() };
    let mut status = json!({ "id": id, "status": step.status, "timestamp": (at / SECOND).to_string() });
    if let Some(number) = it.guest.shown() {
        status["recipient_id"] = number.into();
    }
    if let Some(id) = &it.guest.user_id {
        status["recipient_user_id"] = id.as_str().into();
    }
    if let Some(data) = it.data.as_ref().filter(|_| settings.callback_data && !step.unknown) {
        status["biz_opaque_callback_data"] = data.as_str().into();
    }
    match step.error {
        Some(code) => status["errors"] = json!([element(code, details(code))]),
        None => add_billing(&mut status, it, step, settings, at),
    }
    let contact = Some(&it.guest).filter(|_| settings.contacts && step.error.is_none()).map(contact);
    Update {
        waba: it.waba.clone(),
        number: it.number.clone(),
        display: it.display.clone(),
        contact,
        told: Told::Status(status),
        label: format!("{id} {}", step.status),
    }
}

fn add_billing(status: &mut Value, it: &Accepted, step: &Step, settings: &Settings, at: Millis) {
    let service = it.category == "service";
    if settings.pricing && matches!(step.status, "sent" | "delivered") {
        let kind = if service { "free_customer_service" } else { "regular" };
        status["pricing"] =
            json!({ "billable": !service, "pricing_model": "PMP", "type": kind, "category": it.category });
    }
    if settings.conversation {
        let mut conversation =
            json!({ "id": format!("{:016x}", rand::random::<u64>()), "origin": { "type": it.category } });
        if step.status == "sent" {
            conversation["expiration_timestamp"] = ((at + 24 * HOUR) / SECOND).to_string().into();
        }
        status["conversation"] = conversation;
    }
}

fn details(code: i64) -> &'static str {
    match code {
        131047 => "More than 24 hours have passed since the recipient last replied to the sender number.",
        131053 => "The file cannot be sent as what it is sent as.",
        _ => "The simulator was asked for this error.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guests::Guests;

    fn told(script: Script, settings: &Settings) -> Vec<String> {
        let accepted = Accepted {
            wamid: "wamid.X".to_owned(),
            waba: "1".to_owned(),
            number: "2".to_owned(),
            display: "3".to_owned(),
            guest: Guests::new().get(Some("447700900123"), None).clone(),
            data: Some("out_1".to_owned()),
            category: "service".to_owned(),
            reaction: false,
        };
        let mut plan = plan(&accepted, script, settings, 1_793_000_000_000);
        plan.sort_by_key(|(after, _)| *after);
        plan.into_iter().map(|(_, it)| it.label.replace("wamid.X ", "")).collect()
    }

    #[test]
    fn each_script_tells_what_it_says() {
        let settings = Settings { sent_ms: [1, 1], delivered_ms: [1, 1], read_ms: [1, 1], ..Settings::immediate() };
        assert_eq!(told(Script::Normal, &settings), ["sent", "delivered", "read"]);
        assert_eq!(told(Script::Reversed, &settings), ["read", "delivered", "sent"]);
        assert_eq!(told(Script::ReadOnly, &settings), ["sent", "read"]);
        assert_eq!(told(Script::Twice, &settings).len(), 6);
        assert_eq!(told(Script::Failed(1), &settings), ["failed"]);
        assert_eq!(told(Script::SentThenFailed(1), &settings), ["sent", "failed"]);
        assert_eq!(told(Script::FailedThenDelivered(1), &settings), ["failed", "delivered"]);
        assert!(told(Script::Nothing, &settings).is_empty());
        assert_eq!(told(Script::Played, &settings).last().unwrap(), "played");
        assert!(told(Script::Unknown, &settings).iter().any(|it| it.starts_with("wamid.")));
        let silent = Settings { reads: false, ..settings };
        assert_eq!(told(Script::Normal, &silent), ["sent", "delivered"]);
    }
}
