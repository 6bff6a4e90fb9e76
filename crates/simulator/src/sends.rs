//! `POST /{phone number id}/messages`: whether it is accepted, what becomes of it, and how it is answered.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::{
    checks::{Checked, Recipient, check, object, recipient, text},
    clock::Millis,
    errors::{ApiError, is_rate_limit},
    guests::wamid,
    magic::{Conduct, Reply, Script},
    settings::{Settings, Window},
    statuses::{Accepted, plan},
    transcript::{MARK, REFUSAL, SEND},
    webhooks::{tell, tell_now},
    world::{State, World, between},
};

/// How a call is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// With JSON.
    Json(Value),
    /// With an error.
    Error(ApiError),
    /// With an HTTP status and no JSON.
    Bare(u16),
    /// Not: the connection is cut.
    Cut,
    /// Not, for long.
    Never,
}

/// What was decided about a call.
struct Decided {
    conduct: Conduct,
    /// The message, where there is one that was accepted.
    accepted: Option<Accepted>,
    body: Value,
}

/// Takes a call, from a caller whose token is right.
pub(crate) async fn take(world: &World, number: &str, body: &[u8]) -> Answer {
    let settings = world.settings();
    let begun = world.clock.now();
    let decided = decide(world, number, body, &settings);
    let answer = match decided {
        Ok(decided) => carry_out(world, decided, &settings, begun).await,
        Err(error) => Answer::Error(refused(world, number, body, error, &settings)),
    };
    let tail = settings.reply_tail_ms > 0 && rand::random_range(0..100) == 0;
    let pause = if tail { settings.reply_tail_ms } else { u64::try_from(between(settings.reply_ms)).unwrap_or(0) };
    sleep(Duration::from_millis(pause)).await;
    answer
}

/// Has the statuses told, and says how it is answered.
async fn carry_out(world: &World, decided: Decided, settings: &Settings, now: Millis) -> Answer {
    let Decided { conduct, accepted, body } = decided;
    if let Some(accepted) = accepted {
        let bare = Settings { callback_data: settings.callback_data && !conduct.bare, ..settings.clone() };
        let told = plan(&accepted, conduct.script, &bare, now);
        if conduct.early {
            tell_now(world, told.into_iter().map(|(_, update)| update).collect()).await;
        } else {
            for (after, update) in told {
                tell(world, update, after);
            }
        }
    }
    sleep(Duration::from_millis(u64::try_from(conduct.slow).unwrap_or(0))).await;
    answered(conduct.reply).unwrap_or(Answer::Json(body))
}

/// How a call is answered that meets something, other than it should be.
pub(crate) fn answered(reply: Reply) -> Option<Answer> {
    match reply {
        Reply::Accepted => None,
        Reply::Refused(error) => Some(Answer::Error(error)),
        Reply::Cut { .. } => Some(Answer::Cut),
        Reply::Never { .. } => Some(Answer::Never),
        Reply::Bare { status, .. } => Some(Answer::Bare(status)),
    }
}

fn refused(world: &World, number: &str, body: &[u8], mut error: ApiError, settings: &Settings) -> ApiError {
    if is_rate_limit(error.code) && error.status == 400 {
        error.status = settings.rate_limit_status;
    }
    let body = String::from_utf8_lossy(body);
    let entry = json!({ "phone_number_id": number, "code": error.code, "details": error.details, "body": body });
    world.note(REFUSAL, entry);
    error
}

fn decide(world: &World, number: &str, body: &[u8], settings: &Settings) -> Checked<Decided> {
    if !world.has_number(number) {
        return Err(ApiError::no_object(number));
    }
    let send: Value = serde_json::from_slice(body).map_err(|_| ApiError::parameter("The body is no JSON."))?;
    let send = object(&send, "body")?;
    if send.get("messaging_product").is_none_or(|it| it != "whatsapp") {
        return Err(ApiError::parameter("The parameter messaging_product is required."));
    }
    let now = world.clock.now();
    let mut state = world.state();
    if let Some(error) = state.account.fault(now) {
        return Err(error);
    }
    if send.contains_key("status") {
        return mark_read(&mut state, number, send, now);
    }
    accept(world, &mut state, number, send, settings, now)
}

fn mark_read(state: &mut State, number: &str, send: &Map<String, Value>, now: Millis) -> Checked<Decided> {
    if send.get("status").is_none_or(|it| it != "read") {
        return Err(ApiError::value("status must be read"));
    }
    let id = text(send, "message_id", "message_id", 512)?.ok_or_else(|| ApiError::missing("message_id"))?;
    if state.messages.get(id) != Some(&true) {
        return Err(ApiError::value("message_id: there is no such message of a guest"));
    }
    let typing = send.get("typing_indicator");
    if typing.is_some_and(|it| *it != json!({ "type": "text" })) {
        return Err(ApiError::value("typing_indicator.type must be text"));
    }
    let entry = json!({ "phone_number_id": number, "message_id": id, "typing": typing.is_some() });
    state.transcript.note(MARK, now, entry);
    Ok(Decided { conduct: Conduct::default(), accepted: None, body: json!({ "success": true }) })
}

fn accept(
    world: &World,
    state: &mut State,
    number: &str,
    send: &Map<String, Value>,
    settings: &Settings,
    now: Millis,
) -> Checked<Decided> {
    let (named, to) = (check(send)?, recipient(send)?);
    let kind = text(send, "type", "type", 40)?.unwrap_or("text");
    let mut category = "service".to_owned();
    if kind == "template" {
        let template = state.templates.fitting(object(send.get(kind).unwrap_or(&Value::Null), kind)?)?;
        category.clone_from(&template.category);
    }
    if named.reacted.is_some_and(|id| !state.messages.contains(id)) {
        return Err(ApiError::value("reaction.message_id: there is no such message"));
    }
    let fits = named.media.map_or(Ok(true), |(id, kind)| state.media.fits(id, number, kind, now))?;
    let (guest, digits) = match to {
        Recipient::Phone(phone) => (state.guests.get(Some(phone), None).clone(), phone),
        Recipient::UserId(id) => (state.guests.get(None, Some(id)).clone(), ""),
    };
    let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
    let mut conduct = state.faults.next(&digits, settings.faults);
    if let Reply::Refused(error) = conduct.reply {
        return Err(error);
    }
    let body = answer(&to, guest.wa_id.as_deref(), kind == "template");
    if !conduct.reply.accepts() {
        return Ok(Decided { conduct, accepted: None, body: Value::Null });
    }
    let open = kind == "template" || settings.window == Window::Off || guest.window_open(number, now);
    if !open && settings.window == Window::Http {
        return Err(ApiError::new(131047, "More than 24 hours have passed since the recipient last replied."));
    }
    limits(state, number, guest.key(), settings, now)?;
    if !open {
        conduct.script = Script::Failed(131047);
    } else if !fits {
        conduct.script = Script::Failed(131053);
    }
    let accepted = Accepted {
        wamid: wamid(guest.key(), false),
        waba: world.options.waba_id.clone(),
        number: number.to_owned(),
        display: world.display(number),
        guest,
        data: text(send, "biz_opaque_callback_data", "biz_opaque_callback_data", 512)?.map(str::to_owned),
        category,
        reaction: kind == "reaction",
    };
    state.messages.insert(accepted.wamid.clone(), false);
    note(state, &accepted, send, &conduct, now);
    let body = with_id(body, &accepted.wamid);
    Ok(Decided { conduct, accepted: Some(accepted), body })
}

fn limits(state: &mut State, number: &str, guest: &str, settings: &Settings, now: Millis) -> Checked<()> {
    if !state.limits.throughput(number, settings.throughput, now) {
        return Err(ApiError::new(
            130429,
            "Message failed to send because there were too many messages in a short time.",
        ));
    }
    if settings.pair_limit && !state.limits.pair(number, guest, now) {
        let error = ApiError::new(131056, "Too many messages to this recipient in a short time.");
        return Err(ApiError { subcode: Some(2494055), ..error });
    }
    state.limits.count(number, now);
    Ok(())
}

fn note(state: &mut State, it: &Accepted, send: &Map<String, Value>, conduct: &Conduct, now: Millis) {
    let answered = match conduct.reply {
        Reply::Accepted | Reply::Refused(_) => "as usual",
        Reply::Cut { .. } => "cut",
        Reply::Never { .. } => "never",
        Reply::Bare { .. } => "without JSON",
    };
    let entry = json!({
        "phone_number_id": it.number,
        "wamid": it.wamid,
        "callback_data": it.data,
        "script": conduct.script,
        "answered": answered,
        "body": send,
    });
    state.transcript.note(SEND, now, entry);
}

fn answer(to: &Recipient<'_>, wa_id: Option<&str>, template: bool) -> Value {
    let contact = match to {
        Recipient::Phone(input) => json!({ "input": input, "wa_id": wa_id.unwrap_or_default() }),
        Recipient::UserId(id) => json!({ "input": id, "user_id": id }),
    };
    let mut message = json!({});
    if template {
        message["message_status"] = "accepted".into();
    }
    json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [message] })
}

fn with_id(mut body: Value, wamid: &str) -> Value {
    body["messages"][0]["id"] = wamid.into();
    body
}
