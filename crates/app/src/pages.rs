//! The pages of the server: console or landing page, API documentation page, and the OpenAPI and AsyncAPI documents. Pages load nothing from other hosts.

mod console_files;

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    dev::HttpServiceFactory,
    http::{
        Method,
        header::{
            CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    middleware::DefaultHeaders,
    web,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::{Config, SwaggerUi};

pub use console_files::serve_console;

use crate::{
    endpoint::Endpoint,
    openapi,
    problem::{HandlerResult, Problem},
};

/// The content security policy of responses without a policy of their own: a browser may load and run nothing.
const DEFAULT_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The content security policy of the API documentation page: Swagger UI runs its own scripts and uses inline images
/// and styles.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const LANDING_STYLE: &str = include_str!("pages/landing.css");

static LANDING_PAGE: LazyLock<String> = LazyLock::new(|| {
    let page = include_str!("pages/landing.html");
    page.replace("{style}", LANDING_STYLE).replace("{version}", env!("CARGO_PKG_VERSION"))
});

/// The content security policy of the landing page: allows the inline style by its digest, and calls to this server
/// from the browser's developer console.
static LANDING_POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = BASE64_STANDARD.encode(Sha256::digest(LANDING_STYLE));
    format!("{DEFAULT_POLICY}; style-src 'sha256-{digest}'; connect-src 'self'; img-src data:")
});

static OPENAPI_JSON: LazyLock<Result<String, serde_json::Error>> =
    LazyLock::new(|| serde_json::to_string(&openapi::document()?));

/// The endpoints of the landing page and of the API documents; the OpenAPI document leaves them out.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::public(Method::GET, "/", "", show_start_page),
        Endpoint::public(Method::GET, "/api/openapi.json", "", show_openapi),
        Endpoint::public(Method::GET, "/api/asyncapi.json", "", show_asyncapi),
    ]
}

/// How long browsers use https only, once they have seen the server by https: a year.
const HSTS: &str = "max-age=31536000";

/// The security headers of all responses that do not set their own. `is_https` is whether the public URL is https.
pub fn security_headers(is_https: bool) -> DefaultHeaders {
    let headers = DefaultHeaders::new()
        .add((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((REFERRER_POLICY, "no-referrer"))
        .add((CONTENT_SECURITY_POLICY, DEFAULT_POLICY));
    if is_https { headers.add((STRICT_TRANSPORT_SECURITY, HSTS)) } else { headers }
}

/// The page of the console. A binary without console shows the landing page, which lists the missing programs.
async fn show_start_page(request: HttpRequest) -> HttpResponse {
    console_files::console_page(&request).unwrap_or_else(landing_page)
}

fn landing_page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, LANDING_POLICY.as_str()))
        .body(LANDING_PAGE.as_str())
}

async fn show_openapi() -> HandlerResult {
    match &*OPENAPI_JSON {
        Ok(document) => Ok(HttpResponse::Ok().content_type("application/json").body(document.as_str())),
        Err(error) => Err(Problem::internal(error.to_string())),
    }
}

async fn show_asyncapi() -> HttpResponse {
    HttpResponse::Ok().json(wire::asyncapi())
}

/// The API documentation page at `/api/docs/` (Swagger UI).
pub fn docs() -> impl HttpServiceFactory {
    // Without the validator `none`, the page would send the OpenAPI document to a validator on the internet.
    let config = Config::new(["/api/openapi.json"]).validator_url("none").use_base_layout();
    web::scope("/api/docs")
        .wrap(DefaultHeaders::new().add((CONTENT_SECURITY_POLICY, DOCS_POLICY)))
        .route("", web::get().to(redirect_to_docs))
        .service(SwaggerUi::new("/{_:.*}").config(config))
}

/// Redirects `/api/docs` to `/api/docs/`: the page refers to its files by relative URLs, so it needs the trailing
/// slash.
async fn redirect_to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/api/docs/")).finish()
}

#[cfg(test)]
mod tests {
    use actix_web::{App as Server, test};

    use super::*;

    #[actix_web::test]
    async fn a_binary_without_console_says_what_is_missing() {
        let response = landing_page();
        assert_eq!(response.status(), 200);
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let page = std::str::from_utf8(&body).unwrap();
        for part in ["make console", "Node 20.19", "href=\"/api/docs/\""] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }

    #[actix_web::test]
    async fn pages_load_nothing_from_other_hosts() {
        let pages =
            Server::new().wrap(security_headers(false)).route("/", web::get().to(show_start_page)).service(docs());
        let server = test::init_service(pages).await;
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
