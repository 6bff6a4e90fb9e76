//! The map of the addresses: every one that is served stands here.

use actix_web::{
    HttpResponse, Resource, Route,
    guard::{self, GuardContext},
    http::{
        Method,
        header::{CACHE_CONTROL, HeaderValue},
    },
    middleware::{DefaultHeaders, from_fn},
    web::{self, ServiceConfig},
};

use desk::Principal;

use crate::{
    extract::{Call, MostBytes, ids_are_ids, signed_in},
    health, origin, pages,
    problem::Problem,
    rest::{
        self, attachments, auth, conversations, demo, departments, events, hotel, messages, socket, staff, stays,
        templates,
    },
    state::App,
    webhook,
};

/// Puts every address in its place.
pub fn configure(config: &mut ServiceConfig) {
    config
        .service(open("/", [(GET, web::to(pages::landing))]))
        .service(open("/healthz", [(GET, web::to(health::alive))]))
        .service(open("/readyz", [(GET, web::to(health::ready))]))
        .service(open("/metrics", [(GET, web::to(health::metrics))]))
        .service(open("/ws/staff/", [(ONLY_GET, web::to(socket::upgrade))]))
        .service(open("/webhooks/whatsapp/", [(ONLY_GET, web::to(webhook::verify)), (POST, web::to(webhook::receive))]))
        .service(pages::docs())
        .service(open("/api/openapi.json", [(GET, web::to(pages::openapi))]))
        .service(open("/api/asyncapi.json", [(GET, web::to(pages::asyncapi))]))
        .service(
            web::scope("/api")
                .wrap(DefaultHeaders::new().add((CACHE_CONTROL, HeaderValue::from_static("no-store"))))
                .wrap(from_fn(origin::cross_origin))
                .configure(signing_in)
                .configure(staff_calls)
                .service(
                    web::scope("/demo")
                        .guard(guard::fn_guard(is_demo))
                        .service(open("/guest_message/", [(POST, web::to(demo::guest_message))])),
                ),
        )
        .default_service(web::to(rest::nowhere));
}

fn signing_in(config: &mut ServiceConfig) {
    config
        .service(open("/auth/login/", [(POST, web::to(auth::login))]))
        .service(open("/auth/refresh/", [(POST, web::to(auth::refresh))]))
        .service(open("/auth/logout/", [(POST, web::to(auth::logout))]))
        .service(staff_only("/auth/password/", [(POST, web::to(auth::password))]).wrap(from_fn(signed_in)))
        .service(staff_only("/auth/me/", [(GET, web::to(auth::me))]).wrap(from_fn(signed_in)));
}

fn staff_calls(config: &mut ServiceConfig) {
    config.service(
        web::scope("/message_manager")
            .wrap(from_fn(signed_in))
            .service(staff_only("/conversations/", [(GET, web::to(conversations::list))]))
            .service(staff_only("/conversations/active_conversations/", [(GET, web::to(conversations::active))]))
            .service(staff_only("/conversations/{id}/", [(GET, web::to(conversations::show))]))
            .service(staff_only("/conversations/{id}/messages/", [(GET, web::to(messages::list))]))
            .service(staff_only("/conversations/{id}/send_message/", [(POST, web::to(messages::send))]))
            .service(staff_only("/conversations/{id}/messages/{message_id}/retry/", [(POST, web::to(messages::retry))]))
            .service(staff_only("/conversations/{id}/notes/", [(POST, web::to(messages::note))]))
            .service(staff_only("/conversations/{id}/start_relay/", [(POST, web::to(conversations::start_relay))]))
            .service(staff_only("/conversations/{id}/end_relay/", [(POST, web::to(conversations::end_relay))]))
            .service(staff_only("/conversations/{id}/assign/", [(POST, web::to(conversations::assign))]))
            .service(staff_only("/conversations/{id}/close/", [(POST, web::to(conversations::close))]))
            .service(staff_only("/conversations/{id}/reopen/", [(POST, web::to(conversations::reopen))]))
            .service(staff_only("/conversations/{id}/read/", [(POST, web::to(conversations::read))]))
            .service(staff_only("/conversations/{id}/send_template/", [(POST, web::to(messages::send_template))]))
            .service(
                staff_only("/conversations/{id}/attachments/", [(POST, web::to(attachments::send))])
                    .app_data(MostBytes(attachments::MOST_UPLOADED)),
            )
            .service(staff_only("/attachments/{id}/", [(GET, web::to(attachments::show))]))
            .service(staff_only("/events/", [(GET, web::to(events::list))]))
            .service(staff_only(
                "/departments/",
                [(GET, web::to(departments::list)), (POST, web::to(departments::create))],
            ))
            .service(staff_only("/departments/{id}/", [(PATCH, web::to(departments::change))]))
            .service(staff_only("/staff/", [(GET, web::to(staff::list)), (POST, web::to(staff::create))]))
            .service(staff_only("/staff/{id}/", [(PATCH, web::to(staff::change))]))
            .service(staff_only("/hotel/", [(GET, web::to(hotel::show)), (PATCH, web::to(hotel::change))]))
            .service(staff_only("/stays/", [(GET, web::to(stays::list)), (POST, web::to(stays::create))]))
            .service(
                staff_only("/stays/import/", [(POST, web::to(stays::import))])
                    .app_data(MostBytes(stays::MOST_IMPORTED)),
            )
            .service(staff_only("/stays/{id}/", [(PATCH, web::to(stays::change))]))
            .service(staff_only("/stays/{id}/check_in/", [(POST, web::to(stays::check_in))]))
            .service(staff_only("/stays/{id}/check_out/", [(POST, web::to(stays::check_out))]))
            .service(staff_only("/templates/", [(GET, web::to(templates::list)), (POST, web::to(templates::create))]))
            .service(staff_only(
                "/templates/{id}/",
                [(PATCH, web::to(templates::change)), (DELETE, web::to(templates::delete))],
            ))
            .default_service(web::to(rest::nowhere_for_staff)),
    );
}

/// The methods of a route; what can be got can be asked for its head, too.
type Methods = &'static [Method];

const GET: Methods = &[Method::GET, Method::HEAD];
const ONLY_GET: Methods = &[Method::GET];
const POST: Methods = &[Method::POST];
const PATCH: Methods = &[Method::PATCH];
const DELETE: Methods = &[Method::DELETE];

/// An address that anybody may ask for.
fn open<const N: usize>(path: &str, routes: [(Methods, Route); N]) -> Resource {
    let allow = allow(&routes);
    resource(path, routes).default_service(web::to(move || {
        let allow = allow.clone();
        async move { Err::<HttpResponse, _>(Problem::method_not_allowed(allow)) }
    }))
}

/// An address for staff, and for other systems where its handler says so: who they are comes before what is
/// wrong with the method.
fn staff_only<const N: usize>(path: &str, routes: [(Methods, Route); N]) -> Resource {
    let allow = allow(&routes);
    resource(path, routes).default_service(web::to(move |call: Call<Principal>| {
        let allow = allow.clone();
        async move {
            let there = ids_are_ids(&call.request);
            let problem = if there { Problem::method_not_allowed(allow) } else { Problem::not_found() };
            Err::<HttpResponse, _>(call.once_signed_in(problem).await)
        }
    }))
}

/// The same with and without the trailing slash.
fn resource<const N: usize>(path: &str, routes: [(Methods, Route); N]) -> Resource {
    let bare = if path == "/" { path } else { path.trim_end_matches('/') };
    let resource = web::resource([path.to_owned(), bare.to_owned()]);
    routes.into_iter().fold(resource, |resource, (methods, route)| {
        resource.route(route.guard(guard::fn_guard(move |request| methods.contains(&request.head().method))))
    })
}

fn allow<const N: usize>(routes: &[(Methods, Route); N]) -> String {
    let words: Vec<&str> = routes.iter().flat_map(|(methods, _)| methods.iter().map(Method::as_str)).collect();
    words.join(", ")
}

/// Without the demo its address is not there, whatever the method.
fn is_demo(request: &GuardContext<'_>) -> bool {
    request.app_data::<web::Data<App>>().is_some_and(|app| app.demo)
}

#[cfg(test)]
mod tests;
