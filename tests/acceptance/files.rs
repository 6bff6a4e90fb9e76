//! Files of messages in a page: thumbnails, inline display, parts of files, and the session cookie.

use acceptance::{ApiClient, ApiResponse, StaffClient, TestStay, Value, json, on_both, on_sqlite};
use base64::{Engine, prelude::BASE64_STANDARD};

use crate::reply::upload;

/// A grey picture (PNG) of 800 × 400 pixels.
const PICTURE: &str = "\
    iVBORw0KGgoAAAANSUhEUgAAAyAAAAGQCAAAAABzTlvoAAADGUlEQVR42u3TAQkAAAzDsOmcfyFTcAGHREKhKXCKBGAQMAgYBAwCBgGDgEHAIG\
    AQwCBgEDAIGAQMAgYBg4BBwCBgEMAgYBAwCBgEDAIGAYOAQcAggEHAIGAQMAgYBAwCBgGDgEHAIIBBwCBgEDAIGAQMAgYBg4BBAIOAQcAgYBAw\
    CBgEDAIGAYOAQQCDgEHAIGAQMAgYBAwCBgGDAAYBg4BBwCBgEDAIGAQMAgYBgwAGAYOAQcAgYBAwCBgEDAIGAYNIAAYBg4BBwCBgEDAIGAQMAg\
    YBDAIGAYOAQcAgYBAwCBgEDAIGAQwCBgGDgEHAIGAQMAgYBAwCGAQMAgYBg4BBwCBgEDAIGAQMAhgEDAIGAYOAQcAgYBAwCBgEMAgYBAwCBgGD\
    gEHAIGAQMAgYBDAIGAQMAgYBg4BBwCBgEDAIYBAwCBgEDAIGAYOAQcAgYBAwCGAQMAgYBAwCBgGDgEHAIGAQMIgEYBAwCBgEDAIGAYOAQcAgYB\
    DAIGAQMAgYBAwCBgGDgEHAIGAQwCBgEDAIGAQMAgYBg4BBwCCAQcAgYBAwCBgEDAIGAYOAQcAggEHAIGAQMAgYBAwCBgGDgEEAg4BBwCBgEDAI\
    GAQMAgYBg4BBAIOAQcAgYBAwCBgEDAIGAYMABgGDgEHAIGAQMAgYBAwCBgGDAAYBg4BBwCBgEDAIGAQMAgYBg0gABgGDgEHAIGAQMAgYBAwCBg\
    EMAgYBg4BBwCBgEDAIGAQMAgYBDAIGAYOAQcAgYBAwCBgEDAIYBAwCBgGDgEHAIGAQMAgYBAwCGAQMAgYBg4BBwCBgEDAIGAQwCBgEDAIGAYOA\
    QcAgYBAwCBgEMAgYBAwCBgGDgEHAIGAQMAhgEDAIGAQMAgYBg4BBwCBgEDAIYBAwCBgEDAIGAYOAQcAgYBAwiARgEDAIGAQMAgYBg4BBwCBgEM\
    AgYBAwCBgEDAIGAYOAQcAgYBDAIGAQMAgYBAwCBgGDgEHAIIBBwCBgEDAIGAQMAgYBg4BBwCCAQcAgYBAwCBgEDAIGAYOAQQCDgEHAIGAQMAgY\
    BAwC/w2TEI26KWvcfgAAAABJRU5ErkJggg==";

fn picture() -> Vec<u8> {
    BASE64_STANDARD.decode(PICTURE).unwrap()
}

/// Uploads a file and returns its attachment.
async fn attach(staff: &StaffClient, stay: &TestStay, (name, media): (&str, &str), bytes: &[u8]) -> Value {
    upload(staff, stay, (name, media), bytes, None).await.is(201)["attachments"][0].clone()
}

fn path_of(file: &Value) -> String {
    format!("attachments/{}/", file["id"])
}

/// Width and height of a JPEG.
fn jpeg_size(bytes: &[u8]) -> (u16, u16) {
    assert!(bytes.starts_with(b"\xff\xd8"), "no JPEG");
    let frame = bytes.windows(2).position(|it| it == b"\xff\xc0").expect("no frame");
    let side = |at: usize| u16::from_be_bytes([bytes[frame + at], bytes[frame + at + 1]]);
    (side(7), side(5))
}

/// A client of the same person that has only the session cookie.
fn by_cookie(client: &StaffClient) -> ApiClient {
    client.without("authorization").with("cookie", &client.cookie)
}

on_both!(a_picture_has_a_size_and_a_thumbnail, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let file = attach(&staff, &stay, ("pool.png", "image/png"), &picture()).await;
    assert_eq!((&file["width"], &file["height"]), (&json!(800), &json!(400)));
    let listed = staff.get(stay.path("messages/")).await.is(200);
    assert_eq!(listed.as_array().unwrap().last().unwrap()["attachments"][0], file);
    let path = format!("{}?thumbnail=320", path_of(&file));
    let thumbnail = staff.get(&path).await;
    assert_eq!((thumbnail.status, thumbnail.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(jpeg_size(&thumbnail.body), (320, 160));
    assert_eq!(thumbnail.header("cache-control"), Some("private, no-cache"));
    let etag = thumbnail.header("etag").unwrap();
    assert_ne!(Some(etag), staff.get(path_of(&file)).await.header("etag"));
    let again = staff.with("if-none-match", etag).get(&path).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    // A thumbnail is as visible as its conversation, also for those who know its entity tag.
    hotel.of(1).await.with("if-none-match", etag).get(&path).await.problem(404, "not_found");
    assert_eq!(staff.get(format!("{}?thumbnail=64", path_of(&file))).await.bad_fields(), ["thumbnail"]);
    for (name, media, bytes) in [
        ("note.txt", "text/plain", b"no picture".as_slice()),
        ("broken.png", "image/png", &picture()[..60]),
        ("fake.jpg", "image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\0"),
        ("x.svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
    ] {
        let file = attach(&staff, &stay, (name, media), bytes).await;
        staff.get(format!("{}?thumbnail=320", path_of(&file))).await.problem(404, "not_found");
        // The head of the damaged picture still has its size.
        assert_eq!(file["width"].is_null(), name != "broken.png", "{file}");
    }
});

on_sqlite!(many_thumbnails_at_once_are_all_answered, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let file = attach(&staff, &stay, ("pool.png", "image/png"), &picture()).await;
    let path = format!("{}?thumbnail=320", path_of(&file));
    let requests: Vec<_> = (0..3).map(|_| staff.get(&path)).collect();
    for thumbnail in futures_util::future::join_all(requests).await {
        assert_eq!(jpeg_size(&thumbnail.body), (320, 160));
    }
});

on_sqlite!(only_harmless_types_are_shown_inline, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for (name, media, bytes, kind) in [
        ("pool.png", "image/png", picture(), "inline"),
        ("menu.pdf", "application/pdf", b"%PDF-1.7 made up".to_vec(), "inline"),
        ("song.mp3", "audio/mpeg", b"ID3 made up".to_vec(), "inline"),
        ("note.txt", "text/plain", b"hello".to_vec(), "attachment"),
        ("x.html", "text/html", b"<html><script>alert(1)</script></html>".to_vec(), "attachment"),
        ("x.svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(), "attachment"),
    ] {
        let file = attach(&staff, &stay, (name, media), &bytes).await;
        let shown = staff.get(format!("{}?inline=true", path_of(&file))).await;
        assert_eq!((shown.status, &shown.body), (200, &bytes), "{name}");
        assert!(shown.header("content-disposition").unwrap().starts_with(kind), "{name}: {:?}", shown.headers);
        let policy = shown.header("content-security-policy").unwrap();
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
        let saved = staff.get(path_of(&file)).await;
        assert!(saved.header("content-disposition").unwrap().starts_with("attachment"), "{name}");
    }
});

on_both!(parts_of_a_file_are_served, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    // Three stored parts, the last one short.
    let bytes: Vec<u8> = (0..600_001_u32).map(|n| (n % 251) as u8).collect();
    let file = attach(&staff, &stay, ("film.mp4", "video/mp4"), &bytes).await;
    let path = path_of(&file);
    let part = async |range: &str| staff.with("range", range).with("accept-encoding", "gzip, br").get(&path).await;
    let whole = part("items=0-1").await;
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, Some("bytes")));
    assert_eq!((whole.header("content-length"), &whole.body), (Some("600001"), &bytes));
    for (range, first, last) in [
        ("bytes=0-", 0, 600_000),
        ("bytes=0-0", 0, 0),
        ("bytes=262140-262150", 262_140, 262_150),
        ("bytes=262144-524287", 262_144, 524_287),
        ("bytes=100-599999", 100, 599_999),
        ("bytes=-1", 600_000, 600_000),
        ("bytes=600000-9999999", 600_000, 600_000),
    ] {
        let response = part(range).await;
        assert_eq!(response.status, 206, "{range}");
        assert_eq!(response.header("content-range"), Some(format!("bytes {first}-{last}/600001").as_str()), "{range}");
        assert_eq!(response.header("content-length"), Some((last - first + 1).to_string().as_str()), "{range}");
        assert_eq!(response.header("content-encoding"), None, "{range}");
        assert!(response.body == bytes[first..=last], "{range}");
    }
    let beyond = part("bytes=600001-").await;
    beyond.problem(416, "range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), Some("bytes */600001"));
    let etag = whole.header("etag").unwrap();
    let resumed = |tag: &str| staff.with("range", "bytes=1-2").with("if-range", tag);
    assert_eq!(resumed(etag).get(&path).await.status, 206);
    assert_eq!(resumed("\"other\"").get(&path).await.status, 200);
    let unchanged = staff.with("if-none-match", etag).with("range", "bytes=1-2").get(&path).await;
    assert_eq!((unchanged.status, unchanged.body.len()), (304, 0));
    let head = staff.with("range", "bytes=1-2").send("HEAD", &path, None).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("600001"), 0));
    // A caller without access learns nothing by a range.
    hotel.of(1).await.with("range", "bytes=0-").get(&path).await.problem(404, "not_found");
});

on_sqlite!(the_cookie_authorises_files_for_own_pages_only, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let file = attach(&staff, &stay, ("pool.png", "image/png"), &picture()).await;
    let (path, cookie) = (path_of(&file), by_cookie(&staff));
    let own = hotel.world.base();
    for (origin, site) in [(None, None), (None, Some("same-origin")), (Some(own.as_str()), Some("same-origin"))] {
        let page = as_page(&cookie, origin, site);
        assert_eq!(page.get(&path).await.body, picture(), "{origin:?} {site:?}");
        assert_eq!(page.get(format!("{path}?thumbnail=320")).await.status, 200);
        assert_eq!(page.send("HEAD", path.trim_end_matches('/'), None).await.status, 200);
    }
    for (origin, site) in [
        (Some("https://evil.example"), None),
        (None, Some("cross-site")),
        (None, Some("same-site")),
        (None, Some("none")),
        (Some(own.as_str()), Some("cross-site")),
    ] {
        as_page(&cookie, origin, site).get(&path).await.problem(403, "bad_origin");
    }
    // The cookie opens nothing else, and no file that the person may not see.
    for other in ["conversations/", "staff/", "attachments/", &stay.path("messages/")] {
        cookie.get(other).await.problem(401, "unauthenticated");
    }
    cookie.send("DELETE", &path, None).await.problem(401, "unauthenticated");
    by_cookie(&hotel.of(1).await).get(&path).await.problem(404, "not_found");
    hotel.anonymous().with("cookie", "mm_session=made-up").get(&path).await.problem(401, "unauthenticated");
    // Explicit credentials take precedence.
    cookie.bearer("made up").get(&path).await.problem(401, "unauthenticated");
    staff.post_empty("/api/auth/logout/").await.is(204);
    cookie.get(&path).await.problem(401, "unauthenticated");
});

fn as_page(client: &ApiClient, origin: Option<&str>, site: Option<&str>) -> ApiClient {
    let client = origin.map_or_else(|| client.clone(), |it| client.with("origin", it));
    site.map_or_else(|| client.clone(), |it| client.with("sec-fetch-site", it))
}

on_sqlite!(long_responses_are_compressed_if_the_client_accepts_it, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for number in 0..10 {
        hotel.send_message(&staff, &stay, &format!("{number}: {}", "towels, ".repeat(50))).await;
    }
    let path = stay.path("messages/");
    let plain = staff.get(&path).await;
    assert_eq!(plain.header("content-encoding"), None);
    let compressed = async |client: &ApiClient, accepted: &str, path: &str| -> ApiResponse {
        client.with("accept-encoding", accepted).get(path).await
    };
    for (accepted, encoding) in [("gzip", "gzip"), ("gzip, deflate, br", "br")] {
        let response = compressed(&staff, accepted, &path).await;
        assert_eq!((response.status, response.header("content-encoding")), (200, Some(encoding)));
        assert!(response.body.len() < plain.body.len() / 3, "{}", response.body.len());
        let varies: Vec<_> = response.headers.get_all("vary").iter().map(|it| it.to_str().unwrap()).collect();
        assert!(varies.join(",").to_lowercase().contains("accept-encoding"), "{varies:?}");
    }
    for short in ["departments/", "/api/auth/me/"] {
        assert_eq!(compressed(&staff, "gzip, br", short).await.header("content-encoding"), None, "{short}");
    }
    let document = compressed(&staff, "br", "/api/openapi.json").await;
    assert_eq!(document.header("content-encoding"), Some("br"));
    let head = staff.with("accept-encoding", "br").send("HEAD", &path, None).await;
    assert_eq!((head.status, head.header("content-encoding"), head.body.len()), (200, None, 0));
});

on_sqlite!(file_names_are_cleaned, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for (given, stored) in [
        ("../../etc/passwd", "....etcpasswd"),
        ("menu\u{202e}fdp.exe", "menufdp.exe"),
        ("a\tb\u{200b}.txt", "a b.txt"),
        ("..", "file"),
        ("Ñandú 王.pdf", "Ñandú 王.pdf"),
    ] {
        let file = attach(&staff, &stay, (given, "text/plain"), b"hello").await;
        assert_eq!(file["name"], stored, "{given:?}");
    }
});
