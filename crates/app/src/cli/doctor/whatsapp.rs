//! What the doctor finds out about WhatsApp.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use desk::{Checkup, HotelCheckup, Stopped};
use uuid::Uuid;
use whatsapp::{Advice, ApiError, CallError, Client, NumberInfo, Stop, WebhookAnswer, advice_on};

use super::{
    Found, compare, not_checked, not_set, ok,
    report::{Report, State},
    wrong,
};
use crate::{clock::clock, settings::Settings};

/// What was parked before is history.
const LATELY: TimeDelta = TimeDelta::hours(24);
/// How long WhatsApp may take to be reached, and to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Hotels without a number that are named.
const MOST_NAMED: usize = 10;

/// Looks at everything that has to do with WhatsApp.
pub async fn look(report: &mut Report, settings: &Settings, checkup: Option<&Checkup>) {
    let with_number = |it: &&HotelCheckup| it.hotel.whatsapp_phone_number_id.is_some();
    let hotels: Vec<&HotelCheckup> = checkup.iter().flat_map(|it| &it.hotels).filter(with_number).collect();
    let needed = !hotels.is_empty();
    report.note("app secret", app_secret(settings, needed));
    report.note("verify token", verify_token(settings, needed));
    report.note("webhook", webhook(settings, needed).await);
    let told = ask(settings, &hotels).await;
    if let Some(there) = told.time {
        report.note("clock", compare(told.asked_at, there, "WhatsApp"));
    }
    report.note("access token", told.token);
    report.note("numbers", numbers(checkup));
    for (it, number) in hotels.into_iter().zip(told.numbers) {
        report.note_of(&it.hotel, "number", number);
        report.note_of(&it.hotel, "sending", sending(it, settings));
        report.note_of(&it.hotel, "guests", guests(it, settings));
    }
    if let Some(checkup) = checkup {
        report.note("parked", parked(checkup));
    }
}

/// What is not set: wrong only where a hotel has a number.
fn missing(needed: bool, says: &str) -> Found {
    if needed { wrong(says) } else { not_set(says) }
}

fn app_secret(settings: &Settings, needed: bool) -> Found {
    match settings.whatsapp_app_secret {
        // Whether it is the app's, only what Meta signs can tell.
        Some(_) => ok("it is set; whether it is that of the app shows when a guest writes: a wrong one is a 401"),
        None => missing(needed, "without WHATSAPP_APP_SECRET nothing that comes is believed: set that of the Meta app"),
    }
}

fn verify_token(settings: &Settings, needed: bool) -> Found {
    match settings.whatsapp_verify_token {
        Some(_) => ok("it is set"),
        None => missing(needed, "set WHATSAPP_VERIFY_TOKEN to a word of your own, and give Meta the same"),
    }
}

/// Whether the API is one that is played on this machine.
fn is_played(settings: &Settings) -> bool {
    settings.whatsapp_api_url.starts_with("http://")
}

/// Where Meta is to post to; else what there is to say about that.
fn address(settings: &Settings, needed: bool) -> Result<String, Found> {
    let played = is_played(settings);
    match &settings.public_url {
        Some(url) if url.scheme() == "https" || played => {
            Ok(format!("{}/webhooks/whatsapp/", url.as_str().trim_end_matches('/')))
        }
        Some(_) => Err(missing(
            needed,
            "PUBLIC_URL is not https: Meta posts to https alone, with a certificate that is trusted",
        )),
        None if played && settings.bind_address.port() != 0 => {
            Ok(format!("http://{}/webhooks/whatsapp/", settings.bind_address))
        }
        None if played => Err(not_checked("the server's port is not known here: set BIND_ADDRESS, or PUBLIC_URL")),
        None => Err(missing(needed, "set PUBLIC_URL to the https address at which Meta reaches the server")),
    }
}

async fn webhook(settings: &Settings, needed: bool) -> Found {
    let address = match address(settings, needed) {
        Ok(address) => address,
        Err(found) => return found,
    };
    let Some(token) = &settings.whatsapp_verify_token else {
        return not_checked(format!("without a verify token {address} cannot be asked"));
    };
    match whatsapp::ask_webhook(&address, token, &Uuid::new_v4().simple().to_string()).await {
        WebhookAnswer::Verified => ok(format!("{address} answers as Meta wants it")),
        WebhookAnswer::NotReached(why) => not_checked(format!(
            "{address} is not reached from this machine ({why}). It may be from elsewhere: Meta's page tells, when \
             you save the address there"
        )),
        WebhookAnswer::Untrusted => wrong(format!(
            "the certificate of {address} is not trusted: Meta refuses it. Get one of a public authority, with \
             its chain"
        )),
        WebhookAnswer::Other { status } => wrong(format!("{address} {}", other(status))),
    }
}

fn other(status: u16) -> String {
    let (is, help) = match status {
        200 => ("answers, but not as our server does", "is it another program, or a page of the proxy?"),
        300..=399 => ("leads elsewhere", "Meta does not follow: give the final address"),
        403 => {
            ("refuses the verify token", "does the server run with the one that is set here? Restart it after a change")
        }
        404 => ("is not there", "does the proxy hand on /webhooks/whatsapp/ to the server?"),
        500.. => ("fails", "does the server run behind the proxy?"),
        _ => ("does not answer as our server does", "is it another program, or a page of the proxy?"),
    };
    format!("{is} (HTTP status {status}): {help}")
}

/// What WhatsApp said.
struct Told {
    /// When it was asked.
    asked_at: DateTime<Utc>,
    /// The time there then.
    time: Option<DateTime<Utc>>,
    token: Found,
    /// Of each hotel.
    numbers: Vec<Found>,
}

async fn ask(settings: &Settings, hotels: &[&HotelCheckup]) -> Told {
    let clock = clock(settings);
    let unasked = |token, why: &str| Told {
        asked_at: clock.now(),
        time: None,
        token,
        numbers: hotels.iter().map(|_| not_checked(why)).collect(),
    };
    let client = match settings.whatsapp() {
        Ok(Some(client)) => client,
        Ok(None) => {
            let needed = !hotels.is_empty();
            let token = missing(
                needed,
                "without WHATSAPP_ACCESS_TOKEN nothing is sent, and files do not come: what staff write waits",
            );
            return unasked(token, "without an access token WhatsApp is not asked");
        }
        // All else was told as a bad setting.
        Err(error) => {
            return unasked(wrong(format!("{error}: install ca-certificates")), "WhatsApp cannot be asked");
        }
    };
    let before = clock.now();
    let time = tokio::time::timeout(PATIENCE, client.time()).await.ok().and_then(Result::ok).flatten();
    // In the middle of what the question took; what is told is cut to the second.
    let asked_at = before + (clock.now() - before) / 2 - TimeDelta::milliseconds(500);
    let mut token = not_checked("it is set; as no number of a hotel is known, WhatsApp is not asked");
    let mut numbers = Vec::with_capacity(hotels.len());
    for it in hotels {
        // Who does not answer is not asked for every hotel.
        if token.0 == State::Wrong {
            numbers.push(not_checked("see the access token"));
            continue;
        }
        let answer = check(&client, it).await;
        token = of_token(&answer, settings);
        numbers.push(of_number(&answer, it));
    }
    Told { asked_at, time, token, numbers }
}

async fn check(client: &Client, it: &HotelCheckup) -> Result<NumberInfo, CallError> {
    let number = it.hotel.whatsapp_phone_number_id.as_deref().unwrap_or_default();
    let asked = tokio::time::timeout(PATIENCE, client.check(number)).await;
    asked.unwrap_or(Err(CallError::NoAnswer(whatsapp::NoAnswer::TimedOut)))
}

/// What an answer about a number says about the access token.
fn of_token(answer: &Result<NumberInfo, CallError>, settings: &Settings) -> Found {
    match answer {
        Ok(_) => ok("WhatsApp takes it"),
        Err(CallError::Refused { error, .. }) if advice_on(error.code) == Advice::StopChannel(Stop::Token) => {
            wrong(refused_token(error))
        }
        Err(CallError::Refused { .. } | CallError::NotSent(whatsapp::NotSent::NoCall(_))) => ok("WhatsApp takes it"),
        Err(error) => wrong(format!(
            "WhatsApp is not reached at {} ({error}): may this machine call there?",
            settings.whatsapp_api_url
        )),
    }
}

fn refused_token(error: &ApiError) -> String {
    let help = match error.code {
        0 | 190 => {
            "it is over, or is none: make a new permanent one, set WHATSAPP_ACCESS_TOKEN, and restart the servers"
        }
        _ => "it lacks a permission: whatsapp_business_messaging and whatsapp_business_management are needed",
    };
    format!("WhatsApp refuses it ({error}); {help}")
}

fn of_number(answer: &Result<NumberInfo, CallError>, it: &HotelCheckup) -> Found {
    let id = it.hotel.whatsapp_phone_number_id.as_deref().unwrap_or_default();
    match answer {
        Ok(info) => {
            let number = info.display_phone_number.as_deref().unwrap_or("WhatsApp does not tell the number");
            let name = info.verified_name.as_deref().map(|name| format!(", “{name}”")).unwrap_or_default();
            let quality = info.quality_rating.as_deref().map(|it| format!(", quality {it}")).unwrap_or_default();
            ok(format!("{number}{name}{quality} (phone number id {id})"))
        }
        Err(CallError::Refused { error, .. }) if advice_on(error.code) == Advice::StopChannel(Stop::Token) => {
            not_checked("see the access token")
        }
        Err(CallError::Refused { error, .. }) if matches!(error.code, 33 | 100) => wrong(format!(
            "WhatsApp knows no phone number id {id} for this token ({error}): take the id, not the number itself, from \
             Meta's page, and `message-manager hotel set {} --whatsapp-phone-number-id ID`",
            it.hotel.id
        )),
        // A fault of WhatsApp's, or a limit.
        Err(CallError::Refused { error, .. }) if error.advice().wait(0).is_some() => {
            not_checked(format!("WhatsApp does not tell now ({error}): ask again later"))
        }
        Err(CallError::Refused { error, .. }) => wrong(format!("WhatsApp refuses ({error}): {}", error.sentence())),
        Err(CallError::NotSent(whatsapp::NotSent::NoCall(_))) => {
            wrong(format!("{id} cannot be a phone number id: it is digits, from Meta's page"))
        }
        Err(_) => not_checked("see the access token"),
    }
}

fn numbers(checkup: Option<&Checkup>) -> Found {
    let Some(checkup) = checkup else { return not_checked("the database does not tell which hotel has which") };
    let without: Vec<String> = checkup
        .hotels
        .iter()
        .filter(|it| it.hotel.whatsapp_phone_number_id.is_none())
        .map(|it| it.hotel.id.to_string())
        .collect();
    let help = "`message-manager hotel set ID --whatsapp-phone-number-id P`";
    match (checkup.hotels.len(), without.len()) {
        (0, _) => not_set("there is no hotel yet: `message-manager hotel create --name NAME`"),
        (_, 0) => ok("every hotel has one"),
        (all, some) if some == all => not_set(format!("no hotel has one: {help}")),
        (_, some) => {
            let named: Vec<String> = without.into_iter().take(MOST_NAMED).collect();
            let more = if some > MOST_NAMED { ", …" } else { "" };
            not_set(format!("{some} hotels have none ({}{more}): {help}", named.join(", ")))
        }
    }
}

fn sending(it: &HotelCheckup, settings: &Settings) -> Found {
    let waits = format!("{} wait to be sent, {} for their guest to write", it.queued, it.held);
    match &it.stopped {
        Some(Stopped { code, token }) if *token == settings.whatsapp_token_digest() => wrong(format!(
            "it is stopped: WhatsApp refused with error {code}. {} {waits}",
            if advice_on(*code) == Advice::StopChannel(Stop::Token) {
                "Make a new access token, set it, and restart the servers: what waits then goes."
            } else {
                "Put the account in order at Meta: what waits goes within five minutes after."
            }
        )),
        Some(Stopped { code, .. }) if it.queued > 0 => wrong(format!(
            "it was stopped with another access token (error {code}): restart the servers with the one that is set \
             here. {waits}"
        )),
        _ => ok(waits),
    }
}

fn guests(it: &HotelCheckup, settings: &Settings) -> Found {
    let Some(at) = it.last_heard else {
        return not_checked("none has written yet: write to the number from a telephone");
    };
    let ago = clock(settings).now() - at;
    ok(format!("the last message came at {} ({})", at.to_rfc3339_opts(SecondsFormat::Secs, true), in_words(ago)))
}

fn in_words(ago: TimeDelta) -> String {
    match (ago.num_days(), ago.num_hours(), ago.num_minutes()) {
        (2.., ..) => format!("{} days ago", ago.num_days()),
        (_, 2.., _) => format!("{} hours ago", ago.num_hours()),
        (.., 2..) => format!("{} minutes ago", ago.num_minutes()),
        _ => "just now".to_owned(),
    }
}

fn parked(checkup: &Checkup) -> Found {
    let Some(at) = checkup.parked_at else { return ok("nothing came that could not be processed") };
    let ago = checkup.now - at;
    let foreign = match checkup.numbers_without_hotel.as_slice() {
        [] => String::new(),
        numbers => format!(" No hotel has the phone number ids {}.", numbers.join(", ")),
    };
    let says = format!(
        "{} came that could not be processed, the newest {}.{foreign} See `message-manager parked list`",
        checkup.parked,
        in_words(ago)
    );
    if ago < LATELY { wrong(says) } else { ok(says) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_told_in_words() {
        for (seconds, words) in [
            (-5, "just now"),
            (119, "just now"),
            (120, "2 minutes ago"),
            (7199, "119 minutes ago"),
            (7200, "2 hours ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(in_words(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn what_is_refused_is_told_by_its_code() {
        let refused = |code| {
            let error = ApiError { code, title: None, details: None, trace: None, transient: false };
            let checkup = HotelCheckup { hotel: hotel(), queued: 0, held: 0, stopped: None, last_heard: None };
            let answer = Err(CallError::Refused { error, retry_after: None });
            (of_token(&answer, &Settings::read(|_| None).unwrap()).0, of_number(&answer, &checkup))
        };
        let (token, (number, says)) = refused(190);
        assert_eq!((token, number), (State::Wrong, State::NotChecked), "{says}");
        assert_eq!(refused(200).0, State::Wrong);
        let (token, (number, says)) = refused(100);
        assert!((token, number) == (State::Ok, State::Wrong) && says.contains("hotel set 7"), "{says}");
        let (_, (number, says)) = refused(131031);
        assert!(number == State::Wrong && says.contains("locked"), "{says}");
        assert_eq!(refused(80007).1.0, State::NotChecked);
    }

    #[test]
    fn a_webhooks_wrong_answer_comes_with_what_helps() {
        for (status, words) in
            [(200, "proxy"), (301, "final address"), (403, "Restart"), (404, "hand on"), (502, "run")]
        {
            let told = other(status);
            assert!(told.contains(words) && told.contains(&status.to_string()), "{told}");
        }
    }

    fn hotel() -> domain::Hotel {
        domain::Hotel {
            id: domain::HotelId(7),
            name: "Seaside Hotel".to_owned(),
            timezone: "UTC".to_owned(),
            default_department: None,
            opener_template: None,
            whatsapp_phone_number_id: Some("105000000000001".to_owned()),
            flow: true,
            country: None,
        }
    }
}
