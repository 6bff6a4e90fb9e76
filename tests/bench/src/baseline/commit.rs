//! A bare group commit of the statements of a message.
//!
//! Producers wait until their message is durable. The loop commits all queued messages together, as the product's writer does. The
//! protocol is that of the load client.

use std::{
    io::{BufRead, Write, stdin, stdout},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    QueryResult, RunQueryDsl,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use serde::{Deserialize, Serialize};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::sql::{BaselineConnection, Moment, SqlTime, SqlValue, on_db, statement};
use crate::{
    BenchResult,
    load::{LoadPace, Round, RoundReport, webhook},
};

/// As in the product.
const MAX_GROUP: usize = 256;
/// Part of the WhatsApp id of the next message.
static NEXT_MESSAGE: AtomicU64 = AtomicU64::new(0);

/// The statements of each message.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitStatements {
    /// The reads and writes of a staff member's message.
    Sent,
    /// The writes of a staff member's message.
    ChangesOfSent,
    /// The writes of a guest's message from WhatsApp.
    ChangesOfReceived,
}

#[derive(Serialize, Deserialize)]
pub struct CommitLoad {
    /// A database that the product does not use.
    pub database: String,
    pub staff: i64,
    pub session: String,
    pub hotel: i64,
    pub department: i64,
    /// Conversations and their stays, which get the messages in turns.
    pub conversations: Vec<(i64, i64)>,
    pub statements: CommitStatements,
}

struct PendingCommit {
    conversation: i64,
    stay: i64,
    durable: oneshot::Sender<()>,
}

pub fn run() -> BenchResult<()> {
    let mut lines = stdin().lock().lines();
    let job: CommitLoad = serde_json::from_str(&lines.next().ok_or("nothing to commit")??)?;
    let conversations = job.conversations.clone();
    let conn = BaselineConnection::open(&job.database)?;
    let (queue, queued) = mpsc::channel(1024);
    thread::spawn(move || {
        if let Err(error) = commit_groups(conn, &job, queued) {
            eprintln!("the loop ended: {error}");
            std::process::exit(1);
        }
    });
    print_line("ready")?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    for line in lines {
        let round: Round = serde_json::from_str(&line?)?;
        let report = runtime.block_on(produce(&queue, &conversations, round))?;
        print_line(&serde_json::to_string(&report)?)?;
    }
    Ok(())
}

fn print_line(line: &str) -> BenchResult<()> {
    writeln!(stdout(), "{line}")?;
    Ok(stdout().flush()?)
}

async fn produce(
    queue: &mpsc::Sender<PendingCommit>,
    conversations: &[(i64, i64)],
    round: Round,
) -> BenchResult<RoundReport> {
    let until = Instant::now() + Duration::from_secs_f64(round.seconds);
    let times = match round.pace {
        LoadPace::AwaitAck(producers) => produce_continuously(queue, conversations, producers, until).await,
        LoadPace::PerSecond(a_second) => produce_at_rate(queue, conversations, a_second, until).await?,
        LoadPace::AwaitDelivery(_) => return Err("this baseline delivers nothing".into()),
    };
    Ok(RoundReport::new(times, 0, round.seconds))
}

/// Each producer sends its next message when the last is durable.
async fn produce_continuously(
    queue: &mpsc::Sender<PendingCommit>,
    conversations: &[(i64, i64)],
    producers: usize,
    until: Instant,
) -> Vec<u32> {
    let mut tasks = JoinSet::new();
    for producer in 0..producers {
        let (queue, mine) = (queue.clone(), conversations.to_vec());
        tasks.spawn(async move {
            let mut times = Vec::new();
            for (conversation, stay) in mine.into_iter().cycle().skip(producer * 7) {
                let sent = Instant::now();
                let (durable, answer) = oneshot::channel();
                if sent >= until || queue.send(PendingCommit { conversation, stay, durable }).await.is_err() {
                    break;
                }
                if answer.await.is_ok() && Instant::now() < until {
                    times.push(micros_since(sent));
                }
            }
            times
        });
    }
    tasks.join_all().await.concat()
}

/// Sends at a fixed rate, like the load client, even if earlier messages are not durable. A slow commit then counts for every message
/// that waits for it.
async fn produce_at_rate(
    queue: &mpsc::Sender<PendingCommit>,
    conversations: &[(i64, i64)],
    a_second: f64,
    until: Instant,
) -> BenchResult<Vec<u32>> {
    let (mut tasks, mut due) = (JoinSet::new(), Instant::now());
    for &(conversation, stay) in conversations.iter().cycle() {
        tokio::time::sleep_until(due.into()).await;
        due += Duration::from_secs_f64(1.0 / a_second);
        let sent = Instant::now();
        if sent >= until {
            break;
        }
        let (durable, answer) = oneshot::channel();
        queue.send(PendingCommit { conversation, stay, durable }).await?;
        tasks.spawn(async move { answer.await.map(|()| micros_since(sent)) });
    }
    Ok(tasks.join_all().await.into_iter().collect::<Result<_, _>>()?)
}

fn micros_since(sent: Instant) -> u32 {
    u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX)
}

fn commit_groups(
    mut conn: BaselineConnection,
    job: &CommitLoad,
    mut queued: mpsc::Receiver<PendingCommit>,
) -> BenchResult<()> {
    while let Some(first) = queued.blocking_recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP
            && let Ok(next) = queued.try_recv()
        {
            group.push(next);
        }
        let now = Utc::now();
        begin(&mut conn, &group)?;
        let mut ids = Vec::with_capacity(group.len());
        for message in &group {
            ids.push(match job.statements {
                CommitStatements::Sent => {
                    read(&mut conn, job, message, now)?;
                    send(&mut conn, job, message, now)?
                }
                CommitStatements::ChangesOfSent => send(&mut conn, job, message, now)?,
                CommitStatements::ChangesOfReceived => receive(&mut conn, message, now)?,
            });
        }
        match conn {
            BaselineConnection::Pg(_) => log_events_at_once(&mut conn, job, &group, &ids, now)?,
            BaselineConnection::Sqlite(_) => log_events(&mut conn, job, &group, &ids, now)?,
        }
        conn.run("COMMIT")?;
        for message in group {
            let _ = message.durable.send(());
        }
    }
    Ok(())
}

fn begin(conn: &mut BaselineConnection, group: &[PendingCommit]) -> QueryResult<()> {
    if let BaselineConnection::Sqlite(_) = conn {
        return conn.run("BEGIN IMMEDIATE");
    }
    conn.run("BEGIN")?;
    let ids: Vec<i64> = group.iter().map(|message| message.conversation).collect();
    conn.change(LOCK, &[SqlValue::one_of(&ids)]).map(drop)
}

/// As long as the texts of the load client.
const TEXT: &str = "Of course. Two more towels and a second pillow are on their way; is there anything else that we can \
                    do for you tonight? 12345";

fn send(
    conn: &mut BaselineConnection,
    job: &CommitLoad,
    message: &PendingCommit,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let staff = || SqlValue::Number(job.staff);
    if let BaselineConnection::Pg(_) = conn {
        let (at, text) = (|| SqlValue::time(now), SqlValue::Text(TEXT));
        let values = [text, staff(), at(), SqlValue::Number(message.conversation), at(), staff()];
        return conn.number(SENT_AT_ONCE, &values);
    }
    let id = store(conn, message, now, [SqlValue::Text("staff"), staff(), SqlValue::Null, SqlValue::Text("sent")], 0)?;
    let conversation = || SqlValue::Number(message.conversation);
    conn.change(LAST_MESSAGE, &[SqlValue::time(now), SqlValue::Number(id), conversation()])?;
    conn.change(MARK, &[staff(), SqlValue::Number(id), conversation()])?;
    Ok(id)
}

/// Stores a guest's message with its WhatsApp id and raw JSON.
fn receive(conn: &mut BaselineConnection, message: &PendingCommit, now: DateTime<Utc>) -> QueryResult<i64> {
    let whatsapp_id = format!("wamid.{}", NEXT_MESSAGE.fetch_add(1, Ordering::Relaxed));
    let id = store(
        conn,
        message,
        now,
        [SqlValue::Text("guest"), SqlValue::Null, SqlValue::Text(&whatsapp_id), SqlValue::Null],
        1,
    )?;
    let (at, one) = (|| SqlValue::time(now), SqlValue::Number(1));
    conn.change(HEARD, &[at(), SqlValue::Number(id), at(), one, SqlValue::Number(message.conversation)])?;
    let raw = webhook::message("491700000000", &whatsapp_id, now.timestamp()).to_string();
    conn.change(INBOUND, &[SqlValue::Number(id), SqlValue::Text(&raw)])?;
    Ok(id)
}

/// Inserts a message with sender type, staff member, WhatsApp id and delivery status. `guest_messages` is added to the counter of
/// guest messages.
fn store(
    conn: &mut BaselineConnection,
    message: &PendingCommit,
    now: DateTime<Utc>,
    [sender_type, staff, whatsapp_id, delivery]: [SqlValue<'_>; 4],
    guest_messages: i64,
) -> QueryResult<i64> {
    let conversation = || SqlValue::Number(message.conversation);
    let values = [
        conversation(),
        SqlValue::Text(TEXT),
        sender_type,
        staff,
        SqlValue::time(now),
        whatsapp_id,
        delivery,
        SqlValue::Flag(false),
        SqlValue::Null,
        SqlValue::Null,
        SqlValue::Number(guest_messages),
        conversation(),
        SqlValue::Number(1),
    ];
    conn.number(MESSAGE, &values)
}

/// The product's reads before the writes.
fn read(
    conn: &mut BaselineConnection,
    job: &CommitLoad,
    message: &PendingCommit,
    now: DateTime<Utc>,
) -> QueryResult<()> {
    let (idle, most) = (now - TimeDelta::days(30), now - TimeDelta::days(90));
    let values = [SqlValue::Flag(true), SqlValue::time(idle), SqlValue::time(most), SqlValue::Text(&job.session)];
    let session = statement::<SessionColumns>(SESSION, &values);
    let _: BaselineSessionRow = on_db!(conn, |c| session.get_result(c))?;
    let one = || SqlValue::Number(1);
    let values = [one(), one(), SqlValue::Number(message.conversation), one()];
    let conversation = statement::<(ConversationColumns, HotelColumns)>(CONVERSATION, &values);
    let _: (BaselineConversationRow, BaselineHotelRow) = on_db!(conn, |c| conversation.get_result(c))?;
    Ok(())
}

/// Inserts the events of a group: one update of the counter, two events for each message.
fn log_events(
    conn: &mut BaselineConnection,
    job: &CommitLoad,
    group: &[PendingCommit],
    ids: &[i64],
    now: DateTime<Utc>,
) -> BenchResult<()> {
    let count = i64::try_from(2 * group.len())?;
    let hotel = || SqlValue::Number(job.hotel);
    let mut seq = conn.number(COUNTER, &[SqlValue::Number(count), hotel()])? - count;
    for (message, id) in group.iter().zip(ids) {
        let (conversation, stay) = (|| SqlValue::Number(message.conversation), || SqlValue::Number(message.stay));
        let department = || SqlValue::Number(job.department);
        for (kind, message, [before, after], only_message) in [
            ("message", SqlValue::Number(*id), [SqlValue::Null, SqlValue::Null], false),
            ("conversation_updated", SqlValue::Null, [department(), department()], true),
        ] {
            seq += 1;
            let (place, at, kind) = (SqlValue::Number(seq), SqlValue::time(now), SqlValue::Text(kind));
            let (nothing, only_message) = (|| SqlValue::Null, SqlValue::Flag(only_message));
            let [staff, delivery, failure] = [nothing(), nothing(), nothing()];
            let values = [
                hotel(),
                place,
                at,
                kind,
                conversation(),
                stay(),
                message,
                staff,
                before,
                after,
                only_message,
                delivery,
                failure,
            ];
            conn.change(EVENT, &values)?;
        }
    }
    Ok(())
}

/// Inserts the events in one statement, as the product does on PostgreSQL.
fn log_events_at_once(
    conn: &mut BaselineConnection,
    job: &CommitLoad,
    group: &[PendingCommit],
    ids: &[i64],
    now: DateTime<Utc>,
) -> BenchResult<()> {
    fn column<T>(group: &[PendingCommit], of: impl Fn(&PendingCommit) -> [T; 2]) -> Vec<T> {
        group.iter().flat_map(of).collect()
    }
    let count = i64::try_from(2 * group.len())?;
    let nothing = || SqlValue::Texts(vec![None; 2 * group.len()]);
    let departments = || SqlValue::Numbers(column(group, |_| [None, Some(job.department)]));
    let values = [
        SqlValue::Number(count),
        SqlValue::Number(job.hotel),
        SqlValue::Number(job.hotel),
        SqlValue::Number(count),
        SqlValue::Numbers((1..=count).map(Some).collect()),
        SqlValue::Times(column(group, |_| [now; 2])),
        SqlValue::Texts(column(group, |_| [Some("message"), Some("conversation_updated")])),
        SqlValue::Numbers(column(group, |it| [Some(it.conversation); 2])),
        SqlValue::Numbers(column(group, |it| [Some(it.stay); 2])),
        SqlValue::Numbers(ids.iter().flat_map(|id| [Some(*id), None]).collect()),
        SqlValue::Numbers(column(group, |_| [None; 2])),
        departments(),
        departments(),
        SqlValue::Flags(column(group, |_| [false, true])),
        nothing(),
        nothing(),
    ];
    let logged = statement::<(BigInt, Bool)>(EVENTS_AT_ONCE, &values);
    let _: (i64, bool) = on_db!(conn, |c| logged.get_result(c))?;
    Ok(())
}

type SessionColumns = (
    (Text, BigInt, Nullable<BigInt>, Nullable<Moment>, Moment, Moment),
    (BigInt, BigInt, Text, Text, Text, Bool, Nullable<BigInt>),
);
type BaselineSessionRow = (
    (String, i64, Option<i64>, Option<SqlTime>, SqlTime, SqlTime),
    (i64, i64, String, String, String, bool, Option<i64>),
);
type HotelColumns = ((BigInt, Text, Text, Nullable<BigInt>, Nullable<Text>, Bool), Nullable<BigInt>, Nullable<BigInt>);
type BaselineHotelRow = ((i64, String, String, Option<i64>, Option<String>, bool), Option<i64>, Option<i64>);
type ConversationColumns = (BigInt, BigInt, BigInt, Nullable<BigInt>, Text, Nullable<BigInt>, Nullable<BigInt>);
type BaselineConversationRow = (i64, i64, i64, Option<i64>, String, Option<i64>, Option<i64>);

const SESSION: &str = "SELECT sessions.id, sessions.generation, sessions.superseded_generation, sessions.superseded_at, \
     sessions.created_at, sessions.last_used_at, staff.id, staff.hotel_id, staff.username, staff.name, \
     staff.role, staff.active, staff_departments.department_id FROM ((sessions INNER JOIN staff ON \
     (sessions.staff_id = staff.id)) LEFT OUTER JOIN staff_departments ON (staff_departments.staff_id = \
     staff.id)) WHERE (((((sessions.revoked_at IS NULL) AND (staff.active = ?)) AND \
     (sessions.last_used_at > ?)) AND (sessions.created_at > ?)) AND (sessions.id = ?)) ORDER BY \
     staff_departments.position";
const CONVERSATION: &str = "SELECT conversations.id, conversations.hotel_id, conversations.guest_id, conversations.stay_id, \
     conversations.status, conversations.department_id, conversations.assigned_to, hotels.id, hotels.name, \
     hotels.timezone, hotels.default_department_id, hotels.whatsapp_phone_number_id, hotels.flow, (SELECT \
     departments.id FROM departments WHERE (departments.hotel_id = hotels.id) ORDER BY departments.id LIMIT ?), \
     (SELECT message_templates.id FROM message_templates WHERE ((message_templates.hotel_id = hotels.id) AND \
     message_templates.is_opener) LIMIT ?) FROM (conversations INNER JOIN hotels ON (hotels.id = conversations.hotel_id)) WHERE (conversations.id = ?) LIMIT ?";
const MESSAGE: &str = "INSERT INTO messages (conversation_id, content, sender_type, staff_sender, timestamp, \
     whatsapp_message_id, delivery, internal, client_ref, request_digest, guest_ordinal) VALUES (?, ?, ?, ?, ?, ?, \
     ?, ?, ?, ?, (SELECT \
     (conversations.guest_messages + ?) FROM conversations WHERE (conversations.id = ?) LIMIT ?)) RETURNING \
     messages.id";
const LAST_MESSAGE: &str = "UPDATE conversations SET updated_at = ?, last_message_id = ? WHERE (conversations.id = ?)";
const HEARD: &str = "UPDATE conversations SET updated_at = ?, last_message_id = ?, last_guest_message_at = ?, \
     guest_messages = (conversations.guest_messages + ?) WHERE (conversations.id = ?)";
const INBOUND: &str = "INSERT INTO inbound (message_id, raw) VALUES (?, ?)";
const MARK: &str = "INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal) SELECT ?, \
     messages.conversation_id, messages.id, messages.guest_ordinal FROM messages WHERE ((messages.id = ?) AND \
     (messages.conversation_id = ?)) ON CONFLICT (conversation_id, staff_id) DO UPDATE SET message_id = \
     excluded.message_id, guest_ordinal = excluded.guest_ordinal WHERE (read_marks.message_id < \
     excluded.message_id)";
const COUNTER: &str = "UPDATE hotel_counters SET seq = (hotel_counters.seq + ?) WHERE (hotel_counters.hotel_id = ?) \
     RETURNING hotel_counters.seq";
const EVENT: &str = "INSERT INTO events (hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, \
     department_before, department_after, only_message, delivery, failure) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const LOCK: &str = "SELECT id FROM conversations WHERE id ? ORDER BY id FOR NO KEY UPDATE";
const SENT_AT_ONCE: &str = "WITH stored AS (INSERT INTO messages (conversation_id, content, sender_type, staff_sender, timestamp, \
     delivery, internal, client_ref, request_digest, whatsapp_message_id, guest_ordinal) SELECT id, ?, 'staff', ?, ?, \
     'sent', FALSE, NULL, NULL, NULL, guest_messages + 0 FROM conversations WHERE id = ? RETURNING id, conversation_id, \
     guest_ordinal), told AS (UPDATE conversations SET updated_at = ?, guest_messages = stored.guest_ordinal, \
     last_message_id = CASE WHEN FALSE THEN last_message_id ELSE stored.id END, last_guest_message_at = \
     COALESCE(NULL::timestamptz, last_guest_message_at) FROM stored WHERE conversations.id = stored.conversation_id), \
     read AS (INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal) SELECT ?, conversation_id, \
     id, guest_ordinal FROM stored ON CONFLICT (conversation_id, staff_id) DO UPDATE SET message_id = \
     excluded.message_id, guest_ordinal = excluded.guest_ordinal WHERE read_marks.message_id < excluded.message_id), \
     kept AS (INSERT INTO inbound (message_id, raw) SELECT id, NULL::text FROM stored WHERE NULL::text IS NOT NULL) \
     SELECT id FROM stored";
const EVENTS_AT_ONCE: &str = "WITH counter AS (UPDATE hotel_counters SET seq = seq + ? WHERE hotel_id = ? RETURNING seq), \
     stored AS (INSERT INTO events (hotel_id, seq, at, kind, conversation_id, stay_id, message_id, staff_id, \
     department_before, department_after, only_message, delivery, failure) SELECT ?, counter.seq - ? + new.place, \
     new.at, new.kind, new.conversation, new.stay, new.message, new.staff, new.before, new.after, new.only_message, \
     new.delivery, new.failure FROM counter, unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) AS new (place, at, kind, \
     conversation, stay, message, staff, before, after, only_message, delivery, failure)) SELECT seq, EXISTS (SELECT \
     FROM nodes OFFSET 1) FROM counter";
