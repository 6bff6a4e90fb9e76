//! Bare handlers: the product's SQL through `web::block`, the product's JSON, and nobody signs in.

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
    sql::{Conn, Connections, Time, Value, on_db, statement},
};
use crate::Outcome;

/// For whom it answers.
#[derive(Clone, Serialize, Deserialize)]
pub struct Asker {
    /// The database.
    pub database: String,
    /// The staff member.
    pub staff: i64,
    /// Their hotel.
    pub hotel: i64,
    /// Their only department.
    pub department: i64,
}

struct Bare {
    readers: r2d2::Pool<Connections>,
    asker: Asker,
}

/// Serves until it is killed; reads an [`Asker`] from standard input.
///
/// # Errors
/// Those of the start.
pub fn run() -> Outcome<()> {
    let asker: Asker = serde_json::from_str(&stdin().lock().lines().next().ok_or("no asker")??)?;
    crate::processes::end_with_input();
    // As many as the product has.
    let readers = if asker.database.starts_with("sqlite:") { 4 } else { 8 };
    let pool =
        r2d2::Pool::builder().max_size(readers).test_on_check_out(false).build(Connections(asker.database.clone()))?;
    let bare = web::Data::new(Bare { readers: pool, asker });
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

type Answer = actix_web::Result<HttpResponse>;

async fn answer<T: Serialize + Send + 'static>(
    bare: web::Data<Bare>,
    ask: impl FnOnce(&mut Conn, &Asker) -> QueryResult<T> + Send + 'static,
) -> Answer {
    let (epoch, seq, told) = web::block(move || {
        let mut conn = bare.readers.get().map_err(|error| error.to_string())?;
        let ask = |conn: &mut Conn| {
            conn.begin_snapshot()?;
            let values = [Value::Number(1), Value::Number(bare.asker.hotel), Value::Number(1)];
            let cursor = statement::<(Nullable<Text>, BigInt)>(CURSOR, &values);
            let (epoch, seq): (Option<String>, i64) = on_db!(conn, |c| cursor.get_result(c))?;
            let told = ask(conn, &bare.asker)?;
            conn.run("COMMIT")?;
            Ok((epoch.unwrap_or_default(), seq, told))
        };
        ask(&mut conn).map_err(|error: diesel::result::Error| error.to_string())
    })
    .await?
    .map_err(actix_web::error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok().insert_header(("X-Event-Epoch", epoch)).insert_header(("X-Event-Seq", seq)).json(told))
}

async fn list(request: HttpRequest, bare: web::Data<Bare>) -> Answer {
    let url = request.full_url();
    answer(bare, move |conn, asker| {
        let mine = || Value::Number(asker.department);
        let of = || [Value::Number(asker.staff), Value::Number(asker.hotel), Value::Text("relay"), mine()];
        let count = conn.number(COUNT, &of().into_iter().chain([Value::Number(1)]).collect::<Vec<_>>())?;
        let values: Vec<_> = of().into_iter().chain([Value::Number(25), Value::Number(0)]).collect();
        let page = statement::<BigInt>(PAGE, &values);
        let ids: Vec<i64> = on_db!(conn, |c| page.load(c))?;
        let mut found = views(conn, asker, &ids)?;
        let results: Vec<Conversation> = ids
            .iter()
            .filter_map(|id| Some(found.swap_remove(found.iter().position(|it| it.1.id == *id)?).1))
            .collect();
        let next = (count > 25).then(|| format!("{}?page=2", url.as_str().split('?').next().unwrap_or_default()));
        Ok(Listed { count, next, previous: (), results })
    })
    .await
}

async fn detail(id: web::Path<i64>, bare: web::Data<Bare>) -> Answer {
    let id = id.into_inner();
    answer(bare, move |conn, asker| {
        let (row, conversation) = views(conn, asker, &[id])?.pop().ok_or(diesel::result::Error::NotFound)?;
        Ok(Details {
            conversation,
            guest_phone: row.guest_phone,
            context_data: serde_json::from_str(&row.context_data.0).unwrap_or_default(),
            created_at: told(row.created_at),
            current_step: row.current_step,
            check_in: row.check_in.map(|it| it.to_string()),
            check_out: row.check_out.map(|it| it.to_string()),
        })
    })
    .await
}

#[derive(Deserialize)]
struct Most {
    limit: Option<i64>,
}

async fn messages(id: web::Path<i64>, most: web::Query<Most>, bare: web::Data<Bare>) -> Answer {
    let (id, most) = (id.into_inner(), most.limit.unwrap_or(200));
    answer(bare, move |conn, _| {
        look_up(conn, id)?;
        let values = [Value::Number(id), Value::Flag(false), Value::Number(most)];
        let asked = statement::<MessageColumns>(MESSAGES, &values);
        let mut rows: Vec<MessageRow> = on_db!(conn, |c| asked.load(c))?;
        rows.reverse();
        if let (Some(first), Some(last)) = (rows.first(), rows.last()) {
            for (sql, end) in [(BEFORE, first.id), (AFTER, last.id)] {
                let values = [Value::Number(id), Value::Flag(false), Value::Flag(false), Value::Number(end)];
                let asked = statement::<Bool>(sql, &values);
                let _: bool = on_db!(conn, |c| asked.get_result(c))?;
            }
        }
        Ok(rows.into_iter().map(Message::from).collect::<Vec<_>>())
    })
    .await
}

/// What the product decides sight by.
fn look_up(conn: &mut Conn, id: i64) -> QueryResult<()> {
    type Columns = (BigInt, BigInt, BigInt, Nullable<BigInt>, Text, Nullable<BigInt>, Nullable<BigInt>);
    type Row = (i64, i64, i64, Option<i64>, String, Option<i64>, Option<i64>);
    let values = [Value::Number(id), Value::Number(1)];
    let asked = statement::<Columns>(CONVERSATION, &values);
    let _: Row = on_db!(conn, |c| asked.get_result(c))?;
    Ok(())
}

fn views(conn: &mut Conn, asker: &Asker, ids: &[i64]) -> QueryResult<Vec<(ViewRow, Conversation)>> {
    let values = [Value::Number(asker.staff), Value::among(ids)];
    let asked = statement::<ViewColumns>(VIEWS, &values);
    let rows: Vec<ViewRow> = on_db!(conn, |c| asked.load(c))?;
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let conversation = Conversation::of(&mut row);
            (row, conversation)
        })
        .collect())
}

fn told(at: Time) -> String {
    at.0.to_rfc3339_opts(SecondsFormat::Micros, true)
}

#[derive(Serialize)]
struct Listed {
    count: i64,
    next: Option<String>,
    previous: (),
    results: Vec<Conversation>,
}

#[derive(Serialize)]
struct Conversation {
    id: i64,
    stay_id: Option<i64>,
    guest_name: Option<String>,
    room_number: Option<String>,
    status: String,
    department_name: Option<String>,
    last_message: Option<LastMessage>,
    updated_at: String,
    assigned_to: Option<Person>,
    last_guest_message_at: Option<String>,
    window_expires_at: (),
    unread_count: i64,
}

#[derive(Serialize)]
struct Details {
    #[serde(flatten)]
    conversation: Conversation,
    guest_phone: Option<String>,
    context_data: serde_json::Map<String, serde_json::Value>,
    created_at: String,
    current_step: String,
    check_in: Option<String>,
    check_out: Option<String>,
}

#[derive(Serialize)]
struct LastMessage {
    content: String,
    timestamp: String,
    sender_type: String,
}

#[derive(Serialize)]
struct Person {
    id: i64,
    name: String,
}

#[derive(Serialize)]
struct Message {
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

impl Conversation {
    /// Takes the texts out of the row.
    fn of(row: &mut ViewRow) -> Self {
        let last = row.last_content.take().zip(row.last_at).zip(row.last_sender_type.take());
        Self {
            id: row.id,
            stay_id: row.stay_id,
            guest_name: row.guest_name.take(),
            room_number: row.room_number.take(),
            status: std::mem::take(&mut row.status),
            department_name: row.department_name.take(),
            last_message: last.map(|((content, at), sender_type)| LastMessage {
                content,
                timestamp: told(at),
                sender_type,
            }),
            updated_at: told(row.updated_at),
            assigned_to: row.assigned_to.zip(row.assignee_name.take()).map(|(id, name)| Person { id, name }),
            last_guest_message_at: row.last_guest_message_at.map(told),
            window_expires_at: (),
            unread_count: row.guest_messages - row.read.unwrap_or(0),
        }
    }
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            sender_name: if row.sender_type == "staff" { row.staff_name } else { row.guest_name },
            content: row.content,
            sender_type: row.sender_type,
            timestamp: told(row.timestamp),
            delivery: row.delivery,
            failure: row.failure,
            attachments: [],
            internal: row.internal,
        }
    }
}
