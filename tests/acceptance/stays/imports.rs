//! Import of stays over REST. The effects of an import are tested in `guests/imports.rs`.

use acceptance::{ApiClient, ApiResponse, TestHotel, Value, json, on_both, on_sqlite, unique};
use futures_util::future::join_all;

const HEADER: &str = "reservation_code,guest_name,guest_phone,room_number,check_in,check_out";
const MIB: usize = 1024 * 1024;

async fn import(client: &ApiClient, media: &str, body: impl Into<Vec<u8>>) -> ApiResponse {
    client.with("content-type", media).send("POST", "stays/import/", Some(body.into())).await
}

/// A table with one stay.
fn table(hotel: &TestHotel, code: &str) -> String {
    format!("{HEADER}\n{code},Ana,{},1,2030-05-01,2030-05-02\n", hotel.unused_phone())
}

/// The table as a part of a multipart form, after another part.
fn form(boundary: &str, name: &str, table: &str) -> String {
    format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nfrom the reception\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"stays.csv\"\r\n\
         Content-Type: text/csv\r\n\r\n{table}\r\n--{boundary}--\r\n"
    )
}

/// The result of an import without the ids of the stays.
fn without_ids(mut result: Value) -> Value {
    for row in result["rows"].as_array_mut().unwrap() {
        row.as_object_mut().unwrap().remove("id");
    }
    result
}

fn result_of_row(code: &str, result: &str) -> Value {
    json!({ "rows": [{ "row": 1, "reservation_code": code, "result": result }] })
}

on_both!(a_table_is_accepted_as_csv_or_in_a_form, |hotel| {
    let (manager, code) = (hotel.manager().await, unique("R"));
    let table = table(&hotel, &code);
    assert_eq!(without_ids(import(&manager, "text/csv", table.clone()).await.is(200)), result_of_row(&code, "created"));
    let as_form = form("xyz", "file", &table);
    let response = import(&manager, "multipart/form-data; boundary=xyz", as_form).await;
    assert_eq!(without_ids(response.is(200)), result_of_row(&code, "unchanged"));
    let moved = table.replace(",1,", ",2,").replace(',', ";");
    assert_eq!(
        without_ids(import(&manager, "Text/CSV; charset=utf-8", moved).await.is(200)),
        result_of_row(&code, "updated")
    );
    assert_eq!(manager.get("stays/").await.is(200)["results"][0]["room_number"], "2");
    // The same result as on the command line.
    let broken = format!("{HEADER}\nR-1,,600,1,soon,2030-05-02\n");
    assert_eq!(import(&manager, "text/csv", broken.clone()).await.is(200), hotel.import(&broken));
});

on_both!(an_unclosed_quote_refuses_the_whole_table, |hotel| {
    let (manager, code) = (hotel.manager().await, unique("R"));
    let row = |n: u32, name: &str| format!("{code}-{n},{name},{},1,2030-05-01,2030-05-02\n", hotel.unused_phone());
    for rows in [
        [row(1, "Ana"), row(2, "\"Bo"), row(3, "Cy")].concat(),
        [row(1, "Ana"), row(2, "\"Bo"), row(3, "\"Cy\"")].concat(),
    ] {
        let table = format!("{HEADER}\n{rows}");
        let refused = import(&manager, "text/csv", table).await;
        assert_eq!(refused.bad_fields(), ["file"]);
        let error = refused.json()["errors"]["file"][0].as_str().unwrap().to_owned();
        assert!(error.contains("line 3"), "{error}");
    }
    let stays = manager.get("stays/?page_size=100").await.is(200);
    let of_table = |it: &&Value| it["reservation_code"].as_str().unwrap().starts_with(&code);
    assert_eq!(stays["results"].as_array().unwrap().iter().filter(of_table).count(), 0);
});

on_both!(contradicting_rows_of_one_code_fail, |hotel| {
    let (manager, code, other) = (hotel.manager().await, unique("R"), unique("R"));
    let (phone, row) = (hotel.unused_phone(), |code: &str, nights: u32, phone: &str| {
        format!("{code},Ana,{phone},12,2030-05-01,2030-05-{:02}\n", 1 + nights)
    });
    let rows = [row(&code, 1, &phone), row(&other, 1, &phone), row(&code, 2, &phone), row(&other, 1, &phone)];
    let response = import(&manager, "text/csv", format!("{HEADER}\n{}", rows.concat())).await.is(200);
    let results: Vec<&Value> = response["rows"].as_array().unwrap().iter().map(|it| &it["result"]).collect();
    assert_eq!(results, ["failed", "created", "failed", "unchanged"]);
    assert!(response["rows"][0]["errors"]["reservation_code"][0].is_string(), "{response}");
    // Each row alone is valid.
    import(&manager, "text/csv", format!("{HEADER}\n{}", rows[0])).await.is(200);
    assert_eq!(manager.get("stays/").await.is(200)["results"][0]["reservation_code"], json!(code));
});

on_sqlite!(invalid_tables_are_refused, |hotel| {
    let (manager, good) = (hotel.manager().await, table(&hotel, &unique("R")));
    let form_of = |boundary: &str| format!("multipart/form-data; boundary={boundary}");
    for body in ["", "guest_name,room_number\nAna,1\n", "\u{0}"] {
        assert_eq!(import(&manager, "text/csv", body).await.bad_fields(), ["file"], "{body:?}");
    }
    assert_eq!(import(&manager, "text/csv", b"\xff\xfe".to_vec()).await.bad_fields(), ["file"]);
    assert_eq!(import(&manager, &form_of("x"), form("x", "table", &good)).await.bad_fields(), ["file"]);
    assert_eq!(import(&manager, &form_of("y"), form("x", "file", &good)).await.bad_fields(), ["file"]);
    for media in ["application/json", "text/plain", "application/x-www-form-urlencoded"] {
        import(&manager, media, good.clone()).await.problem(415, "unsupported_media_type");
    }
    manager.send("GET", "stays/import/", None).await.problem(405, "method_not_allowed");
    // A table may be larger than other bodies.
    let large = |size: usize| format!("{good}{}\n", "x".repeat(size - good.len() - 1));
    let rows = import(&manager, "text/csv", large(MIB)).await.is(200);
    assert_eq!((&rows["rows"][0]["result"], &rows["rows"][1]["result"]), (&json!("created"), &json!("failed")));
    let problem = import(&manager, "text/csv", large(4 * MIB + 1)).await.problem(413, "too_large");
    assert!(problem["detail"].as_str().unwrap().contains("4096 KiB"), "{problem}");
});

on_both!(a_repeated_idempotency_key_imports_once, |hotel| {
    let (manager, key, code) = (hotel.manager().await, unique("k"), unique("R"));
    let (client, body) = (manager.key(&key), table(&hotel, &code));
    let first = import(&client, "text/csv", body.clone()).await;
    assert_eq!(
        (without_ids(first.is(200)), first.header("idempotent-replay")),
        (result_of_row(&code, "created"), None)
    );
    let id = manager.get("stays/").await.is(200)["results"][0]["id"].clone();
    manager.patch(format!("stays/{id}/"), json!({ "room_number": "9" })).await.is(200);
    let again = import(&client, "text/csv", body.clone()).await;
    assert_eq!((again.is(200), again.header("idempotent-replay")), (first.json(), Some("true")));
    assert_eq!(manager.get("stays/").await.is(200)["results"][0]["room_number"], "9");
    import(&client, "text/csv", table(&hotel, &code)).await.problem(409, "idempotency_mismatch");
    import(&client, "text/csv", "of no use").await.problem(409, "idempotency_mismatch");
    // Multipart bodies are compared by their bytes.
    let client = manager.key(&unique("k"));
    let send = |boundary: &str| {
        let (media, body) = (format!("multipart/form-data; boundary={boundary}"), form(boundary, "file", &body));
        let client = client.clone();
        async move { import(&client, &media, body).await }
    };
    send("one").await.is(200);
    assert_eq!(send("one").await.header("idempotent-replay"), Some("true"));
    send("two").await.problem(409, "idempotency_mismatch");
});

on_both!(concurrent_imports_with_the_same_key_run_once, |hotel| {
    let (manager, code) = (hotel.manager().await, unique("R"));
    let (client, body) = (manager.key(&unique("k")), table(&hotel, &code));
    let responses = join_all((0..8).map(|_| import(&client, "text/csv", body.clone()))).await;
    assert!(responses.iter().all(|it| without_ids(it.is(200)) == result_of_row(&code, "created")), "{responses:?}");
    let replays = responses.iter().filter(|it| it.header("idempotent-replay") == Some("true")).count();
    assert_eq!(replays, 7);
});
