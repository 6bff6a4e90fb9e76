//! Stays: all staff read them, stay handlers create and change them; API keys import them, check guests in and out.

use actix_web::{HttpResponse, http::StatusCode};
use desk::{
    Principal, WriteOutcome,
    stays::{ImportResult, StayChange, StayConversation, StayImportRow, WrittenBooking},
};
use domain::{
    StayId,
    stay::{Cancellation, StayDays},
};
use utoipa::openapi::Type;
use wire::{
    request::{ChangeStayBody, EmptyBody, NewStayBody},
    response::{ConversationDetails, ImportResponse, ImportRowResponse, PageResponse, StayResponse},
};

use super::responses::{json_response, page_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, ParameterValues, get, patch, post},
    problem::{HandlerResult, Problem},
    request::{ApiRequest, page, stay_filter},
};

/// The size limit of an imported CSV file, enough for about 60,000 stays.
const MAX_IMPORT_BYTES: usize = 4 * 1024 * 1024;
const CSV: &str = "text/csv";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/stays/", "List the hotel's stays, last created first.", list_stays)
            .describe(
                "Filters combine with AND. `current`, `arriving` and `leaving` refer to today in the hotel's time \
                 zone.",
            )
            .query("reservation_code", ParameterValues::Words { max: 200 }, "Only those with this reservation code.")
            .query("room", ParameterValues::Words { max: 200 }, "Only those in this room.")
            .query(
                "search",
                ParameterValues::Words { max: 200 },
                "Only those with these words in guest name, room, phone number or reservation code.",
            )
            .query(
                "status",
                Type::String,
                "Only those in one of these statuses, comma-separated: booked, checked_in, checked_out, cancelled, no_show.",
            )
            .query("current", Type::Boolean, "Only current ones: checked in, or not over; neither checked out nor cancelled.")
            .query("arriving", Type::Boolean, "Only those whose first day is today, in the hotel's time zone.")
            .query("leaving", Type::Boolean, "Only those whose last day is today, in the hotel's time zone.")
            .returns_page::<PageResponse<StayResponse>>(),
        post("/api/message_manager/stays/", "Create a stay (stay handlers).", create_stay)
            .describe("The conversation of the guest becomes that of the stay, if it is the guest's first.")
            .idempotent()
            .body::<NewStayBody>()
            .returns::<StayResponse>(201),
        post(
            "/api/message_manager/stays/import/",
            "Import stays from CSV, at most 4 MiB (stay handlers, API keys).",
            import_stays,
        )
        .describe(
            "The first row names the columns; `status`, `part`, `email`, `language` and `note` are optional. Each row is \
             created, updated, unchanged or failed; a failed row stops no other. Rows of one code that differ in room \
             or guest are parts of a booking. With `dry_run=true` nothing is stored. The same table again changes \
             nothing.",
        )
        .query("dry_run", Type::Boolean, "Return the result of each row without storing anything.")
        .idempotent()
        .max_body_bytes(MAX_IMPORT_BYTES)
        .file_body(CSV)
        .returns::<ImportResponse>(200),
        get("/api/message_manager/stays/{id}/", "Show a stay.", show_stay)
            .describe("`conversation_id` is null if the caller may not see the conversation.")
            .returns::<StayResponse>(200)
            .problems(&[404]),
        patch("/api/message_manager/stays/{id}/", "Change a stay (stay handlers).", change_stay)
            .describe("Keys that are not named stay unchanged.")
            .idempotent()
            .body::<ChangeStayBody>()
            .returns::<StayResponse>(200),
        post(
            "/api/message_manager/stays/{id}/check_in/",
            "Check the guest in (stay handlers, API keys).",
            check_in_stay,
        )
        .describe(
            "Creates the conversation of the stay if it is missing, and makes it `active` unless a department has \
             it. A repetition changes nothing.",
        )
        .idempotent()
        .returns::<StayResponse>(200),
        post(
            "/api/message_manager/stays/{id}/check_out/",
            "Check the guest out (stay handlers, API keys).",
            check_out_stay,
        )
        .describe("Closes the conversation. A repetition changes nothing.")
        .idempotent()
        .returns::<StayResponse>(200),
        post(
            "/api/message_manager/stays/{id}/cancel/",
            "Cancel a booked stay (stay handlers, API keys).",
            cancel_stay,
        )
        .describe(
            "Closes the conversation of the stay, unless a department has it. A repetition changes nothing. 409 \
             `not_allowed_now` unless the stay is `booked`.",
        )
        .idempotent()
        .returns::<StayResponse>(200),
        post(
            "/api/message_manager/stays/{id}/no_show/",
            "Record that the guest of a booked stay did not arrive (stay handlers).",
            record_no_show,
        )
        .describe("As a cancellation, with the status `no_show`.")
        .idempotent()
        .returns::<StayResponse>(200),
        post(
            "/api/message_manager/stays/{id}/reinstate/",
            "Make a cancelled or no-show stay booked again (stay handlers).",
            reinstate_stay,
        )
        .describe("A repetition changes nothing. 409 `not_allowed_now` if the guest was checked in or out.")
        .idempotent()
        .returns::<StayResponse>(200),
        post(
            "/api/message_manager/stays/{id}/conversation/",
            "Open the stay's conversation before the guest has written.",
            open_conversation,
        )
        .describe("201 if it was created, 200 if it exists. 409 `no_guest_number` for a stay without phone number.")
        .idempotent()
        .returns::<ConversationDetails>(200)
        .returns::<ConversationDetails>(201),
    ]
}

async fn list_stays(request: ApiRequest<Principal>) -> HandlerResult {
    let mut query = request.query();
    let page = page(&mut query)?;
    let filter = stay_filter(&mut query);
    let filter = query.finish(filter)?;
    let stays = request.desk().list_stays(request.caller, filter, page).await?;
    page_response::<_, StayResponse, _>(&request, page, stays)
}

async fn show_stay(request: ApiRequest<Principal>) -> HandlerResult {
    let stay = request.desk().stay(request.caller, StayId(request.id())).await?;
    Ok(HttpResponse::Ok().json(StayResponse::from(&stay)))
}

async fn open_conversation(request: ApiRequest) -> HandlerResult {
    let details = |opened: &StayConversation| to_json::<_, ConversationDetails>(&opened.view);
    let (_, once) = request.write::<EmptyBody>()?.once(details);
    let outcome = request.desk().open_conversation_of_stay(request.caller, StayId(request.id()), once).await?;
    let is_new = matches!(&outcome, WriteOutcome::Performed(opened) if opened.is_new);
    write_response(if is_new { StatusCode::CREATED } else { StatusCode::OK }, outcome, details)
}

async fn create_stay(request: ApiRequest) -> HandlerResult {
    let write = request.write::<NewStayBody>()?.try_map(booking)?;
    let (new, once) = write.once(to_json::<_, StayResponse>);
    let outcome = request.desk().create_stay(request.caller, new, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, StayResponse>)
}

async fn change_stay(request: ApiRequest) -> HandlerResult {
    let write = request.write::<ChangeStayBody>()?.map(stay_change);
    let (change, once) = write.once(to_json::<_, StayResponse>);
    let outcome = request.desk().change_stay(request.caller, StayId(request.id()), change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StayResponse>)
}

async fn import_stays(request: ApiRequest<Principal>) -> HandlerResult {
    let result_json = |rows: &Vec<StayImportRow>| wire::json(&import_result(rows));
    let mut query = request.query();
    let is_dry_run = query.flag("dry_run");
    let is_dry_run = query.finish(is_dry_run)?;
    let (table, once) = request.write_file(CSV)?.once(result_json);
    if is_dry_run {
        let rows = request.desk().preview_import_as(request.caller, &table).await?;
        return Ok(json_response(StatusCode::OK, result_json(&rows)));
    }
    let outcome = request.desk().import_stays_as(request.caller, &table, once).await?;
    write_response(StatusCode::OK, outcome, result_json)
}

async fn check_in_stay(request: ApiRequest<Principal>) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(to_json::<_, StayResponse>);
    let outcome = request.desk().check_in(request.caller, StayId(request.id()), once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StayResponse>)
}

async fn check_out_stay(request: ApiRequest<Principal>) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(to_json::<_, StayResponse>);
    let outcome = request.desk().check_out(request.caller, StayId(request.id()), once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StayResponse>)
}

async fn cancel_stay(request: ApiRequest<Principal>) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(to_json::<_, StayResponse>);
    let (id, why) = (StayId(request.id()), Cancellation::Cancelled);
    let outcome = request.desk().cancel_stay(request.caller, id, why, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StayResponse>)
}

async fn record_no_show(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(to_json::<_, StayResponse>);
    let (caller, id) = (Principal::Staff(request.caller), StayId(request.id()));
    let outcome = request.desk().cancel_stay(caller, id, Cancellation::NoShow, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StayResponse>)
}

async fn reinstate_stay(request: ApiRequest) -> HandlerResult {
    let (_, once) = request.write::<EmptyBody>()?.once(to_json::<_, StayResponse>);
    let caller = Principal::Staff(request.caller);
    let outcome = request.desk().reinstate_stay(caller, StayId(request.id()), once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StayResponse>)
}

/// The result of an import of stays, as REST and the command line return it.
pub fn import_result(rows: &[StayImportRow]) -> ImportResponse {
    ImportResponse { rows: rows.iter().map(imported_row).collect() }
}

fn imported_row(row: &StayImportRow) -> ImportRowResponse {
    let (result, faults) = match &row.result {
        ImportResult::Created => ("created", None),
        ImportResult::Updated => ("updated", None),
        ImportResult::Unchanged => ("unchanged", None),
        ImportResult::Failed(faults) => ("failed", Some(faults)),
    };
    let errors = faults.map(|faults| {
        let mut errors = wire::FieldErrors::new();
        for (field, sentence) in faults {
            errors.entry(field.clone()).or_default().push(sentence.clone());
        }
        errors
    });
    ImportRowResponse {
        row: row.row as i64,
        reservation_code: row.reservation_code.clone(),
        result,
        id: row.stay.map(|id| id.0),
        errors,
    }
}

fn booking(body: NewStayBody) -> Result<WrittenBooking, Problem> {
    let days = StayDays::new(body.check_in, body.check_out);
    Ok(WrittenBooking {
        reservation_code: body.reservation_code,
        part: body.part,
        guest_name: body.guest_name,
        guest_phone: body.guest_phone,
        room_number: body.room_number,
        days: days.map_err(|error| Problem::invalid("check_out", error.to_string()))?,
        email: body.email,
        language: body.language,
        note: body.note,
    })
}

fn stay_change(body: ChangeStayBody) -> StayChange {
    StayChange {
        reservation_code: body.reservation_code,
        part: body.part,
        guest_name: body.guest_name,
        guest_phone: body.guest_phone,
        room_number: body.room_number,
        check_in: body.check_in,
        check_out: body.check_out,
        email: body.email,
        language: body.language,
        note: body.note,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failed_row_lists_its_errors_by_field() {
        let result_of = |result| {
            json!(import_result(&[StayImportRow { row: 3, reservation_code: "R-1".to_owned(), result, stay: None }]))["rows"]
                .clone()
        };
        let faults = ["a", "b"].map(|sentence| ("check_in".to_owned(), sentence.to_owned())).to_vec();
        let failed = json!({
            "row": 3, "reservation_code": "R-1", "result": "failed", "errors": { "check_in": ["a", "b"] },
        });
        assert_eq!(result_of(ImportResult::Failed(faults)), json!([failed]));
        assert!(result_of(ImportResult::Created)[0].get("errors").is_none());
    }
}
