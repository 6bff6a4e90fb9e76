//! HTTP server: routes of the Graph API, access checks, and cut connections.

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
    faults::FaultTarget,
    graph_error::GraphError,
    json_fields::GraphResult,
    media::MAX_FILE_BYTES,
    sends::{GraphResponse, faulty_response, handle_send},
    state::Simulator,
    templates::TemplatePageQuery,
    transcript::UPLOAD,
};

const MAX_SEND_BYTES: usize = 1024 * 1024;
/// A call that gets no response is cut after this time, when every client has timed out.
const HANG_TIMEOUT: Duration = Duration::from_secs(600);
/// The first path segment of a Graph API call: the API version, such as `v25.0`.
const VERSION: &str = r"/v{version:\d+\.\d+}";

/// A duplicated descriptor of a connection, through which a handler can cut it.
struct SocketDescriptor(Socket);

/// Stores a [`SocketDescriptor`] for an accepted connection.
pub(crate) fn keep_descriptor(connection: &dyn Any, extensions: &mut Extensions) {
    let stream = connection.downcast_ref::<TcpStream>();
    if let Some(descriptor) = stream.and_then(|it| it.as_fd().try_clone_to_owned().ok()) {
        extensions.insert(Arc::new(SocketDescriptor(Socket::from(descriptor))));
    }
}

fn cut_connection(request: &HttpRequest) {
    if let Some(handle) = request.conn_data::<Arc<SocketDescriptor>>() {
        // `shutdown` fails if the client has closed the connection already.
        let _ = handle.0.shutdown(std::net::Shutdown::Both);
    }
}

pub(crate) fn configure(config: &mut ServiceConfig) {
    config.configure(control::configure);
    config.app_data(PayloadConfig::new(MAX_SEND_BYTES));
    config.route("/whatsapp_business/attachments/", web::get().to(download));
    config.service(
        web::scope(VERSION)
            .route("/{id}/messages", web::post().to(send_message))
            .route("/{id}/media", web::post().to(upload))
            .route("/{id}/message_templates", web::get().to(list_templates))
            .route("/{id}", web::get().to(look_up))
            .route("/{id}", web::delete().to(delete)),
    );
    config.default_service(web::to(not_simulated));
}

/// Refuses requests whose `Host` is not a loopback name, which a web page could send by DNS rebinding.
pub(crate) async fn require_loopback_host(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let host = request.headers().get(HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    let is_loopback = name.trim_matches(['[', ']']).parse().is_ok_and(|it: std::net::IpAddr| it.is_loopback());
    if is_loopback || name.eq_ignore_ascii_case("localhost") {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let body = json!({ "error": "the simulator is reached by loopback names only" });
    Ok(request.into_response(HttpResponse::Forbidden().json(body)).map_into_right_body())
}

fn error_response(error: &GraphError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = HttpResponseBuilder::new(status);
    if let Some(seconds) = error.retry_after {
        response.insert_header((RETRY_AFTER, seconds));
    }
    response.json(error.response_body())
}

/// Fails unless the request has the account's access token, and that token is not revoked.
fn check_token(simulator: &Simulator, request: &HttpRequest) -> GraphResult<()> {
    let header = request.headers().get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let account = &simulator.lock().account;
    let is_valid = header.and_then(|it| it.strip_prefix("Bearer ")) == Some(account.token.as_str());
    if is_valid && !account.is_revoked { Ok(()) } else { Err(GraphError::invalid_token()) }
}

/// Returns the response of a requested fault that applies to a file call, or `None` if there is none.
async fn fault_response(simulator: &Simulator, target: FaultTarget, request: &HttpRequest) -> Option<HttpResponse> {
    let behavior = simulator.lock().faults.take_requested(target, "")?;
    sleep(Duration::from_millis(u64::try_from(behavior.delay).unwrap_or(0))).await;
    Some(http_response(faulty_response(behavior.response)?, request).await)
}

async fn send_message(
    simulator: Data<Simulator>,
    path: Path<(String, String)>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    if let Err(error) = check_token(&simulator, &request) {
        return error_response(&error);
    }
    let (_, number) = path.into_inner();
    http_response(handle_send(&simulator, &number, &body).await, &request).await
}

async fn http_response(response: GraphResponse, request: &HttpRequest) -> HttpResponse {
    match response {
        GraphResponse::Json(value) => HttpResponse::Ok().json(value),
        GraphResponse::Error(error) => error_response(&error),
        GraphResponse::StatusOnly(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            HttpResponseBuilder::new(status).content_type("text/html").body("<html>Sorry, something went wrong.</html>")
        }
        GraphResponse::Disconnect => {
            cut_connection(request);
            HttpResponse::BadGateway().finish()
        }
        GraphResponse::Hang => {
            let _ = timeout(HANG_TIMEOUT, pending::<()>()).await;
            cut_connection(request);
            HttpResponse::GatewayTimeout().finish()
        }
    }
}

async fn list_templates(
    simulator: Data<Simulator>,
    path: Path<(String, String)>,
    query: Query<TemplatePageQuery>,
    request: HttpRequest,
) -> HttpResponse {
    if let Err(error) = check_token(&simulator, &request) {
        return error_response(&error);
    }
    let (_, account) = path.into_inner();
    if account != simulator.options.waba_id {
        return error_response(&GraphError::unknown_object(&account));
    }
    let page = simulator.lock().templates.page(&query, &format!("{}{}", simulator.base, request.path()));
    page.map_or_else(|error| error_response(&error), |page| HttpResponse::Ok().json(page))
}

async fn upload(
    simulator: Data<Simulator>,
    path: Path<(String, String)>,
    query: Query<UploadQuery>,
    request: HttpRequest,
    form: Multipart,
) -> HttpResponse {
    if let Some(response) = fault_response(&simulator, FaultTarget::Upload, &request).await {
        return response;
    }
    match store_upload(&simulator, &path.into_inner().1, query.into_inner(), &request, form).await {
        Ok(id) => HttpResponse::Ok().json(json!({ "id": id })),
        Err(error) => error_response(&error),
    }
}

async fn store_upload(
    simulator: &Simulator,
    number: &str,
    query: UploadQuery,
    request: &HttpRequest,
    form: Multipart,
) -> GraphResult<String> {
    check_token(simulator, request)?;
    if !simulator.has_number(number) {
        return Err(GraphError::unknown_object(number));
    }
    let form = read_form(form).await?;
    let product = form.messaging_product.or(query.messaging_product.map(String::into_bytes));
    if product.as_deref() != Some(b"whatsapp") {
        return Err(GraphError::parameter("The parameter messaging_product is required."));
    }
    let bytes = form.file.ok_or_else(|| GraphError::missing("file"))?;
    let mime = form.mime.or(query.mime).or(form.file_mime).ok_or_else(|| GraphError::missing("type"))?;
    let (now, size) = (simulator.clock.now(), bytes.len());
    let mut state = simulator.lock();
    if let Some(error) = state.account.fault(now) {
        return Err(error);
    }
    let id = state.media.add_upload(number, &mime, bytes.into(), now)?;
    let entry = json!({ "phone_number_id": number, "id": id, "type": mime, "bytes": size });
    state.transcript.record(UPLOAD, now, entry);
    Ok(id)
}

/// The parameters of an upload that the Graph API takes from the query too.
#[derive(Deserialize)]
struct UploadQuery {
    messaging_product: Option<String>,
    #[serde(rename = "type")]
    mime: Option<String>,
}

#[derive(Default)]
struct MediaUploadForm {
    messaging_product: Option<Vec<u8>>,
    /// The form field `type`: the MIME type of the uploaded file.
    mime: Option<String>,
    file: Option<Vec<u8>>,
    /// The content type of the form part that contains the file.
    file_mime: Option<String>,
}

async fn read_form(mut form: Multipart) -> GraphResult<MediaUploadForm> {
    let unreadable = |_| GraphError::parameter("The form cannot be read.");
    let mut upload = MediaUploadForm::default();
    while let Some(field) = form.next().await {
        let mut field = field.map_err(unreadable)?;
        let mime = field.content_type().map(ToString::to_string);
        let name = field.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = field.next().await {
            bytes.extend_from_slice(&chunk.map_err(unreadable)?);
            if bytes.len() > MAX_FILE_BYTES {
                return Err(GraphError::new(131053, "The file is too large."));
            }
        }
        match name.as_str() {
            "messaging_product" => upload.messaging_product = Some(bytes),
            "type" => upload.mime = String::from_utf8(bytes).ok(),
            "file" => (upload.file, upload.file_mime) = (Some(bytes), mime),
            _ => {}
        }
    }
    Ok(upload)
}

#[derive(Deserialize)]
struct LookUpQuery {
    phone_number_id: Option<String>,
}

/// Returns the JSON of a phone number or a file, looked up by its id.
async fn look_up(
    simulator: Data<Simulator>,
    path: Path<(String, String)>,
    query: Query<LookUpQuery>,
    request: HttpRequest,
) -> HttpResponse {
    if let Err(error) = check_token(&simulator, &request) {
        return error_response(&error);
    }
    let (_, id) = path.into_inner();
    if simulator.has_number(&id) {
        return HttpResponse::Ok().json(number_json(&simulator, &id));
    }
    if let Some(response) = fault_response(&simulator, FaultTarget::Media, &request).await {
        return response;
    }
    let now = simulator.clock.now();
    let info = simulator.lock().media.look_up(&id, query.phone_number_id.as_deref(), &simulator.base, now);
    info.map_or_else(|| unknown_file(&id), |info| HttpResponse::Ok().json(info))
}

fn unknown_file(id: &str) -> HttpResponse {
    error_response(&GraphError { status: 404, ..GraphError::unknown_object(id) })
}

fn number_json(simulator: &Simulator, phone_number_id: &str) -> Value {
    json!({
        "verified_name": "A simulated hotel",
        "display_phone_number": format!("+{}", simulator.display_number(phone_number_id)),
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "id": phone_number_id,
    })
}

async fn delete(simulator: Data<Simulator>, path: Path<(String, String)>, request: HttpRequest) -> HttpResponse {
    if let Err(error) = check_token(&simulator, &request) {
        return error_response(&error);
    }
    let (_, id) = path.into_inner();
    if simulator.lock().media.delete(&id) {
        return HttpResponse::Ok().json(json!({ "success": true }));
    }
    unknown_file(&id)
}

#[derive(Deserialize)]
struct DownloadQuery {
    hash: Option<String>,
}

async fn download(simulator: Data<Simulator>, query: Query<DownloadQuery>, request: HttpRequest) -> HttpResponse {
    if check_token(&simulator, &request).is_err() {
        return HttpResponse::Unauthorized().finish();
    }
    if let Some(response) = fault_response(&simulator, FaultTarget::Media, &request).await {
        return response;
    }
    let state = simulator.lock();
    let now = simulator.clock.now();
    let file = query.hash.as_deref().and_then(|hash| state.media.find_by_url_hash(hash, now));
    file.map_or_else(
        || HttpResponse::NotFound().finish(),
        |file| HttpResponse::Ok().content_type(file.mime.as_str()).body(file.bytes.clone()),
    )
}

/// Responds with 501 to a call that is not simulated, so that it never looks like a success.
async fn not_simulated(request: HttpRequest) -> HttpResponse {
    let details = format!("The simulator does not offer {} {}.", request.method(), request.path());
    error_response(&GraphError { status: 501, ..GraphError::new(3, details) })
}
