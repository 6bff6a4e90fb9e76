//! Responses with reports and the audit log.

use domain::{
    AuditActorKind, AuditRecord,
    report::{DurationSummary, ReportFigures},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{enum_schemas, time::Timestamp};

/// Median and 90th percentile of durations in seconds.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = DurationSummary)]
pub struct DurationSummaryResponse {
    /// The median, in whole seconds; null without durations.
    #[schema(required, minimum = 0)]
    pub median: Option<i64>,
    /// The 90th percentile, in whole seconds; null without durations.
    #[schema(required, minimum = 0)]
    pub p90: Option<i64>,
}

/// A row of a report.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportRow)]
pub struct ReportRowResponse {
    /// The date, or the id of the department or staff member; null for the total, and for what has no department or staff
    /// member.
    #[schema(schema_with = enum_schemas::report_key, required)]
    pub key: Option<ReportKeyResponse>,
    /// The date, or the present name of the department or staff member; null if `key` is null.
    #[schema(required)]
    pub name: Option<String>,
    /// Conversations in which a guest or staff wrote.
    #[schema(minimum = 0)]
    pub conversations: i64,
    /// Messages of guests.
    #[schema(minimum = 0)]
    pub guest_messages: i64,
    /// Messages of staff to guests that neither failed nor were taken back.
    #[schema(minimum = 0)]
    pub staff_messages: i64,
    /// From the first message of a waiting guest to the answer.
    pub first_response_seconds: DurationSummaryResponse,
    /// From the opening of a conversation to its closing by staff.
    pub resolution_seconds: DurationSummaryResponse,
    /// Share of the answers that came before they were due; null if none was due.
    #[schema(required, minimum = 0, maximum = 1, example = 0.875)]
    pub within_target: Option<f64>,
    /// Waits in which no answer came before it was due.
    #[schema(minimum = 0)]
    pub missed: i64,
}

/// The key of a row: a date or an id.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum ReportKeyResponse {
    /// A date, as `YYYY-MM-DD`.
    Date(String),
    /// The id of a department or staff member.
    Id(i64),
}

/// A report about messages and answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Report)]
pub struct ReportResponse {
    /// First day of the report, in the hotel's time zone.
    #[schema(example = "2026-11-01", pattern = r"^\d{4}-\d\d-\d\d$")]
    pub from: String,
    /// Last day of the report, in the hotel's time zone.
    #[schema(example = "2026-11-30", pattern = r"^\d{4}-\d\d-\d\d$")]
    pub to: String,
    /// The hotel's time zone, in which the days are counted.
    #[schema(example = "Europe/Lisbon")]
    pub timezone: String,
    /// The figures of all rows together.
    pub total: ReportRowResponse,
    /// The rows: days in their order; departments or staff members by id, last what has none.
    pub rows: Vec<ReportRowResponse>,
}

impl ReportRowResponse {
    /// Makes a row of its figures.
    pub fn new(key: Option<ReportKeyResponse>, name: Option<String>, figures: &ReportFigures) -> Self {
        let summary = |durations: &[i64]| DurationSummaryResponse::from(DurationSummary::of(durations));
        Self {
            key,
            name,
            conversations: figures.conversations,
            guest_messages: figures.guest_messages,
            staff_messages: figures.staff_messages,
            first_response_seconds: summary(&figures.first_responses),
            resolution_seconds: summary(&figures.resolutions),
            within_target: figures.share_within_target().map(|share| (share * 10_000.0).round() / 10_000.0),
            missed: figures.missed,
        }
    }
}

impl From<Option<DurationSummary>> for DurationSummaryResponse {
    fn from(summary: Option<DurationSummary>) -> Self {
        Self { median: summary.map(|it| it.median), p90: summary.map(|it| it.p90) }
    }
}

/// Who made an audited change.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
pub struct AuditActorResponse {
    /// What the actor is; `system`: the program itself, or a person who is not known.
    #[schema(schema_with = enum_schemas::names_of::<AuditActorKind>)]
    pub r#type: &'static str,
    /// Id of the staff member or API key; otherwise null.
    #[schema(required, minimum = 1)]
    pub id: Option<i64>,
    /// Present name of the staff member or API key; otherwise null.
    #[schema(required)]
    pub name: Option<String>,
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct AuditRecordResponse {
    /// Id of the entry.
    #[schema(minimum = 1)]
    pub id: i64,
    /// Time of the change.
    pub at: Timestamp,
    /// Who made the change.
    pub actor: AuditActorResponse,
    /// What was changed, as a fixed word. Later versions add words.
    #[schema(example = "transferred")]
    pub action: String,
    /// The conversation that was changed; otherwise null.
    #[schema(required, minimum = 1)]
    pub conversation_id: Option<i64>,
    /// Present name of the guest of that conversation; otherwise null.
    #[schema(required)]
    pub guest_name: Option<String>,
    /// The staff member who was changed; otherwise null.
    #[schema(required, minimum = 1)]
    pub staff_id: Option<i64>,
    /// Present name of that staff member; otherwise null.
    #[schema(required)]
    pub staff_name: Option<String>,
    /// Network address of the request, for sign-ins and changes of staff members; otherwise null.
    #[schema(required)]
    pub address: Option<String>,
    /// The value before the change, as a text for people; null if there was none.
    #[schema(required)]
    pub before: Option<String>,
    /// The value after the change, as a text for people; null if there is none.
    #[schema(required)]
    pub after: Option<String>,
}

impl From<&AuditRecord> for AuditRecordResponse {
    fn from(entry: &AuditRecord) -> Self {
        let actor = &entry.actor;
        Self {
            id: entry.id.0,
            at: Timestamp(entry.at),
            actor: AuditActorResponse { r#type: actor.kind.as_str(), id: actor.id, name: actor.name.clone() },
            action: entry.action.clone(),
            conversation_id: entry.conversation.as_ref().map(|(id, _)| id.0),
            guest_name: entry.conversation.as_ref().map(|(_, name)| name.clone()),
            staff_id: entry.staff.as_ref().map(|(id, _)| id.0),
            staff_name: entry.staff.as_ref().map(|(_, name)| name.clone()),
            address: entry.address.map(|it| it.to_string()),
            before: entry.before.clone(),
            after: entry.after.clone(),
        }
    }
}
