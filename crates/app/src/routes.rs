//! Router, built from the endpoint tables of `rest/` and `pages.rs`.

use actix_web::{
    Resource,
    guard::{self, GuardContext},
    http::{
        Method,
        header::{CACHE_CONTROL, HeaderValue},
    },
    middleware::{DefaultHeaders, from_fn},
    web::{self, ServiceConfig},
};

use crate::{
    app_state::App,
    endpoint::{Access, Endpoint},
    middleware::{authentication::require_credentials, cors::add_cors_headers},
    pages,
    problem::{HandlerResult, Problem},
    request::{AcceptsAnyType, MaxBodyBytes, RequestBody},
    rest,
};

const API: &str = "/api";
const SIGN_IN_API: &str = "/api/auth";
const STAFF_API: &str = "/api/message_manager";
const DEMO_API: &str = "/api/demo";

/// Adds all endpoints to the router. Paths below [`STAFF_API`] require credentials, even if no endpoint matches.
pub fn configure(config: &mut ServiceConfig) {
    let mut endpoints: Vec<Endpoint> = rest::endpoints().into_iter().flat_map(|(_, it)| it).collect();
    let mut below = |prefix: &str| endpoints.extract_if(.., |it| it.path.starts_with(prefix)).collect::<Vec<_>>();
    let (sign_in, staff, demo) = (below(SIGN_IN_API), below(STAFF_API), below(DEMO_API));
    let staff_scope = web::scope("/message_manager")
        .wrap(from_fn(require_credentials))
        .configure(|config| mount(config, STAFF_API, staff))
        .default_service(web::to(no_such_path));
    let demo_scope =
        web::scope("/demo").guard(guard::fn_guard(is_demo)).configure(|config| mount(config, DEMO_API, demo));
    let api_scope = web::scope(API)
        .wrap(DefaultHeaders::new().add((CACHE_CONTROL, HeaderValue::from_static("no-store"))))
        .wrap(from_fn(add_cors_headers))
        .configure(|config| mount_sign_in(config, sign_in))
        .service(staff_scope)
        .service(demo_scope);
    mount(config, "", endpoints);
    mount(config, "", pages::endpoints());
    config.service(pages::docs()).service(api_scope).default_service(web::to(pages::serve_console));
}

/// Adds the sign-in calls to the router. All except public ones, such as login, require
/// credentials.
fn mount_sign_in(config: &mut ServiceConfig, endpoints: Vec<Endpoint>) {
    let (public, staff): (Vec<_>, Vec<_>) = endpoints.into_iter().partition(|it| it.access == Access::Public);
    mount(config, API, public);
    for resource in resources(API, staff) {
        config.service(resource.wrap(from_fn(require_credentials)));
    }
}

fn mount(config: &mut ServiceConfig, prefix: &str, endpoints: Vec<Endpoint>) {
    for resource in resources(prefix, endpoints) {
        config.service(resource);
    }
}

/// Groups endpoints into one router resource for each path, relative to `prefix`. The order of the endpoints is kept,
/// because the router tries resources one after another.
fn resources(prefix: &str, endpoints: Vec<Endpoint>) -> Vec<Resource> {
    let mut by_path: Vec<(&'static str, Vec<Endpoint>)> = Vec::new();
    for endpoint in endpoints {
        match by_path.iter_mut().find(|(path, _)| *path == endpoint.path) {
            Some((_, of_path)) => of_path.push(endpoint),
            None => by_path.push((endpoint.path, vec![endpoint])),
        }
    }
    let relative = |path: &'static str| path.strip_prefix(prefix).unwrap_or(path);
    by_path.into_iter().map(|(path, of_path)| resource(patterns(path, relative(path)), of_path)).collect()
}

/// The relative path with and without the trailing slash. Only the path of the server itself always has a slash.
fn patterns(path: &str, relative: &str) -> [String; 2] {
    let without_slash = if path == "/" { relative } else { relative.trim_end_matches('/') };
    [relative.to_owned(), without_slash.to_owned()]
}

/// The router resource of one path, which matches these patterns, with its methods.
fn resource(patterns: [String; 2], endpoints: Vec<Endpoint>) -> Resource {
    let mut resource = web::resource(patterns);
    let allow: Vec<String> = endpoints.iter().flat_map(methods).map(|it| it.to_string()).collect();
    let allow = allow.join(", ");
    let is_public = endpoints.iter().all(|it| it.access == Access::Public);
    for endpoint in endpoints {
        if let Some(bytes) = endpoint.max_body_bytes {
            resource = resource.app_data(MaxBodyBytes(bytes));
        }
        if !endpoint.returns_only_json() {
            resource = resource.app_data(AcceptsAnyType);
        }
        let methods = methods(&endpoint);
        let has_method = guard::fn_guard(move |request| methods.contains(&request.head().method));
        resource = resource.route(endpoint.route.guard(has_method));
    }
    let refuse_method = move || {
        let problem = Problem::method_not_allowed(allow.clone());
        async move { HandlerResult::Err(problem) }
    };
    // On a public path, 405 is sent without reading the request body, because the client may have no credentials.
    match is_public {
        true => resource.default_service(web::to(refuse_method)),
        false => resource.default_service(web::to(move |_: RequestBody| refuse_method())),
    }
}

fn methods(endpoint: &Endpoint) -> Vec<Method> {
    let head = endpoint.serves_head.then_some(Method::HEAD);
    [endpoint.method.clone()].into_iter().chain(head).collect()
}

async fn no_such_path(_: RequestBody) -> HandlerResult {
    Err(Problem::no_such_path())
}

/// Whether the server runs with `--demo`; otherwise the paths below [`DEMO_API`] do not exist.
fn is_demo(request: &GuardContext<'_>) -> bool {
    request.app_data::<web::Data<App>>().is_some_and(|app| app.is_demo)
}

#[cfg(test)]
mod tests;
