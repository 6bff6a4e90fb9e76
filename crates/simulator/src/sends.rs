//! `POST /{phone number id}/messages`: validates a send, applies limits and faults, and plans receipts and response.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::{
    clock::{Millis, random_millis},
    graph_error::{GraphError, is_rate_limit},
    guests::new_wamid,
    json_fields::{GraphResult, object, text},
    receipts::{AcceptedSend, plan_receipts},
    send_behavior::{ReceiptScript, ResponseBehavior, SendBehavior},
    send_checks::{SendRecipient, check_send, parse_recipient},
    settings::{SimulatorSettings, WindowPolicy},
    state::{Simulator, SimulatorState},
    transcript::{MARK, REJECTION, SEND},
    webhooks::{deliver_now, schedule_update},
};

/// The response to a call of the Graph API, or its absence.
#[derive(Debug)]
pub(crate) enum GraphResponse {
    Json(Value),
    Error(GraphError),
    /// A response with this HTTP status, without JSON.
    StatusOnly(u16),
    /// The connection is cut without a response.
    Disconnect,
    /// The connection stays open without a response.
    Hang,
}

struct SendDecision {
    behavior: SendBehavior,
    /// The accepted message. `None` for a read mark, and if the behaviour does not accept the message.
    accepted: Option<AcceptedSend>,
    response: Value,
}

/// Processes a call of `POST /{phone number id}/messages` whose access token is valid.
pub(crate) async fn handle_send(simulator: &Simulator, number: &str, body: &[u8]) -> GraphResponse {
    let settings = simulator.settings();
    let received = simulator.clock.now();
    let response = match decide(simulator, number, body, &settings) {
        Ok(decision) => execute(simulator, decision, &settings, received).await,
        Err(error) => GraphResponse::Error(record_rejection(simulator, number, body, error, &settings)),
    };
    let is_slow = settings.reply_tail_ms > 0 && rand::random_range(0..100) == 0;
    let usual_delay = u64::try_from(random_millis(settings.reply_ms)).unwrap_or(0);
    sleep(Duration::from_millis(if is_slow { settings.reply_tail_ms } else { usual_delay })).await;
    response
}

/// Schedules the receipts of a send, and returns the response.
async fn execute(
    simulator: &Simulator,
    decision: SendDecision,
    settings: &SimulatorSettings,
    now: Millis,
) -> GraphResponse {
    let SendDecision { behavior, accepted, response } = decision;
    if let Some(accepted) = accepted {
        let callback_data = settings.callback_data && !behavior.omits_callback_data;
        let settings = SimulatorSettings { callback_data, ..settings.clone() };
        let receipts = plan_receipts(&accepted, behavior.script, &settings, now);
        if behavior.has_early_receipts {
            deliver_now(simulator, receipts.into_iter().map(|(_, update)| update).collect()).await;
        } else {
            for (delay, update) in receipts {
                schedule_update(simulator, update, delay);
            }
        }
    }
    sleep(Duration::from_millis(u64::try_from(behavior.delay).unwrap_or(0))).await;
    faulty_response(behavior.response).unwrap_or(GraphResponse::Json(response))
}

/// Returns the response of a simulated fault, or `None` for the normal behaviour.
pub(crate) fn faulty_response(behavior: ResponseBehavior) -> Option<GraphResponse> {
    match behavior {
        ResponseBehavior::Normal => None,
        ResponseBehavior::Rejected(error) => Some(GraphResponse::Error(error)),
        ResponseBehavior::Disconnect { .. } => Some(GraphResponse::Disconnect),
        ResponseBehavior::Hang { .. } => Some(GraphResponse::Hang),
        ResponseBehavior::StatusOnly { status, .. } => Some(GraphResponse::StatusOnly(status)),
    }
}

fn record_rejection(
    simulator: &Simulator,
    number: &str,
    body: &[u8],
    mut error: GraphError,
    settings: &SimulatorSettings,
) -> GraphError {
    if is_rate_limit(error.code) && error.status == 400 {
        error.status = settings.rate_limit_status;
    }
    let body = String::from_utf8_lossy(body);
    let entry = json!({ "phone_number_id": number, "code": error.code, "details": error.details, "body": body });
    simulator.record(REJECTION, entry);
    error
}

fn decide(simulator: &Simulator, number: &str, body: &[u8], settings: &SimulatorSettings) -> GraphResult<SendDecision> {
    if !simulator.has_number(number) {
        return Err(GraphError::unknown_object(number));
    }
    let send: Value = serde_json::from_slice(body).map_err(|_| GraphError::parameter("The body is no JSON."))?;
    let send = object(&send, "body")?;
    if send.get("messaging_product").is_none_or(|it| it != "whatsapp") {
        return Err(GraphError::parameter("The parameter messaging_product is required."));
    }
    let now = simulator.clock.now();
    let mut state = simulator.lock();
    if let Some(error) = state.account.fault(now) {
        return Err(error);
    }
    if send.contains_key("status") {
        return mark_read(&mut state, number, send, now);
    }
    decide_message(simulator, &mut state, number, send, settings, now)
}

fn mark_read(
    state: &mut SimulatorState,
    number: &str,
    send: &Map<String, Value>,
    now: Millis,
) -> GraphResult<SendDecision> {
    if send.get("status").is_none_or(|it| it != "read") {
        return Err(GraphError::value("status must be read"));
    }
    let wamid = text(send, "message_id", "message_id", 512)?.ok_or_else(|| GraphError::missing("message_id"))?;
    if state.messages.get(wamid) != Some(&true) {
        return Err(GraphError::value("message_id: there is no such message of a guest"));
    }
    let typing = send.get("typing_indicator");
    if typing.is_some_and(|it| *it != json!({ "type": "text" })) {
        return Err(GraphError::value("typing_indicator.type must be text"));
    }
    let entry = json!({ "phone_number_id": number, "message_id": wamid, "typing": typing.is_some() });
    state.transcript.record(MARK, now, entry);
    Ok(SendDecision { behavior: SendBehavior::default(), accepted: None, response: json!({ "success": true }) })
}

fn decide_message(
    simulator: &Simulator,
    state: &mut SimulatorState,
    number: &str,
    send: &Map<String, Value>,
    settings: &SimulatorSettings,
    now: Millis,
) -> GraphResult<SendDecision> {
    let (references, recipient) = (check_send(send)?, parse_recipient(send)?);
    let kind = text(send, "type", "type", 40)?.unwrap_or("text");
    let is_template = kind == "template";
    let mut category = "service".to_owned();
    if is_template {
        let template = state.templates.find_for_send(object(send.get(kind).unwrap_or(&Value::Null), kind)?)?;
        category.clone_from(&template.category);
    }
    if references.reaction_target.is_some_and(|wamid| !state.messages.contains(wamid)) {
        return Err(GraphError::value("reaction.message_id: there is no such message"));
    }
    let has_right_media =
        references.media.map_or(Ok(true), |(id, kind)| state.media.is_sendable_as(id, number, kind, now))?;
    let (guest, phone) = match recipient {
        SendRecipient::Phone(phone) => (state.guests.find_or_create(Some(phone), None).clone(), phone),
        SendRecipient::UserId(id) => (state.guests.find_or_create(None, Some(id)).clone(), ""),
    };
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let mut behavior = state.faults.next_send_behavior(&digits, settings.faults);
    if let ResponseBehavior::Rejected(error) = behavior.response {
        return Err(error);
    }
    if !behavior.response.accepts() {
        return Ok(SendDecision { behavior, accepted: None, response: Value::Null });
    }
    let is_allowed = is_template || settings.window == WindowPolicy::Off || guest.is_window_open(number, now);
    if !is_allowed && settings.window == WindowPolicy::Http {
        return Err(GraphError::new(131047, "More than 24 hours have passed since the recipient last replied."));
    }
    check_rate_limits(state, number, guest.key(), settings, now)?;
    if !is_allowed {
        behavior.script = ReceiptScript::Failed(131047);
    } else if !has_right_media {
        behavior.script = ReceiptScript::Failed(131053);
    }
    let wamid = new_wamid(guest.key(), false);
    let response = accepted_response(&recipient, guest.wa_id.as_deref(), is_template, &wamid);
    let accepted = AcceptedSend {
        wamid,
        waba_id: simulator.options.waba_id.clone(),
        phone_number_id: number.to_owned(),
        display_number: simulator.display_number(number),
        guest,
        callback_data: text(send, "biz_opaque_callback_data", "biz_opaque_callback_data", 512)?.map(str::to_owned),
        category,
        is_reaction: kind == "reaction",
    };
    state.messages.insert(accepted.wamid.clone(), false);
    record_send(state, &accepted, send, &behavior, now);
    Ok(SendDecision { behavior, accepted: Some(accepted), response })
}

fn check_rate_limits(
    state: &mut SimulatorState,
    number: &str,
    guest: &str,
    settings: &SimulatorSettings,
    now: Millis,
) -> GraphResult<()> {
    if !state.rate_limits.is_below_throughput(number, settings.throughput, now) {
        return Err(GraphError::new(
            130429,
            "Message failed to send because there were too many messages in a short time.",
        ));
    }
    if settings.pair_limit && !state.rate_limits.try_count_pair(number, guest, now) {
        let error = GraphError::new(131056, "Too many messages to this recipient in a short time.");
        return Err(GraphError { subcode: Some(2494055), ..error });
    }
    state.rate_limits.count(number, now);
    Ok(())
}

fn record_send(
    state: &mut SimulatorState,
    accepted: &AcceptedSend,
    send: &Map<String, Value>,
    behavior: &SendBehavior,
    now: Millis,
) {
    let answered = match behavior.response {
        ResponseBehavior::Normal | ResponseBehavior::Rejected(_) => "as usual",
        ResponseBehavior::Disconnect { .. } => "cut",
        ResponseBehavior::Hang { .. } => "never",
        ResponseBehavior::StatusOnly { .. } => "without JSON",
    };
    let entry = json!({
        "phone_number_id": accepted.phone_number_id,
        "wamid": accepted.wamid,
        "callback_data": accepted.callback_data,
        "script": behavior.script,
        "answered": answered,
        "body": send,
    });
    state.transcript.record(SEND, now, entry);
}

fn accepted_response(recipient: &SendRecipient<'_>, wa_id: Option<&str>, is_template: bool, wamid: &str) -> Value {
    let contact = match recipient {
        SendRecipient::Phone(phone) => json!({ "input": phone, "wa_id": wa_id.unwrap_or_default() }),
        SendRecipient::UserId(id) => json!({ "input": id, "user_id": id }),
    };
    let mut message = json!({ "id": wamid });
    if is_template {
        message["message_status"] = "accepted".into();
    }
    json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] })
}
