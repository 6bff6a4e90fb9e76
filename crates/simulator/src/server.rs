//! The addresses of the Graph API, who may call them, and how a connection is cut.

use std::{any::Any, future::pending, os::fd::AsFd, sync::Arc, time::Duration};

use actix_multipart::Multipart;
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::MessageBody,
    dev::{Extensions, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{AUTHORIZATION, HOST, RETRY_AFTER},
    },
    middleware::Next,
    rt::net::TcpStream,
    web::{self, Bytes, Data, Path, PayloadConfig, Query, ServiceConfig},
};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use socket2::Socket;
use tokio::time::{sleep, timeout};

use crate::{
    control,
    errors::ApiError,
    faults::On,
    media::LARGEST,
    sends::{self, Answer, answered},
    transcript::UPLOAD,
    world::World,
};

/// The largest body of a send.
const MOST_BYTES: usize = 1024 * 1024;
/// A send that is never answered is cut after so long: any client has given up.
const NEVER: Duration = Duration::from_secs(600);
/// A version, as calls begin with.
const VERSION: &str = r"/v{version:\d+\.\d+}";

/// A second descriptor of a connection, by which it can be cut.
struct Wire(Socket);

/// Keeps a way to cut a connection that was just accepted.
pub(crate) fn keep_wire(connection: &dyn Any, extensions: &mut Extensions) {
    let stream = connection.downcast_ref::<TcpStream>();
    if let Some(descriptor) = stream.and_then(|it| it.as_fd().try_clone_to_owned().ok()) {
        extensions.insert(Arc::new(Wire(Socket::from(descriptor))));
    }
}

fn cut(request: &HttpRequest) {
    if let Some(wire) = request.conn_data::<Arc<Wire>>() {
        // It may be cut already.
        let _ = wire.0.shutdown(std::net::Shutdown::Both);
    }
}

/// All addresses.
pub(crate) fn configure(config: &mut ServiceConfig) {
    config.configure(control::configure);
    config.app_data(PayloadConfig::new(MOST_BYTES));
    config.route("/whatsapp_business/attachments/", web::get().to(download));
    config.service(
        web::scope(VERSION)
            .route("/{id}/messages", web::post().to(messages))
            .route("/{id}/media", web::post().to(upload))
            .route("/{id}", web::get().to(look_up))
            .route("/{id}", web::delete().to(delete)),
    );
    config.default_service(web::to(unknown));
}

/// Refuses those who reached it under a name that is not the loopback's, as a page of a browser could.
pub(crate) async fn only_local(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let host = request.headers().get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let loopback = name.trim_matches(['[', ']']).parse().is_ok_and(|it: std::net::IpAddr| it.is_loopback());
    if loopback || name.eq_ignore_ascii_case("localhost") {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let answer = HttpResponse::Forbidden().json(json!({ "error": "the simulator is reached by loopback names only" }));
    Ok(request.into_response(answer).map_into_right_body())
}

fn failed(error: &ApiError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = HttpResponseBuilder::new(status);
    if let Some(seconds) = error.retry_after {
        answer.insert_header((RETRY_AFTER, seconds));
    }
    answer.json(error.body())
}

/// Whether the caller has the access token.
fn authorised(world: &World, request: &HttpRequest) -> Result<(), ApiError> {
    let given = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let account = &world.state().account;
    let right = given.and_then(|it| it.strip_prefix("Bearer ")) == Some(account.token.as_str());
    if right && !account.revoked { Ok(()) } else { Err(ApiError::token()) }
}

/// How a call about a file is answered that meets a fault.
async fn fault(world: &World, on: On, request: &HttpRequest) -> Option<HttpResponse> {
    let conduct = world.state().faults.asked(on, "")?;
    sleep(Duration::from_millis(u64::try_from(conduct.slow).unwrap_or(0))).await;
    Some(answer(answered(conduct.reply)?, request).await)
}

async fn messages(world: Data<World>, path: Path<(String, String)>, request: HttpRequest, body: Bytes) -> HttpResponse {
    if let Err(error) = authorised(&world, &request) {
        return failed(&error);
    }
    let (_, number) = path.into_inner();
    answer(sends::take(&world, &number, &body).await, &request).await
}

async fn answer(answer: Answer, request: &HttpRequest) -> HttpResponse {
    match answer {
        Answer::Json(value) => HttpResponse::Ok().json(value),
        Answer::Error(error) => failed(&error),
        Answer::Bare(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            HttpResponseBuilder::new(status).content_type("text/html").body("<html>Sorry, something went wrong.</html>")
        }
        Answer::Cut => {
            cut(request);
            HttpResponse::BadGateway().finish()
        }
        Answer::Never => {
            let _ = timeout(NEVER, pending::<()>()).await;
            cut(request);
            HttpResponse::GatewayTimeout().finish()
        }
    }
}

async fn upload(
    world: Data<World>,
    path: Path<(String, String)>,
    request: HttpRequest,
    form: Multipart,
) -> HttpResponse {
    if let Some(answer) = fault(&world, On::Upload, &request).await {
        return answer;
    }
    match uploaded(&world, &path.into_inner().1, &request, form).await {
        Ok(id) => HttpResponse::Ok().json(json!({ "id": id })),
        Err(error) => failed(&error),
    }
}

async fn uploaded(world: &World, number: &str, request: &HttpRequest, mut form: Multipart) -> Result<String, ApiError> {
    authorised(world, request)?;
    if !world.has_number(number) {
        return Err(ApiError::no_object(number));
    }
    let broken = |_| ApiError::parameter("The form cannot be read.");
    let (mut product, mut mime, mut file) = (None, None, None);
    while let Some(field) = form.next().await {
        let mut field = field.map_err(broken)?;
        let of_file = field.content_type().map(ToString::to_string);
        let name = field.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = field.next().await {
            bytes.extend_from_slice(&chunk.map_err(broken)?);
            if bytes.len() > LARGEST {
                return Err(ApiError::new(131053, "The file is too large."));
            }
        }
        match name.as_str() {
            "messaging_product" => product = Some(bytes),
            "type" => mime = String::from_utf8(bytes).ok(),
            "file" => file = Some((of_file, bytes)),
            _ => {}
        }
    }
    if product.as_deref() != Some(b"whatsapp") {
        return Err(ApiError::parameter("The parameter messaging_product is required."));
    }
    let (of_file, bytes) = file.ok_or_else(|| ApiError::missing("file"))?;
    let mime = mime.or(of_file).ok_or_else(|| ApiError::missing("type"))?;
    let (now, size) = (world.clock.now(), bytes.len());
    let mut state = world.state();
    if let Some(error) = state.account.fault(now) {
        return Err(error);
    }
    let id = state.media.upload(number, &mime, bytes.into(), now)?;
    state.transcript.note(UPLOAD, now, json!({ "phone_number_id": number, "id": id, "type": mime, "bytes": size }));
    Ok(id)
}

#[derive(Deserialize)]
struct LookUp {
    phone_number_id: Option<String>,
}

/// What is told of a file, or of a number.
async fn look_up(
    world: Data<World>,
    path: Path<(String, String)>,
    query: Query<LookUp>,
    request: HttpRequest,
) -> HttpResponse {
    if let Err(error) = authorised(&world, &request) {
        return failed(&error);
    }
    let (_, id) = path.into_inner();
    if world.has_number(&id) {
        return HttpResponse::Ok().json(number(&world, &id));
    }
    if let Some(answer) = fault(&world, On::Media, &request).await {
        return answer;
    }
    let now = world.clock.now();
    let told = world.state().media.look_up(&id, query.phone_number_id.as_deref(), &world.base, now);
    told.map_or_else(|| failed(&ApiError { status: 404, ..ApiError::no_object(&id) }), |it| HttpResponse::Ok().json(it))
}

fn number(world: &World, id: &str) -> Value {
    json!({
        "verified_name": "A simulated hotel",
        "display_phone_number": format!("+{}", world.display(id)),
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "id": id,
    })
}

async fn delete(world: Data<World>, path: Path<(String, String)>, request: HttpRequest) -> HttpResponse {
    if let Err(error) = authorised(&world, &request) {
        return failed(&error);
    }
    let (_, id) = path.into_inner();
    if world.state().media.delete(&id) {
        return HttpResponse::Ok().json(json!({ "success": true }));
    }
    failed(&ApiError { status: 404, ..ApiError::no_object(&id) })
}

#[derive(Deserialize)]
struct Address {
    hash: Option<String>,
}

async fn download(world: Data<World>, query: Query<Address>, request: HttpRequest) -> HttpResponse {
    if authorised(&world, &request).is_err() {
        return HttpResponse::Unauthorized().finish();
    }
    if let Some(answer) = fault(&world, On::Media, &request).await {
        return answer;
    }
    let state = world.state();
    let file = query.hash.as_deref().and_then(|hash| state.media.at_url(hash, world.clock.now()));
    file.map_or_else(
        || HttpResponse::NotFound().finish(),
        |file| HttpResponse::Ok().content_type(file.mime.as_str()).body(file.bytes.clone()),
    )
}

/// What is not simulated: never a success.
async fn unknown(request: HttpRequest) -> HttpResponse {
    let details = format!("The simulator does not offer {} {}.", request.method(), request.path());
    failed(&ApiError { status: 501, ..ApiError::new(3, details) })
}
