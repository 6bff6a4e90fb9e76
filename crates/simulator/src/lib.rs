//! A simulator of the WhatsApp Business Cloud API, for tests, and for people without a Meta account.
//!
//! It shares no code with the rest of message_manager, so that no mistake is shared either. All data is in memory, with
//! limits. It listens on loopback only.
//!
//! [`start_simulator`] starts a simulator with [`SimulatorOptions`], and returns a [`RunningSimulator`].
//! [`SimulatorSettings`] control its behaviour, and can be changed while it runs.
//!
//! # Graph API
//! - `POST /vN.N/{phone number id}/messages` sends texts, templates, media, interactive lists and buttons, reactions,
//!   locations and contacts, and marks messages as read, with a typing indicator. Forms and limits are validated, with
//!   the errors of the Graph API. Equal requests are separate messages. The 24-hour window, the pair rate limit
//!   (131056) and the throughput of a number (130429) are enforced.
//! - `POST /vN.N/{phone number id}/media` uploads a file. `GET` and `DELETE /vN.N/{media id}` look it up and delete it.
//!   The parameters of an upload may be in the query. The download URL of a look-up is valid for five minutes. `GET /vN.N/{phone number id}` returns a phone number.
//! - `GET /vN.N/{account id}/message_templates` lists the templates in pages (`limit`, `after`).
//! - Receipts and guest messages are posted to the callback: signed, in ASCII, in parallel. Each is retried for seven
//!   days until the response is 200. Time is that of a clock that can be advanced.
//!
//! # Magic numbers
//! `+1999` and eight digits: two select the kind, six the error code or behaviour. `+199900131026` is rejected with
//! 131026. With 01 instead of 00 the message is accepted, then fails with the code. With 02 only the first two sends
//! are rejected. With 10 the six digits select a fault of the connection, the response or the receipts. The file
//! `magic_numbers.rs` has the table.
//!
//! # Control API
//! JSON below `/control/`:
//!
//! | call | effect |
//! |---|---|
//! | `GET /` | returns the time, the number of queued webhooks (`waiting_to_be_told`), of due ones (`due_to_be_told`), and of transcript entries |
//! | `POST guest/` | a guest writes: `{"from":"+447700900123","text":"Hello"}`, or `messages` with several messages of any type; `together`, `times` (copies), `user_id` (by default one of the number; `without_user_id`; without `from` too, one of four guests as they are since 2026 writes), `username`, `hide_phone`, `name`, `to` (phone number id), `waba`. A message has Meta's form, and missing fields get default values; also `reply_to` and `media` (`mime_type`, `base64` or `size`, `caption`, `filename`, `wrong_sha256`); null removes a field |
//! | `POST change/` | posts any change: `{"field":…,"value":…}` |
//! | `POST post/` | posts any body: `{"body":"text"}` or `{"json":…}` |
//! | `POST clock/` | advances the clock: `{"advance_seconds":3600}` |
//! | `POST faults/` | adds a fault of the next sends: `{"code":131000,"times":3}`, `"by":"status"`, `"to"`, `"http_status"`, `"retry_after"`; `{"drop":true}`, `{"hang":true}`, `{"status":503}`, each with `"accepted"` (true); `{"slow_ms":5000}`, `{"statuses":"reversed"}`, `{"early":true}`; with `"on":"upload"` or `"media"` of the next file calls; `DELETE` clears all faults |
//! | `POST account/` | `{"token_revoked":true}`, `{"access_token":…}`, `{"error":131042}` (-1: none), `{"maintenance_seconds":60}` |
//! | `GET`, `POST`, `DELETE templates/` | lists the approved templates; adds a [`SimulatedTemplate`]; removes the one of `?name=&language=` |
//! | `GET`, `POST settings/` | returns the [`SimulatorSettings`]; changes some |
//! | `GET transcript/` | `?kind=send\|refusal\|mark_read\|upload\|guest\|webhook\|lost&after=N&limit=N` |
//! | `POST verify/` | verifies the callback |
//! | `POST forge/` | posts forged webhooks, which the callback must refuse, and returns the status of each |
//!
//! # Known differences from Meta
//! - Calls that are not listed above get 501: registration, management of templates and accounts, groups, calls, flows,
//!   catalogues, marketing, authentication, `messages` with several recipients.
//! - Webhooks are posted even if the callback is not verified.
//! - Links in media messages are not downloaded. Of files only type and size are validated.
//! - A rejected send has HTTP status 400, 401, 403, 404, 429, 500 or 503 by a table; Meta's documentation is
//!   inconsistent.
//! - A number without `+` is used unchanged; Meta may add the sender's country code.
//! - Every number has WhatsApp, except magic numbers.
//! - A user id accepts every message type (131062 comes only from magic numbers or requested faults).
//! - The delays of retries and receipts are guesses, because Meta does not document them.
//! - The keys of JSON objects are in alphabetical order.
//! - Template texts are unknown, so their length is not validated (132005), nor is the guest's consent to marketing.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod bounded_map;
mod clock;
mod control;
mod delivery_queue;
mod faults;
mod forgeries;
mod graph_error;
mod guest_messages;
mod guests;
mod interactive_checks;
mod json_fields;
mod lifecycle;
mod magic_numbers;
mod media;
mod meta_json;
mod meta_limits;
mod options;
mod receipts;
mod send_behavior;
mod send_checks;
mod sends;
mod server;
mod settings;
mod state;
mod templates;
mod transcript;
mod updates;
mod verification;
mod webhooks;

pub use lifecycle::{RunningSimulator, StartError, run_until_signal, start_simulator};
pub use options::SimulatorOptions;
pub use settings::{SimulatorSettings, WindowPolicy};
pub use templates::{ApprovalStatus, SimulatedTemplate, TemplateHeader};
