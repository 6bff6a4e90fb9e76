//! The pages for people, and the descriptions for programs. Nothing is loaded from elsewhere.

use std::sync::LazyLock;

use actix_web::{
    HttpResponse,
    dev::HttpServiceFactory,
    http::header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    middleware::DefaultHeaders,
    web,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::openapi;

/// What every answer that says nothing else lets a browser do: nothing.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The API's pages run their own scripts; their pictures and some of their styles are inline.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const STYLE: &str = include_str!("pages/landing.css");

/// The first page, complete.
static LANDING: LazyLock<String> = LazyLock::new(|| {
    include_str!("pages/landing.html").replace("{style}", STYLE).replace("{version}", env!("CARGO_PKG_VERSION"))
});

/// Its style is known by its digest; its scripts, in the browser's console, may call the server.
static LANDING_POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("{POLICY}; style-src 'sha256-{digest}'; connect-src 'self'; img-src data:")
});

static OPENAPI: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| serde_json::to_string(&openapi::document()));

/// What every answer has that does not have its own.
pub fn security() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
        .add((CONTENT_SECURITY_POLICY, POLICY))
}

/// `GET /`: what this is and where to go on.
pub async fn landing() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, LANDING_POLICY.as_str()))
        .body(LANDING.as_str())
}

/// `GET /api/openapi.json`
pub async fn openapi() -> HttpResponse {
    match &*OPENAPI {
        Ok(document) => HttpResponse::Ok().content_type("application/json").body(document.as_str()),
        Err(error) => HttpResponse::from_error(crate::problem::Problem::internal(error.to_string())),
    }
}

/// `GET /api/asyncapi.json`
pub async fn asyncapi() -> HttpResponse {
    HttpResponse::Ok().json(wire::asyncapi())
}

/// `/api/docs/`: the description, to read and to try.
pub fn docs() -> impl HttpServiceFactory {
    // A validator would be asked elsewhere.
    let config = Config::new(["/api/openapi.json"]).validator_url("none").use_base_layout();
    web::scope("/api/docs")
        .wrap(DefaultHeaders::new().add((CONTENT_SECURITY_POLICY, DOCS_POLICY)))
        .route("", web::get().to(to_docs))
        .service(SwaggerUi::new("/{_:.*}").config(config))
}

/// Its parts are named relative to the folder.
async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/api/docs/")).finish()
}

#[cfg(test)]
mod tests {
    use actix_web::{App as Server, test};

    use super::*;

    #[actix_web::test]
    async fn pages_load_nothing_from_elsewhere() {
        let server =
            test::init_service(Server::new().wrap(security()).route("/", web::get().to(landing)).service(docs())).await;
        for path in ["/", "/api/docs/"] {
            let response = test::call_service(&server, test::TestRequest::with_uri(path).to_request()).await;
            assert_eq!(response.status(), 200, "{path}");
            let headers = response.headers().clone();
            let policy = headers.get(CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap().to_owned();
            assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(headers.get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
            let page = String::from_utf8(test::read_body(response).await.to_vec()).unwrap();
            for attribute in ["src=\"", "<link href=\"", "rel=\"stylesheet\" href=\""] {
                let foreign = |rest: &str| rest.starts_with("http") || rest.starts_with("//");
                assert!(!page.split(attribute).skip(1).any(foreign), "{path}: {page}");
            }
            assert!(!page.contains("<script>"), "{path}: an inline script would be blocked: {page}");
        }
        let bare = test::call_service(&server, test::TestRequest::with_uri("/api/docs").to_request()).await;
        assert_eq!(bare.headers().get(LOCATION).unwrap(), "/api/docs/");
    }
}
