//! Stays: managers create and change them; API keys import them, check guests in and out.

use actix_web::http::StatusCode;
use desk::{
    Principal,
    stays::{ImportResult, StayChange, StayImportRow, WrittenBooking},
};
use domain::StayId;
use wire::{
    request::{ChangeStayBody, EmptyBody, NewStayBody},
    response::{ImportResponse, ImportRowResponse, PageResponse, StayResponse},
};

use super::responses::{page_response, to_json, write_response};
use crate::{
    endpoint::{Endpoint, get, patch, post},
    problem::{HandlerResult, Problem},
    request::ApiRequest,
};

/// The size limit of an imported CSV file, enough for about 60,000 stays.
const MAX_IMPORT_BYTES: usize = 4 * 1024 * 1024;
const CSV: &str = "text/csv";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/api/message_manager/stays/", "List the hotel's stays, newest first (managers).", list_stays)
            .returns_page::<PageResponse<StayResponse>>(),
        post("/api/message_manager/stays/", "Create a stay (managers).", create_stay)
            .idempotent()
            .body::<NewStayBody>()
            .returns::<StayResponse>(201),
        post(
            "/api/message_manager/stays/import/",
            "Import stays from CSV, at most 4 MiB (managers, API keys).",
            import_stays,
        )
        .idempotent()
        .max_body_bytes(MAX_IMPORT_BYTES)
        .file_body(CSV)
        .returns::<ImportResponse>(200),
        patch("/api/message_manager/stays/{id}/", "Change a stay (managers).", change_stay)
            .idempotent()
            .body::<ChangeStayBody>()
            .returns::<StayResponse>(200),
        post("/api/message_manager/stays/{id}/check_in/", "Check the guest in (managers, API keys).", check_in_stay)
            .idempotent()
            .returns::<StayResponse>(200),
        post("/api/message_manager/stays/{id}/check_out/", "Check the guest out (managers, API keys).", check_out_stay)
            .idempotent()
            .returns::<StayResponse>(200),
    ]
}

async fn list_stays(request: ApiRequest) -> HandlerResult {
    let page = request.page()?;
    let stays = request.desk().list_stays(request.caller, page).await?;
    page_response::<_, StayResponse>(&request, page, stays)
}

async fn create_stay(request: ApiRequest) -> HandlerResult {
    let write = request.write::<NewStayBody>()?.try_map(booking)?;
    let (new, once) = write.once(to_json::<_, StayResponse>);
    let outcome = request.desk().create_stay(request.caller, new, once).await?;
    write_response(StatusCode::CREATED, outcome, to_json::<_, StayResponse>)
}

async fn change_stay(request: ApiRequest) -> HandlerResult {
    let write = request.write::<ChangeStayBody>()?.try_map(stay_change)?;
    let (change, once) = write.once(to_json::<_, StayResponse>);
    let outcome = request.desk().change_stay(request.caller, StayId(request.id()), change, once).await?;
    write_response(StatusCode::OK, outcome, to_json::<_, StayResponse>)
}

async fn import_stays(request: ApiRequest<Principal>) -> HandlerResult {
    let result_json = |rows: &Vec<StayImportRow>| wire::json(&import_result(rows));
    let (table, once) = request.write_file(CSV)?.once(result_json);
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
    ImportRowResponse { row: row.row as i64, reservation_code: row.reservation_code.clone(), result, errors }
}

fn booking(body: NewStayBody) -> Result<WrittenBooking, Problem> {
    let NewStayBody { reservation_code, guest_name, guest_phone, room_number, check_in, check_out } = body;
    Ok(WrittenBooking { reservation_code, guest_name, guest_phone, room_number, check_in, check_out })
}

fn stay_change(body: ChangeStayBody) -> Result<StayChange, Problem> {
    let ChangeStayBody { reservation_code, guest_name, guest_phone, room_number, check_in, check_out } = body;
    Ok(StayChange { reservation_code, guest_name, guest_phone, room_number, check_in, check_out })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failed_row_lists_its_errors_by_field() {
        let result_of = |result| {
            json!(import_result(&[StayImportRow { row: 3, reservation_code: "R-1".to_owned(), result }]))["rows"]
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
