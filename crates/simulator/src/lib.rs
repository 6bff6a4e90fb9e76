//! A stand-in of the WhatsApp Business Cloud API: for people without a Meta account, and to test with.
//!
//! It shares no code with the rest of message_manager, so that it does not share its mistakes either. It keeps
//! everything in memory, within limits, and listens on loopback only.
//!
//! # What it does
//! - `POST /vN.N/{phone number id}/messages`: texts, templates, media, interactive lists and buttons, reactions,
//!   positions, contacts; marking read and typing. Forms and limits are checked, and answered with the Graph API's
//!   errors. Equal requests are never taken for one. The 24-hour window, the limit of each pair (131056) and that
//!   of each number (130429) are kept. [`Settings`] say how all of it behaves.
//! - Files: `POST /vN.N/{phone number id}/media`, `GET` and `DELETE /vN.N/{media id}`, and the address from which
//!   a file is fetched, which is good for five minutes. `GET /vN.N/{phone number id}` tells of a number.
//! - Statuses and guests' messages are posted to the callback: signed, with only ASCII in the body, in parallel,
//!   each again and again until it is answered with 200, for seven days, by a clock that can be put forward.
//!
//! # Magic numbers
//! `+1999` and eight digits: two that say how, and six that say what. `+199900131026` is refused with 131026, one
//! with 01 is accepted and then fails with it; with 02, only the first two sends are refused; with 10, the rest says
//! what goes wrong with the connection, the answer or the statuses. The file `magic.rs` has the table.
//!
//! # Control
//! JSON, under `/control/`:
//!
//! | call | does |
//! |---|---|
//! | `GET /` | tells the time, how much waits to be told and how much of that is due or under way, how much was noted |
//! | `POST guest/` | a guest writes: `{"from":"+447700900123","text":"Hello"}`; with `messages` any type of message, several; `together`, `times` (copies), `user_id`, `username`, `hide_phone`, `name`, `to` (phone number id), `waba`. A message is Meta's, of which all may be left out; besides, `reply_to` and `media` (`mime_type`, `base64` or `size`, `caption`, `filename`, `wrong_sha256`); null takes a part away |
//! | `POST change/` | any change: `{"field":…,"value":…}` |
//! | `POST post/` | any body: `{"body":"text"}` or `{"json":…}` |
//! | `POST clock/` | `{"advance_seconds":3600}` |
//! | `POST faults/` | what the next sends meet: `{"code":131000,"times":3}`, `"by":"status"`, `"to"`, `"http_status"`, `"retry_after"`; `{"drop":true}`, `{"hang":true}`, `{"status":503}`, each with `"accepted"` (true); `{"slow_ms":5000}`, `{"statuses":"reversed"}`, `{"early":true}`; with `"on":"upload"` or `"media"` what calls about files meet; `DELETE` takes them away |
//! | `POST account/` | `{"token_revoked":true}`, `{"access_token":…}`, `{"error":131042}` (-1: none), `{"maintenance_seconds":60}` |
//! | `GET`, `POST templates/` | the approved templates; adds a [`Template`] |
//! | `GET`, `POST settings/` | the [`Settings`]; changes some |
//! | `GET transcript/` | `?kind=send\|refusal\|mark_read\|upload\|guest\|webhook\|lost&after=N&limit=N` |
//! | `POST verify/` | verifies the callback |
//! | `POST forge/` | sends what the callback must refuse, and tells how each was answered |
//!
//! # Known differences from Meta
//! - What is not listed above is answered with 501: registering, management of templates and accounts, groups, calls,
//!   flows, catalogues, marketing, authentication, `messages` with several recipients.
//! - Webhooks are posted whether or not the callback was verified.
//! - Links in media messages are not fetched; files are not looked into; only their type and size are checked.
//! - A send that is refused has HTTP status 400, 401, 403, 404, 429, 500 or 503 by a table; Meta's pages differ.
//! - A number without `+` is taken as it is: Meta may put the sender's country code before it.
//! - Guests are not asked whether they have WhatsApp: any number does, apart from the magic ones.
//! - A user id may be written to with any message (131062 comes by magic or on request only).
//! - The gaps between attempts to post, and the times of statuses, are choices: Meta tells none.
//! - Keys of JSON objects come in the order of the alphabet.
//! - Template texts are not known, so their length is not checked (132005); nor is whether a guest agreed to be written to.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod bounded;
mod checks;
mod clock;
mod control;
mod errors;
mod escape;
mod faults;
mod forge;
mod guests;
mod inbound;
mod interactive;
mod limits;
mod magic;
mod media;
mod queue;
mod running;
mod sends;
mod server;
mod settings;
mod statuses;
mod templates;
mod transcript;
mod updates;
mod webhooks;
mod world;

pub use running::{Options, Running, StartError, run, start};
pub use settings::{Settings, Window};
pub use templates::{Approval, Header, Template};
