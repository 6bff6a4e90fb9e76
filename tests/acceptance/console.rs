//! The console at `/`: its files, its addresses and their headers, in whatever build the binary contains.

use acceptance::{ApiClient, ApiResponse, on_sqlite};

/// Content security policy of the console.
const POLICY: &str = "default-src 'none'; script-src 'self'; \
    style-src 'self' 'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='; img-src 'self' blob:; media-src 'self' blob:; \
    connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

/// Paths of the API that do not exist. The console has no address under them.
const WRONG_API_PATHS: [&str; 7] =
    ["/api/none", "/api/none/", "/ws/none", "/webhooks/none", "/healthz/none", "/readyz/none", "/metrics/none"];

/// The page of the console; `None` if the binary has no console. With `REQUIRE_ALL=1` the test fails then.
async fn console(client: &ApiClient) -> Option<ApiResponse> {
    let page = client.get("/").await;
    assert_eq!(page.status, 200);
    if page.header("etag").is_some() {
        return Some(page);
    }
    assert!(page.text().contains("make console") && page.text().contains("Node 20.19"), "{}", page.text());
    assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "the binary has no console");
    eprintln!("skipped: the binary has no console");
    None
}

/// The hashed files that a page loads.
fn hashed_files(page: &str) -> Vec<&str> {
    page.split('"').filter(|it| it.starts_with("/assets/")).collect()
}

on_sqlite!(wrong_paths_of_the_api_never_show_the_console, |hotel| {
    let browser = hotel.anonymous().with("accept", "text/html,*/*;q=0.8");
    for path in WRONG_API_PATHS {
        let response = browser.get(path).await;
        response.problem(404, "not_found");
        assert_eq!(response.header("content-type"), Some("application/problem+json"), "{path}");
    }
    for path in ["/assets/none.js", "/assets/none", "/none.png", "/assets/../index.html.gz"] {
        let response = browser.get(path).await;
        response.problem(404, "not_found");
    }
    assert_eq!(browser.send("POST", "/inbox/mine", None).await.status, 404);
});

on_sqlite!(every_address_of_the_console_shows_its_page, |hotel| {
    let browser = hotel.anonymous().with("accept", "text/html,*/*;q=0.8");
    let Some(page) = console(&browser).await else { return };
    for path in ["/inbox/mine/1977", "/me", "/hotel/people", "/index.html"] {
        let response = browser.get(path).await;
        assert_eq!((response.status, &response.body), (200, &page.body), "{path}");
    }
    for response in [&page, &browser.get("/inbox/mine").await] {
        assert_eq!(response.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(response.header("cache-control"), Some("no-cache"));
        assert_eq!(response.header("content-security-policy"), Some(POLICY));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    let head = browser.send("HEAD", "/inbox/mine", None).await;
    assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, page.header("etag")));
    // A program that accepts only JSON gets no page.
    hotel.anonymous().with("accept", "application/json").get("/inbox/mine").await.problem(404, "not_found");
    let etag = page.header("etag").unwrap();
    let again = browser.with("if-none-match", etag).get("/inbox/mine").await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag)));
    assert_eq!(browser.with("if-none-match", "\"other\"").get("/").await.status, 200);
});

on_sqlite!(files_with_hashed_names_are_kept_for_ever_and_compressed, |hotel| {
    let client = hotel.anonymous();
    let Some(page) = console(&client).await else { return };
    let page = page.text();
    let files = hashed_files(&page);
    assert!(files.iter().any(|it| it.ends_with(".js")), "{page}");
    for path in files {
        let plain = client.get(path).await;
        assert_eq!(plain.status, 200, "{path}");
        assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        let mut etags = vec![plain.header("etag").unwrap().to_owned()];
        for encoding in ["br", "gzip"] {
            let compressed = client.with("accept-encoding", encoding).get(path).await;
            // The build compresses no file of less than 1 KiB.
            if plain.body.len() >= 1024 && (path.ends_with(".js") || path.ends_with(".css")) {
                assert_eq!(compressed.header("content-encoding"), Some(encoding), "{path}");
                assert!(compressed.header("vary").unwrap().to_lowercase().contains("accept-encoding"), "{path}");
                assert!(compressed.body.len() < plain.body.len(), "{path}");
                etags.push(compressed.header("etag").unwrap().to_owned());
            }
            // The compressed form is no file of its own.
            client.get(format!("{path}.br")).await.problem(404, "not_found");
        }
        let known = etags.len();
        etags.sort();
        etags.dedup();
        assert_eq!(etags.len(), known, "{path}: one entity tag for several encodings");
    }
});
