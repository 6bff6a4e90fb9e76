//! Tables of booking systems: optional columns and cells, statuses, parts of bookings, empty rows.

use acceptance::{TestHotel, Value, json, on_both, unique};

use super::conversation_of;

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";

/// Imports a table, after a preview that must return the same.
async fn import(hotel: &TestHotel, table: &str) -> Value {
    let manager = hotel.manager().await.with("content-type", "text/csv");
    let send = async |path: &str| manager.send("POST", path, Some(table.as_bytes().to_vec())).await.is(200);
    let preview = send("stays/import/?dry_run=true").await;
    let imported = send("stays/import/").await;
    let without_new_ids = |result: &Value| {
        let mut result = result.clone();
        for row in result["rows"].as_array_mut().unwrap() {
            row.as_object_mut().unwrap().remove("id");
        }
        result
    };
    assert_eq!(without_new_ids(&preview), without_new_ids(&imported));
    imported
}

fn results(imported: &Value) -> Vec<&str> {
    imported["rows"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

/// The stays of a booking, first part first.
async fn parts_of(hotel: &TestHotel, code: &str) -> Vec<Value> {
    let found = hotel.manager().await.get(format!("stays/?reservation_code={code}")).await.is(200);
    let mut stays = found["results"].as_array().unwrap().clone();
    stays.sort_by_key(|stay| stay["part"].as_i64());
    stays
}

on_both!(tables_are_read_as_booking_systems_write_them, |hotel| {
    let (one, two, three) = (unique("R"), unique("R"), unique("R"));
    let table = format!(
        "\u{feff}sep=\t\r\n\r\nReservation_Code\tGUEST_NAME\tguest phone\tRoom_Number\tCheck_In\tCheck_Out\tSTATUS\tNotes\tLanguage\r\n\
         {one}\tAna\t\t\t2030-05-01\t2030-05-02\tConfirmed\tLate arrival\tde_AT\r\n\
         \r\n\
         \t\t\t\t\t\t\t\t\r\n\
         {two}\tBea\t\t12\t2030-05-01\t2030-05-02\tStorniert\t\t\r\n\
         {three}\tCleo\t\t13\t2030-05-01\t2030-05-02\tperhaps\t\t\r\n"
    );
    let imported = import(&hotel, &table).await;
    assert_eq!(results(&imported), ["created", "created", "failed"]);
    let numbers: Vec<&Value> = imported["rows"].as_array().unwrap().iter().map(|row| &row["row"]).collect();
    assert_eq!(numbers, [1, 4, 5]);
    assert!(imported["rows"][2]["errors"]["status"][0].is_string(), "{imported}");
    let stay = &parts_of(&hotel, &one).await[0];
    assert_eq!(
        (&stay["note"], &stay["language"], &stay["guest_phone"]),
        (&json!("Late arrival"), &json!("de-AT"), &json!(null))
    );
    assert_eq!(parts_of(&hotel, &two).await[0]["status"], "cancelled");
    // An import from the command line exits 1 because of the failed row, and prints the same rows.
    let file = hotel.world.folder().join(format!("{}.csv", unique("stays")));
    std::fs::write(&file, &table).unwrap();
    for arguments in [&["--dry-run"][..], &[]] {
        let (path, id) = (file.display().to_string(), hotel.id.to_string());
        let output = hotel.world.run(&[&["import-stays", path.as_str(), "--hotel", id.as_str()], arguments].concat());
        assert!(output.fails(1).contains("Rows that failed: 1."), "{output:?}");
    }
});

on_both!(empty_cells_keep_stored_values, |hotel| {
    let (code, phone) = (unique("R"), hotel.unused_phone());
    let header = format!("{HEADER},email,note,status");
    let full = format!("{header}\n{code},Ana,{phone},12,2020-01-01,2099-01-01,ana@example.com,Nuts,checked in\n");
    assert_eq!(results(&import(&hotel, &full).await), ["created"]);
    let stored = parts_of(&hotel, &code).await;
    assert_eq!((&stored[0]["status"], &stored[0]["conversation_id"]), (&json!("checked_in"), &json!(null)));
    for empty in [
        format!("{header}\n{code},Ana,,,2020-01-01,2099-01-01,,,\n"),
        format!("{HEADER}\n{code},Ana,,,2020-01-01,2099-01-01\n"),
        // A table that is older than the check-in does not undo it.
        format!("{HEADER},status\n{code},Ana,,,2020-01-01,2099-01-01,booked\n"),
    ] {
        assert_eq!(results(&import(&hotel, &empty).await), ["unchanged"]);
        assert_eq!(parts_of(&hotel, &code).await, stored);
    }
    let cancelled = format!("{HEADER},status\n{code},Ana,,,2020-01-01,2099-01-01,cancelled\n");
    let refused = import(&hotel, &cancelled).await;
    assert!(refused["rows"][0]["errors"]["status"][0].is_string(), "{refused}");
});

on_both!(rows_of_one_code_are_parts_of_a_booking, |hotel| {
    let (code, phones) = (unique("R"), [(); 2].map(|()| hotel.unused_phone()));
    let row =
        |guest: &str, phone: &str, room: &str, last: &str| format!("{code},{guest},{phone},{room},2020-01-01,{last}\n");
    let table = |rows: &[String]| format!("{HEADER}\n{}", rows.concat());
    let ana = row("Ana", &phones[0], "101", "2099-01-01");
    let bea = row("Bea", &phones[1], "102", "2099-01-01");
    let imported = import(&hotel, &table(&[ana.clone(), bea.clone()])).await;
    assert_eq!(results(&imported), ["created", "created"]);
    let stays = parts_of(&hotel, &code).await;
    let rooms: Vec<&Value> = stays.iter().map(|stay| &stay["room_number"]).collect();
    assert_eq!(rooms, ["101", "102"]);
    assert_eq!(imported["rows"][1]["id"], stays[1]["id"]);
    let manager = hotel.manager().await;
    assert_eq!(conversation_of(&hotel, &manager, &json!(phones[1])).await["stay_id"], stays[1]["id"]);
    // In any order; Bea moves, Ana has no room in this table.
    let moved = table(&[row("Bea", "", "103", "2099-01-01"), row("Ana", "", "", "2099-01-01")]);
    assert_eq!(results(&import(&hotel, &moved).await), ["updated", "unchanged"]);
    // Rows that agree in room and guest must not contradict each other.
    let contradicting =
        table(&[ana.clone(), row("Ana", "", "101", "2098-01-01"), row("Cleo", "", "104", "2099-01-01")]);
    let imported = import(&hotel, &contradicting).await;
    assert_eq!(results(&imported), ["failed", "failed", "created"]);
    assert!(imported["rows"][0]["errors"]["reservation_code"][0].is_string(), "{imported}");
    // A part that the table numbers.
    let numbered = format!("{HEADER},part\n{code},Ana Maria,,101,2020-01-01,2099-01-01,1\n");
    assert_eq!(results(&import(&hotel, &numbered).await), ["updated"]);
    let names: Vec<Value> = parts_of(&hotel, &code).await.iter().map(|stay| stay["guest_name"].clone()).collect();
    assert_eq!(names, ["Ana Maria", "Bea", "Cleo"]);
});

on_both!(a_departure_in_a_table_ends_the_stay_on_its_last_day, |hotel| {
    let (code, phone) = (unique("R"), hotel.unused_phone());
    let table = format!("{HEADER},status\n{code},Ana,{phone},12,2020-01-01,2020-01-05,departed\n");
    assert_eq!(results(&import(&hotel, &table).await), ["created"]);
    let stay = &parts_of(&hotel, &code).await[0];
    assert_eq!(stay["status"], "checked_out");
    assert!(stay["checked_out_at"].as_str().unwrap().starts_with("2020-01-0"), "{stay}");
    let manager = hotel.manager().await;
    assert_eq!(conversation_of(&hotel, &manager, &json!(phone)).await["stay_id"], json!(null));
});
