//! Health checks, public pages and their security headers.

use acceptance::{ApiClient, DatabaseKind, WorldOptions, alone, described, on_sqlite};

/// The paths that need no sign-in, and their media types.
const PUBLIC_PATHS: [(&str, &str); 7] = [
    ("/", "text/html"),
    ("/api/docs/", "text/html"),
    ("/healthz", "application/json"),
    ("/readyz", "application/json"),
    ("/metrics", "text/plain"),
    ("/api/openapi.json", "application/json"),
    ("/api/asyncapi.json", "application/json"),
];

on_sqlite!(public_pages_have_security_headers, |hotel| {
    for (path, media) in PUBLIC_PATHS {
        let response = hotel.anonymous().get(path).await;
        assert_eq!(response.status, 200, "{path}");
        assert!(response.header("content-type").unwrap().starts_with(media), "{path}: {:?}", response.headers);
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"), "{path}");
        let policy = response.header("content-security-policy").unwrap_or_default();
        let rules: Vec<&str> = policy.split(';').map(str::trim).collect();
        assert!(rules.contains(&"default-src 'none'"), "{path}: {policy}");
        assert!(rules.contains(&"frame-ancestors 'none'"), "{path}: {policy}");
        assert!(
            !policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"),
            "{path}: {policy}"
        );
    }
    // Error responses carry the security headers too.
    let nowhere = hotel.anonymous().get("/nowhere.txt").await;
    assert_eq!(nowhere.status, 404);
    assert!(nowhere.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
    assert_eq!(nowhere.header("x-content-type-options"), Some("nosniff"));
});

on_sqlite!(pages_load_only_resources_of_this_server, |hotel| {
    for page in ["/", "/api/docs/"] {
        let html = hotel.anonymous().get(page).await.text();
        let mut loaded = 0;
        for (start, attribute) in [("<script", "src=\""), ("<link", "href=\""), ("<img", "src=\"")] {
            for tag in html.split(start).skip(1) {
                let Some((_, rest)) = tag.split('>').next().unwrap().split_once(attribute) else { continue };
                let resource = rest.split('"').next().unwrap();
                assert!(!resource.contains("//"), "{page} loads {resource}");
                if resource.starts_with("data:") {
                    continue;
                }
                let path = if resource.starts_with('/') {
                    resource.into()
                } else {
                    format!("{page}{}", resource.trim_start_matches("./"))
                };
                assert_eq!(hotel.anonymous().get(&path).await.status, 200, "{page} loads {path}");
                loaded += 1;
            }
        }
        assert!(page == "/" || loaded > 0, "{page}: {html}");
    }
});

on_sqlite!(the_served_api_documents_equal_the_printed_ones, |hotel| {
    assert_eq!(hotel.anonymous().get("/api/openapi.json").await.is(200), *described::openapi());
    assert_eq!(hotel.anonymous().get("/api/asyncapi.json").await.is(200), *described::asyncapi());
});

#[test]
fn without_database_the_server_is_alive_but_not_ready() {
    alone(DatabaseKind::Postgres, WorldOptions::default(), async |world| {
        let anonymous = ApiClient::new(&world);
        anonymous.get("/readyz").await.is(200);
        world.set_reachable(false);
        let response = anonymous.get_until("/readyz", 503).await;
        response.problem(503, "unavailable");
        assert!(response.header("retry-after").is_some());
        anonymous.get("/healthz").await.is(200);
        anonymous.get("/metrics").await;
        world.set_reachable(true);
        anonymous.get_until("/readyz", 200).await;
    });
}
