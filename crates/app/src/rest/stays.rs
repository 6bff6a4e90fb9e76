//! Stays: managers book and change them, other systems of the hotel bring them in and say who is there.

use actix_web::{HttpResponse, http::StatusCode};
use desk::{Principal, RowOutcome, RowResult, StayChange, WrittenBooking};
use domain::{Stay, StayId};

use super::{done, paged};
use crate::{
    extract::{Call, Target, Write},
    problem::{Answer, Problem},
};

/// The most bytes of a table of stays: some 60,000 of them.
pub const MOST_IMPORTED: usize = 4 * 1024 * 1024;

/// `GET stays/`
pub async fn list(call: Call) -> Answer {
    let page = call.managers_page().await?;
    let (count, found) = call.desk().stays(call.caller, page).await?;
    let results: Vec<wire::Stay> = found.iter().map(wire::Stay::from).collect();
    Ok(HttpResponse::Ok().json(paged(&call, page, count, results)))
}

/// `POST stays/`
pub async fn create(call: Call) -> Answer {
    let write: Write<WrittenBooking> = call.write_as(Target::Hotel, booking).await?;
    let (new, once) = write.once(stay);
    done(StatusCode::CREATED, call.desk().create_stay(call.caller, new, once).await?, stay)
}

/// `PATCH stays/{id}/`
pub async fn change(call: Call) -> Answer {
    let id = StayId(call.id().await?);
    let write: Write<StayChange> = call.write_as(Target::Stay(id), stay_change).await?;
    let (change, once) = write.once(stay);
    done(StatusCode::OK, call.desk().change_stay(call.caller, id, change, once).await?, stay)
}

/// `POST stays/import/`
pub async fn import(call: Call<Principal>) -> Answer {
    let told = |rows: &Vec<RowOutcome>| wire::json(&imported(rows));
    let (table, once) = call.write_file(Target::Hotel, "text/csv").await?.once(told);
    done(StatusCode::OK, call.desk().import(call.caller, &table, once).await.map_err(Problem::from)?, told)
}

/// `POST stays/{id}/check_in/`
pub async fn check_in(call: Call<Principal>) -> Answer {
    let id = StayId(call.id().await?);
    let write: Write<wire::Nothing> = call.write(Target::Stay(id)).await?;
    let (_, once) = write.once(stay);
    done(StatusCode::OK, call.desk().check_in(call.caller, id, once).await?, stay)
}

/// `POST stays/{id}/check_out/`
pub async fn check_out(call: Call<Principal>) -> Answer {
    let id = StayId(call.id().await?);
    let write: Write<wire::Nothing> = call.write(Target::Stay(id)).await?;
    let (_, once) = write.once(stay);
    done(StatusCode::OK, call.desk().check_out(call.caller, id, once).await?, stay)
}

/// What came of a table, as it is told here and on the command line.
pub fn imported(rows: &[RowOutcome]) -> wire::Imported {
    wire::Imported { rows: rows.iter().map(row).collect() }
}

fn row(it: &RowOutcome) -> wire::ImportedRow {
    let (result, faults) = match &it.result {
        RowResult::Created => ("created", None),
        RowResult::Updated => ("updated", None),
        RowResult::Unchanged => ("unchanged", None),
        RowResult::Failed(faults) => ("failed", Some(faults)),
    };
    let errors = faults.map(|faults| {
        let mut errors = wire::FieldErrors::new();
        for (field, sentence) in faults {
            errors.entry(field.clone()).or_default().push(sentence.clone());
        }
        errors
    });
    wire::ImportedRow { row: it.row as i64, reservation_code: it.reservation_code.clone(), result, errors }
}

fn booking(it: wire::NewStay) -> Result<WrittenBooking, Problem> {
    let wire::NewStay { reservation_code, guest_name, guest_phone, room_number, check_in, check_out } = it;
    Ok(WrittenBooking { reservation_code, guest_name, guest_phone, room_number, check_in, check_out })
}

fn stay_change(it: wire::ChangeStay) -> Result<StayChange, Problem> {
    let wire::ChangeStay { reservation_code, guest_name, guest_phone, room_number, check_in, check_out } = it;
    Ok(StayChange { reservation_code, guest_name, guest_phone, room_number, check_in, check_out })
}

fn stay(it: &Stay) -> String {
    wire::json(&wire::Stay::from(it))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failed_row_says_why() {
        let told = |result| json!(imported(&[RowOutcome { row: 3, reservation_code: "R-1".to_owned(), result }]));
        let faults = ["a", "b"].map(|sentence| ("check_in".to_owned(), sentence.to_owned())).to_vec();
        let failed = json!({
            "row": 3, "reservation_code": "R-1", "result": "failed", "errors": { "check_in": ["a", "b"] },
        });
        assert_eq!(told(RowResult::Failed(faults))["rows"], json!([failed]));
        assert!(told(RowResult::Created)["rows"][0].get("errors").is_none());
    }
}
