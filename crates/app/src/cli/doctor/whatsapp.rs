//! Checks of the doctor for WhatsApp: settings, webhook, access token, phone numbers, outbox.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use desk::{
    Desk,
    diagnostics::{Diagnostics, HotelDiagnostics, SuspendedSender},
};
use uuid::Uuid;
use whatsapp::{
    ApiError, CallError, CloudApiClient, ErrorPolicy, PhoneNumberInfo, SuspensionCause, WebhookProbeResult,
    policy_for_code,
};

use super::{
    clocks::compare_clocks,
    report::{CheckReport, CheckResult, CheckState, not_checked, not_set, ok, wrong},
};
use crate::{clock::clock, settings::Settings};

/// Dead letters older than this count as history, not as a fault.
const RECENT_DEAD_LETTERS: TimeDelta = TimeDelta::hours(24);
const WHATSAPP_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of hotels without a WhatsApp number that are listed by id.
const MAX_LISTED_HOTELS: usize = 10;

/// Makes all checks for WhatsApp. A missing setting is a fault only if a hotel has a WhatsApp number.
pub async fn check_all(report: &mut CheckReport, settings: &Settings, loaded: Option<&(Desk, Diagnostics)>) {
    let diagnostics = loaded.map(|(_, diagnostics)| diagnostics);
    let has_number = |it: &&HotelDiagnostics| it.hotel.whatsapp_phone_number_id.is_some();
    let hotels: Vec<&HotelDiagnostics> = diagnostics.iter().flat_map(|it| &it.hotels).filter(has_number).collect();
    let is_needed = !hotels.is_empty();
    report.add("app secret", check_app_secret(settings, is_needed));
    report.add("verify token", check_verify_token(settings, is_needed));
    report.add("webhook", check_webhook(settings, is_needed).await);
    let account = check_account(settings, &hotels).await;
    if let Some(there) = account.whatsapp_time {
        report.add("clock", compare_clocks(account.checked_at, there, "WhatsApp"));
    }
    report.add("access token", account.access_token);
    report.add("numbers", check_hotels_have_numbers(diagnostics));
    for (hotel, number) in hotels.into_iter().zip(account.numbers) {
        let (id, name) = (hotel.hotel.id, hotel.hotel.name.as_str());
        let resumed = match loaded {
            Some((desk, _)) if number.state == CheckState::Ok => resume_sender(desk, hotel, settings).await,
            _ => None,
        };
        report.add_for_hotel(id, name, "number", number);
        report.add_for_hotel(id, name, "sending", resumed.unwrap_or_else(|| check_outbox(hotel, settings)));
        report.add_for_hotel(id, name, "guests", check_guest_messages(hotel, settings));
    }
    if let Some(diagnostics) = diagnostics {
        report.add("parked", check_dead_letters(diagnostics));
    }
}

fn missing(is_needed: bool, sentence: &str) -> CheckResult {
    if is_needed { wrong(sentence) } else { not_set(sentence) }
}

fn check_app_secret(settings: &Settings, is_needed: bool) -> CheckResult {
    match settings.whatsapp_app_secret {
        // Only a webhook call signed by Meta can prove that the app secret is right.
        Some(_) => {
            ok("it is set; a guest's message shows whether it is right: with a wrong one the webhook returns 401")
        }
        None => missing(
            is_needed,
            "without WHATSAPP_APP_SECRET every webhook call is refused: set the app secret of the Meta app",
        ),
    }
}

fn check_verify_token(settings: &Settings, is_needed: bool) -> CheckResult {
    match settings.whatsapp_verify_token {
        Some(_) => ok("it is set"),
        None => missing(is_needed, "set WHATSAPP_VERIFY_TOKEN to a text of your own, and enter the same text at Meta"),
    }
}

/// Whether the Cloud API is the simulator on this machine, the only one that is called without TLS.
fn is_simulated(settings: &Settings) -> bool {
    settings.whatsapp_api_url.starts_with("http://")
}

/// Returns the URL of the webhook, or the check result that explains why there is none.
fn webhook_url(settings: &Settings, is_needed: bool) -> Result<String, CheckResult> {
    let is_simulated = is_simulated(settings);
    match &settings.public_url {
        Some(url) if url.scheme() == "https" || is_simulated => {
            Ok(format!("{}/webhooks/whatsapp/", url.as_str().trim_end_matches('/')))
        }
        Some(_) => {
            Err(missing(is_needed, "PUBLIC_URL is not https: Meta calls only https URLs with a trusted certificate"))
        }
        None if is_simulated && settings.bind_address.port() != 0 => {
            Ok(format!("http://{}/webhooks/whatsapp/", settings.bind_address))
        }
        None if is_simulated => {
            Err(not_checked("the port of the server is not configured: set BIND_ADDRESS, or PUBLIC_URL"))
        }
        None => Err(missing(is_needed, "set PUBLIC_URL to the https URL at which Meta reaches the server")),
    }
}

async fn check_webhook(settings: &Settings, is_needed: bool) -> CheckResult {
    let url = match webhook_url(settings, is_needed) {
        Ok(url) => url,
        Err(result) => return result,
    };
    let Some(token) = &settings.whatsapp_verify_token else {
        return not_checked(format!("{url} can be checked only with a verify token"));
    };
    match whatsapp::probe_webhook(&url, token, &Uuid::new_v4().simple().to_string()).await {
        WebhookProbeResult::Verified => ok(format!("{url} returns the challenge, as Meta requires")),
        WebhookProbeResult::Unreachable(cause) => not_checked(format!(
            "{url} is not reached from this machine ({cause}). Meta may still reach it: save the URL on Meta's page, \
             which then checks it"
        )),
        WebhookProbeResult::UntrustedCertificate => wrong(format!(
            "the certificate of {url} is not trusted, so Meta refuses it. Use one of a public authority, with its \
             chain"
        )),
        WebhookProbeResult::WrongResponse { status } => wrong(format!("{url} {}", webhook_fault(status))),
    }
}

/// Explains the HTTP status of a webhook that did not return the challenge of the verification.
fn webhook_fault(status: u16) -> String {
    let (fault, next_step) = match status {
        200 => ("does not return the challenge", "is it another program, or a page of the proxy?"),
        300..=399 => ("redirects", "Meta follows no redirects: give the final address"),
        403 => (
            "refuses the verify token",
            "does the server run with the token that is set here? Restart it after a change",
        ),
        404 => ("does not exist", "does the proxy forward /webhooks/whatsapp/ to the server?"),
        500.. => ("fails", "does the server run behind the proxy?"),
        _ => ("does not respond like this server", "is it another program, or a page of the proxy?"),
    };
    format!("{fault} (HTTP status {status}): {next_step}")
}

/// What the Cloud API reports about the access token and the phone numbers of the hotels.
struct AccountCheck {
    checked_at: DateTime<Utc>,
    /// WhatsApp's own clock time at the moment `checked_at` of this machine.
    whatsapp_time: Option<DateTime<Utc>>,
    access_token: CheckResult,
    /// The check results of the WhatsApp numbers, in the order of the hotels.
    numbers: Vec<CheckResult>,
}

async fn check_account(settings: &Settings, hotels: &[&HotelDiagnostics]) -> AccountCheck {
    let clock = clock(settings);
    let without_call = |access_token, cause: &str| AccountCheck {
        checked_at: clock.now(),
        whatsapp_time: None,
        access_token,
        numbers: hotels.iter().map(|_| not_checked(cause)).collect(),
    };
    let client = match settings.whatsapp_client() {
        Ok(Some(client)) => client,
        Ok(None) => {
            let token = missing(
                !hotels.is_empty(),
                "without WHATSAPP_ACCESS_TOKEN nothing is sent or downloaded: replies wait in the outbox",
            );
            return without_call(token, "WhatsApp cannot be called without an access token");
        }
        // Creating the client fails only because of missing root certificates, since the settings are valid.
        Err(error) => {
            return without_call(wrong(format!("{error}: install ca-certificates")), "WhatsApp cannot be called");
        }
    };
    let before = clock.now();
    let response = tokio::time::timeout(WHATSAPP_TIMEOUT, client.server_time()).await;
    let whatsapp_time = response.ok().and_then(Result::ok).flatten();
    // The time of this machine in the middle of the call, less half a second because WhatsApp reports whole seconds.
    let checked_at = before + (clock.now() - before) / 2 - TimeDelta::milliseconds(500);
    let mut access_token = not_checked("it is set; WhatsApp is not called, because no hotel has a number");
    let mut numbers = Vec::with_capacity(hotels.len());
    for hotel in hotels {
        // After a timeout or a refused access token, calls for other hotels would fail the same way.
        if access_token.state == CheckState::Wrong {
            numbers.push(not_checked("see the access token"));
            continue;
        }
        let response = fetch_number(&client, hotel).await;
        access_token = token_result(&response, settings);
        numbers.push(number_result(&response, hotel));
    }
    AccountCheck { checked_at, whatsapp_time, access_token, numbers }
}

async fn fetch_number(client: &CloudApiClient, hotel: &HotelDiagnostics) -> Result<PhoneNumberInfo, CallError> {
    let number = hotel.hotel.whatsapp_phone_number_id.as_deref().unwrap_or_default();
    let response = tokio::time::timeout(WHATSAPP_TIMEOUT, client.phone_number_info(number)).await;
    response.unwrap_or(Err(CallError::NoResponse(whatsapp::NoResponse::TimedOut)))
}

fn is_token_refused(error: &ApiError) -> bool {
    is_token_code(error.code)
}

/// Whether WhatsApp refuses an access token with this error code.
fn is_token_code(code: i64) -> bool {
    policy_for_code(code) == ErrorPolicy::SuspendSender(SuspensionCause::AccessToken)
}

/// The check result of the access token, derived from the response to a query of a phone number.
fn token_result(response: &Result<PhoneNumberInfo, CallError>, settings: &Settings) -> CheckResult {
    match response {
        Err(CallError::Rejected { error, .. }) if is_token_refused(error) => wrong(refused_token(error)),
        Ok(_) | Err(CallError::Rejected { .. } | CallError::NotSent(whatsapp::NotSent::InvalidRequest(_))) => {
            ok("WhatsApp accepts it")
        }
        Err(error) => wrong(format!(
            "WhatsApp is not reached at {} ({error}): may this machine call there?",
            settings.whatsapp_api_url
        )),
    }
}

fn refused_token(error: &ApiError) -> String {
    let next_step = match error.code {
        0 | 190 => {
            "it has expired or is invalid: create a new permanent one, set WHATSAPP_ACCESS_TOKEN, and restart the \
             servers"
        }
        _ => "it lacks a permission: whatsapp_business_messaging and whatsapp_business_management are needed",
    };
    format!("WhatsApp refuses it ({error}); {next_step}")
}

fn number_result(response: &Result<PhoneNumberInfo, CallError>, hotel: &HotelDiagnostics) -> CheckResult {
    let id = hotel.hotel.whatsapp_phone_number_id.as_deref().unwrap_or_default();
    match response {
        Ok(info) => {
            let number = info.display_phone_number.as_deref().unwrap_or("WhatsApp does not report the number");
            let name = info.verified_name.as_deref().map(|name| format!(", “{name}”")).unwrap_or_default();
            let quality = info.quality_rating.as_deref().map(|it| format!(", quality {it}")).unwrap_or_default();
            ok(format!("{number}{name}{quality} (phone number id {id})"))
        }
        Err(CallError::Rejected { error, .. }) if is_token_refused(error) => not_checked("see the access token"),
        Err(CallError::Rejected { error, .. }) if matches!(error.code, 33 | 100) => wrong(format!(
            "this token has no phone number id {id} ({error}): copy the id, not the number itself, from Meta's page, \
             and run `message-manager hotel set {} --whatsapp-phone-number-id ID`",
            hotel.hotel.id
        )),
        // WhatsApp reports a temporary fault or a rate limit.
        Err(CallError::Rejected { error, .. }) if error.policy().retry_delay(0).is_some() => {
            not_checked(format!("WhatsApp cannot check it at the moment ({error}): run doctor again later"))
        }
        Err(CallError::Rejected { error, .. }) => wrong(format!("WhatsApp refuses ({error}): {}", error.sentence())),
        Err(CallError::NotSent(whatsapp::NotSent::InvalidRequest(_))) => {
            wrong(format!("{id} cannot be a phone number id, which consists of digits: copy it from Meta's page"))
        }
        Err(_) => not_checked("see the access token"),
    }
}

fn check_hotels_have_numbers(diagnostics: Option<&Diagnostics>) -> CheckResult {
    let Some(diagnostics) = diagnostics else {
        return not_checked("the database is not available, so the numbers of the hotels cannot be read");
    };
    let without: Vec<String> = diagnostics
        .hotels
        .iter()
        .filter(|it| it.hotel.whatsapp_phone_number_id.is_none())
        .map(|it| it.hotel.id.to_string())
        .collect();
    let next_step = "`message-manager hotel set ID --whatsapp-phone-number-id P`";
    match (diagnostics.hotels.len(), without.len()) {
        (0, _) => not_set("there is no hotel yet: `message-manager hotel create --name NAME`"),
        (_, 0) => ok("every hotel has one"),
        (all, some) if some == all => not_set(format!("no hotel has one: {next_step}")),
        (_, some) => {
            let listed: Vec<String> = without.into_iter().take(MAX_LISTED_HOTELS).collect();
            let more = if some > MAX_LISTED_HOTELS { ", …" } else { "" };
            not_set(format!("{some} hotels have none ({}{more}): {next_step}", listed.join(", ")))
        }
    }
}

/// Ends the suspension of a sender if it is for the present access token, which WhatsApp has just accepted. Running
/// servers then continue. Returns `None` if the sender is not suspended for the token.
async fn resume_sender(desk: &Desk, hotel: &HotelDiagnostics, settings: &Settings) -> Option<CheckResult> {
    let suspended = hotel.stopped.as_ref().filter(|it| is_token_code(it.code))?;
    let token = settings.whatsapp_token_digest();
    if suspended.token != token {
        return None;
    }
    match desk.resume_sender(hotel.hotel.id, token).await {
        Ok(_) => Some(ok(format!(
            "it was suspended (error {}), and WhatsApp accepts the access token again: it continues now. {} wait to be sent",
            suspended.code, hotel.queued
        ))),
        Err(error) => Some(wrong(format!(
            "it is suspended, and WhatsApp accepts the access token again, but this could not be stored ({error}): run \
             doctor again"
        ))),
    }
}

fn check_outbox(hotel: &HotelDiagnostics, settings: &Settings) -> CheckResult {
    let waiting = format!("{} wait to be sent, {} for their guest to write", hotel.queued, hotel.held);
    match &hotel.stopped {
        Some(SuspendedSender { code, token }) if *token == settings.whatsapp_token_digest() => wrong(format!(
            "it is suspended: WhatsApp refused with error {code}. {} {waiting}",
            if is_token_code(*code) {
                "Create a new access token, set it, and restart the servers: waiting messages are then sent. If the token \
                 is accepted again without that, they are sent within five minutes."
            } else {
                "Fix the account at Meta: waiting messages are sent within five minutes after that."
            }
        )),
        Some(SuspendedSender { code, .. }) if hotel.queued > 0 => wrong(format!(
            "it was suspended with another access token (error {code}): restart the servers with the one that is set \
             here. {waiting}"
        )),
        _ => ok(waiting),
    }
}

fn check_guest_messages(hotel: &HotelDiagnostics, settings: &Settings) -> CheckResult {
    let Some(at) = hotel.last_heard else {
        return not_checked("no guest has written yet: write to the number from a phone");
    };
    let age = clock(settings).now() - at;
    ok(format!("the last message came at {} ({})", at.to_rfc3339_opts(SecondsFormat::Secs, true), age_in_words(age)))
}

fn age_in_words(age: TimeDelta) -> String {
    match (age.num_days(), age.num_hours(), age.num_minutes()) {
        (2.., ..) => format!("{} days ago", age.num_days()),
        (_, 2.., _) => format!("{} hours ago", age.num_hours()),
        (.., 2..) => format!("{} minutes ago", age.num_minutes()),
        _ => "just now".to_owned(),
    }
}

fn check_dead_letters(diagnostics: &Diagnostics) -> CheckResult {
    let Some(newest_at) = diagnostics.parked_at else { return ok("all updates from WhatsApp have been processed") };
    let age = diagnostics.now - newest_at;
    let unknown_numbers = match diagnostics.numbers_without_hotel.as_slice() {
        [] => String::new(),
        numbers => format!(" No hotel has the phone number ids {}.", numbers.join(", ")),
    };
    let sentence = format!(
        "{} came that could not be processed, the newest {}.{unknown_numbers} See `message-manager parked list`",
        diagnostics.parked,
        age_in_words(age)
    );
    if age < RECENT_DEAD_LETTERS { wrong(sentence) } else { ok(sentence) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_rounded_down_to_one_unit() {
        for (seconds, words) in [
            (-5, "just now"),
            (119, "just now"),
            (120, "2 minutes ago"),
            (7199, "119 minutes ago"),
            (7200, "2 hours ago"),
            (172_800, "2 days ago"),
        ] {
            assert_eq!(age_in_words(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn each_error_code_of_whatsapp_is_reported_under_the_right_check() {
        let refused = |code| {
            let error = ApiError { code, title: None, details: None, trace: None, transient: false };
            let hotel = HotelDiagnostics {
                hotel: hotel(),
                queued: 0,
                held: 0,
                stopped: None,
                last_heard: None,
                has_active_manager: true,
                staff_without_department: vec![],
                failed_imports: None,
                ending_keys: vec![],
            };
            let response = Err(CallError::Rejected { error, retry_after: None });
            let token = token_result(&response, &Settings::read(|_| None).unwrap());
            (token.state, number_result(&response, &hotel))
        };
        let (token, number) = refused(190);
        assert_eq!((token, number.state), (CheckState::Wrong, CheckState::NotChecked), "{}", number.sentence);
        assert_eq!(refused(200).0, CheckState::Wrong);
        let (token, number) = refused(100);
        assert_eq!((token, number.state), (CheckState::Ok, CheckState::Wrong), "{}", number.sentence);
        assert!(number.sentence.contains("hotel set 7"), "{}", number.sentence);
        let (_, number) = refused(131031);
        assert!(number.state == CheckState::Wrong && number.sentence.contains("locked"), "{}", number.sentence);
        assert_eq!(refused(80007).1.state, CheckState::NotChecked);
    }

    #[test]
    fn each_status_of_the_webhook_names_a_next_step() {
        for (status, words) in
            [(200, "proxy"), (301, "final address"), (403, "Restart"), (404, "forward"), (502, "run")]
        {
            let sentence = webhook_fault(status);
            assert!(sentence.contains(words) && sentence.contains(&status.to_string()), "{sentence}");
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
            variables: domain::hotel::HotelVariables::default(),
            whatsapp_business_account_id: None,
            quiet_hours: None,
        }
    }
}
