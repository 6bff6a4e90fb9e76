//! Bare HTTP handlers: the product's SQL through `web::block` and the product's JSON, without sign-in.

use std::io::{BufRead, stdin};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use chrono::SecondsFormat;
use diesel::{
    QueryResult, RunQueryDsl,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use serde::{Deserialize, Serialize};

use super::{
    pages::*,
    sql::{BaselineConnection, BaselineConnectionManager, SqlTime, SqlValue, on_db, statement},
};
use crate::BenchResult;

/// The staff member for whom all pages are.
#[derive(Clone, Serialize, Deserialize)]
pub struct BaselineCaller {
    /// The URL of the database.
    pub database: String,
    pub staff: i64,
    pub hotel: i64,
    pub department: i64,
}

struct BaselineServer {
    readers: r2d2::Pool<BaselineConnectionManager>,
    caller: BaselineCaller,
}

/// Reads a [`BaselineCaller`] from standard input and serves until it is killed.
pub fn run() -> BenchResult<()> {
    let caller: BaselineCaller = serde_json::from_str(&stdin().lock().lines().next().ok_or("no caller")??)?;
    crate::processes::exit_with_parent();
    // As many connections as the product has.
    let readers = if caller.database.starts_with("sqlite:") { 4 } else { 8 };
    let pool = r2d2::Pool::builder()
        .max_size(readers)
        .test_on_check_out(false)
        .build(BaselineConnectionManager(caller.database.clone()))?;
    let bare = web::Data::new(BaselineServer { readers: pool, caller });
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new().app_data(bare.clone()).service(
                web::scope("/api/message_manager/conversations")
                    .route("/", web::get().to(list))
                    .route("/{id}/", web::get().to(detail))
                    .route("/{id}/messages/", web::get().to(messages)),
            )
        })
        .workers(2)
        .bind(("127.0.0.1", 0))?;
        println!("listening on http://{}", server.addrs()[0]);
        server.run().await?;
        Ok(())
    })
}

type BaselineResponse = actix_web::Result<HttpResponse>;

async fn respond<T: Serialize + Send + 'static>(
    bare: web::Data<BaselineServer>,
    query: impl FnOnce(&mut BaselineConnection, &BaselineCaller) -> QueryResult<T> + Send + 'static,
) -> BaselineResponse {
    let (epoch, seq, page) = web::block(move || {
        let mut conn = bare.readers.get().map_err(|error| error.to_string())?;
        let in_snapshot = |conn: &mut BaselineConnection| {
            conn.begin_snapshot()?;
            let values = [SqlValue::Number(1), SqlValue::Number(bare.caller.hotel), SqlValue::Number(1)];
            let cursor = statement::<(Nullable<Text>, BigInt)>(CURSOR, &values);
            let (epoch, seq): (Option<String>, i64) = on_db!(conn, |c| cursor.get_result(c))?;
            let page = query(conn, &bare.caller)?;
            conn.run("COMMIT")?;
            Ok((epoch.unwrap_or_default(), seq, page))
        };
        in_snapshot(&mut conn).map_err(|error: diesel::result::Error| error.to_string())
    })
    .await?
    .map_err(actix_web::error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().insert_header(("X-Event-Epoch", epoch)).insert_header(("X-Event-Seq", seq)).json(page))
}

async fn list(request: HttpRequest, bare: web::Data<BaselineServer>) -> BaselineResponse {
    let url = request.full_url();
    respond(bare, move |conn, caller| {
        let department = || SqlValue::Number(caller.department);
        let filter =
            || [SqlValue::Number(caller.staff), SqlValue::Number(caller.hotel), SqlValue::Text("relay"), department()];
        let count = conn.number(COUNT, &filter().into_iter().chain([SqlValue::Number(1)]).collect::<Vec<_>>())?;
        let values: Vec<_> = filter().into_iter().chain([SqlValue::Number(25), SqlValue::Number(0)]).collect();
        let page = statement::<BigInt>(PAGE, &values);
        let ids: Vec<i64> = on_db!(conn, |c| page.load(c))?;
        let mut found = views(conn, caller, &ids)?;
        let results: Vec<BaselineConversation> = ids
            .iter()
            .filter_map(|id| Some(found.swap_remove(found.iter().position(|it| it.1.id == *id)?).1))
            .collect();
        let next = (count > 25).then(|| format!("{}?page=2", url.as_str().split('?').next().unwrap_or_default()));
        Ok(BaselinePage { count, next, previous: (), results })
    })
    .await
}

async fn detail(id: web::Path<i64>, bare: web::Data<BaselineServer>) -> BaselineResponse {
    let id = id.into_inner();
    respond(bare, move |conn, caller| {
        let (row, conversation) = views(conn, caller, &[id])?.pop().ok_or(diesel::result::Error::NotFound)?;
        Ok(BaselineDetails {
            conversation,
            guest_phone: row.guest_phone,
            context_data: serde_json::from_str(&row.context_data.0).unwrap_or_default(),
            created_at: rfc3339(row.created_at),
            current_step: row.current_step,
            check_in: row.check_in.map(|it| it.to_string()),
            check_out: row.check_out.map(|it| it.to_string()),
        })
    })
    .await
}

#[derive(Deserialize)]
struct LimitQuery {
    limit: Option<i64>,
}

async fn messages(
    id: web::Path<i64>,
    most: web::Query<LimitQuery>,
    bare: web::Data<BaselineServer>,
) -> BaselineResponse {
    let (id, most) = (id.into_inner(), most.limit.unwrap_or(200));
    respond(bare, move |conn, _| {
        check_visibility(conn, id)?;
        let values = [SqlValue::Number(id), SqlValue::Flag(false), SqlValue::Number(most)];
        let query = statement::<MessageColumns>(MESSAGES, &values);
        let mut rows: Vec<BaselineMessageRow> = on_db!(conn, |c| query.load(c))?;
        rows.reverse();
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            for (sql, end) in [(BEFORE, first.id), (AFTER, last.id)] {
                let values =
                    [SqlValue::Number(id), SqlValue::Flag(false), SqlValue::Flag(false), SqlValue::Number(end)];
                let query = statement::<Bool>(sql, &values);
                let _: bool = on_db!(conn, |c| query.get_result(c))?;
            }
        }
        Ok(rows.into_iter().map(BaselineMessage::from).collect::<Vec<_>>())
    })
    .await
}

/// The read by which the product checks visibility.
fn check_visibility(conn: &mut BaselineConnection, id: i64) -> QueryResult<()> {
    type Columns = (BigInt, BigInt, BigInt, Nullable<BigInt>, Text, Nullable<BigInt>, Nullable<BigInt>);
    type BenchRow = (i64, i64, i64, Option<i64>, String, Option<i64>, Option<i64>);
    let values = [SqlValue::Number(id), SqlValue::Number(1)];
    let query = statement::<Columns>(CONVERSATION, &values);
    let _: BenchRow = on_db!(conn, |c| query.get_result(c))?;
    Ok(())
}

fn views(
    conn: &mut BaselineConnection,
    caller: &BaselineCaller,
    ids: &[i64],
) -> QueryResult<Vec<(BaselineViewRow, BaselineConversation)>> {
    let values = [SqlValue::Number(caller.staff), SqlValue::one_of(ids)];
    let query = statement::<ViewColumns>(VIEWS, &values);
    let rows: Vec<BaselineViewRow> = on_db!(conn, |c| query.load(c))?;
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let conversation = BaselineConversation::from_row(&mut row);
            (row, conversation)
        })
        .collect())
}

fn rfc3339(at: SqlTime) -> String {
    at.0.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[derive(Serialize)]
struct BaselinePage {
    count: i64,
    next: Option<String>,
    previous: (),
    results: Vec<BaselineConversation>,
}

#[derive(Serialize)]
struct BaselineConversation {
    id: i64,
    stay_id: Option<i64>,
    guest_name: Option<String>,
    room_number: Option<String>,
    status: String,
    department_name: Option<String>,
    last_message: Option<BaselineLastMessage>,
    updated_at: String,
    assigned_to: Option<BaselinePerson>,
    last_guest_message_at: Option<String>,
    window_expires_at: (),
    unread_count: i64,
}

#[derive(Serialize)]
struct BaselineDetails {
    #[serde(flatten)]
    conversation: BaselineConversation,
    guest_phone: Option<String>,
    context_data: serde_json::Map<String, serde_json::Value>,
    created_at: String,
    current_step: String,
    check_in: Option<String>,
    check_out: Option<String>,
}

#[derive(Serialize)]
struct BaselineLastMessage {
    content: String,
    timestamp: String,
    sender_type: String,
}

#[derive(Serialize)]
struct BaselinePerson {
    id: i64,
    name: String,
}

#[derive(Serialize)]
struct BaselineMessage {
    id: i64,
    content: String,
    sender_type: String,
    sender_name: Option<String>,
    timestamp: String,
    delivery: Option<String>,
    failure: Option<String>,
    attachments: [(); 0],
    internal: bool,
}

impl BaselineConversation {
    /// Moves the texts out of the row.
    fn from_row(row: &mut BaselineViewRow) -> Self {
        let last = row.last_content.take().zip(row.last_at).zip(row.last_sender_type.take());
        Self {
            id: row.id,
            stay_id: row.stay_id,
            guest_name: row.guest_name.take(),
            room_number: row.room_number.take(),
            status: std::mem::take(&mut row.status),
            department_name: row.department_name.take(),
            last_message: last.map(|((content, at), sender_type)| BaselineLastMessage {
                content,
                timestamp: rfc3339(at),
                sender_type,
            }),
            updated_at: rfc3339(row.updated_at),
            assigned_to: row.assigned_to.zip(row.assignee_name.take()).map(|(id, name)| BaselinePerson { id, name }),
            last_guest_message_at: row.last_guest_message_at.map(rfc3339),
            window_expires_at: (),
            unread_count: row.guest_messages - row.read.unwrap_or(0),
        }
    }
}

impl From<BaselineMessageRow> for BaselineMessage {
    fn from(row: BaselineMessageRow) -> Self {
        Self {
            id: row.id,
            sender_name: if row.sender_type == "staff" { row.staff_name } else { row.guest_name },
            content: row.content,
            sender_type: row.sender_type,
            timestamp: rfc3339(row.timestamp),
            delivery: row.delivery,
            failure: row.failure,
            attachments: [],
            internal: row.internal,
        }
    }
}
