//! A bare loop that commits groups of the statements that a message takes.
//!
//! Producers wait for their message to be durable; the loop takes whatever waits, as the product's
//! lane does. It is steered as the load client is.

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

use super::sql::{Conn, Moment, Time, Value, on_db, statement};
use crate::{
    Outcome,
    load::{Pace, Report, Round, webhook},
};

/// The most messages of one group, as in the product.
const GROUP: usize = 256;
/// The number of the next guest's message.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What is done for each message.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statements {
    /// What the product looks at before it stores a staff member's message, and what it changes then.
    Sent,
    /// Only what it changes.
    ChangesOfSent,
    /// What it changes when a guest's message comes by WhatsApp.
    ChangesOfReceived,
}

/// What to commit, and where.
#[derive(Serialize, Deserialize)]
pub struct Commits {
    /// The database, which no product uses.
    pub database: String,
    /// The sender.
    pub staff: i64,
    /// Their session.
    pub session: String,
    /// Their hotel and department.
    pub hotel: i64,
    pub department: i64,
    /// The conversations, each with its stay, that they write to in turns.
    pub conversations: Vec<(i64, i64)>,
    /// What is done for each.
    pub statements: Statements,
}

struct Message {
    conversation: i64,
    stay: i64,
    durable: oneshot::Sender<()>,
}

/// Runs it.
///
/// # Errors
/// The database's.
pub fn run() -> Outcome<()> {
    let mut lines = stdin().lock().lines();
    let job: Commits = serde_json::from_str(&lines.next().ok_or("nothing to commit")??)?;
    let conversations = job.conversations.clone();
    let conn = Conn::open(&job.database)?;
    let (queue, waiting) = mpsc::channel(1024);
    thread::spawn(move || {
        if let Err(error) = commit(conn, &job, waiting) {
            eprintln!("the loop ended: {error}");
            std::process::exit(1);
        }
    });
    say("ready")?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    for line in lines {
        let round: Round = serde_json::from_str(&line?)?;
        let report = runtime.block_on(produce(&queue, &conversations, round))?;
        say(&serde_json::to_string(&report)?)?;
    }
    Ok(())
}

fn say(line: &str) -> Outcome<()> {
    writeln!(stdout(), "{line}")?;
    Ok(stdout().flush()?)
}

async fn produce(queue: &mpsc::Sender<Message>, conversations: &[(i64, i64)], round: Round) -> Outcome<Report> {
    let until = Instant::now() + Duration::from_secs_f64(round.seconds);
    let times = match round.pace {
        Pace::UntilAcknowledged(producers) => produce_again_and_again(queue, conversations, producers, until).await,
        Pace::Every(a_second) => produce_at_a_pace(queue, conversations, a_second, until).await?,
        Pace::UntilDelivered(_) => return Err("nothing is delivered here".into()),
    };
    Ok(Report::of(times, 0, round.seconds))
}

/// Each producer goes on when its message is durable.
async fn produce_again_and_again(
    queue: &mpsc::Sender<Message>,
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
                if sent >= until || queue.send(Message { conversation, stay, durable }).await.is_err() {
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

/// As the load client sends: when a message is due, whether or not the one before is durable. A commit that the disk
/// holds up then counts for each that waits for it.
async fn produce_at_a_pace(
    queue: &mpsc::Sender<Message>,
    conversations: &[(i64, i64)],
    a_second: f64,
    until: Instant,
) -> Outcome<Vec<u32>> {
    let (mut tasks, mut due) = (JoinSet::new(), Instant::now());
    for &(conversation, stay) in conversations.iter().cycle() {
        tokio::time::sleep_until(due.into()).await;
        due += Duration::from_secs_f64(1.0 / a_second);
        let sent = Instant::now();
        if sent >= until {
            break;
        }
        let (durable, answer) = oneshot::channel();
        queue.send(Message { conversation, stay, durable }).await?;
        tasks.spawn(async move { answer.await.map(|()| micros_since(sent)) });
    }
    Ok(tasks.join_all().await.into_iter().collect::<Result<_, _>>()?)
}

fn micros_since(sent: Instant) -> u32 {
    u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX)
}

fn commit(mut conn: Conn, job: &Commits, mut waiting: mpsc::Receiver<Message>) -> Outcome<()> {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        let now = Utc::now();
        begin(&mut conn, &group)?;
        let mut ids = Vec::with_capacity(group.len());
        for message in &group {
            ids.push(match job.statements {
                Statements::Sent => {
                    read(&mut conn, job, message, now)?;
                    send(&mut conn, job, message, now)?
                }
                Statements::ChangesOfSent => send(&mut conn, job, message, now)?,
                Statements::ChangesOfReceived => receive(&mut conn, message, now)?,
            });
        }
        match conn {
            Conn::Pg(_) => log_events_at_once(&mut conn, job, &group, &ids, now)?,
            Conn::Sqlite(_) => log_events(&mut conn, job, &group, &ids, now)?,
        }
        conn.run("COMMIT")?;
        // A producer waits as long as this process lives.
        for message in group {
            let _ = message.durable.send(());
        }
    }
    Ok(())
}

fn begin(conn: &mut Conn, group: &[Message]) -> QueryResult<()> {
    if let Conn::Sqlite(_) = conn {
        return conn.run("BEGIN IMMEDIATE");
    }
    conn.run("BEGIN")?;
    let ids: Vec<i64> = group.iter().map(|message| message.conversation).collect();
    conn.change(LOCK, &[Value::among(&ids)]).map(drop)
}

/// As long as the messages of the load client.
const TEXT: &str = "Of course. Two more towels and a second pillow are on their way; is there anything else that we can \
                    do for you tonight? 12345";

fn send(conn: &mut Conn, job: &Commits, message: &Message, now: DateTime<Utc>) -> QueryResult<i64> {
    let staff = || Value::Number(job.staff);
    if let Conn::Pg(_) = conn {
        let (at, text) = (|| Value::time(now), Value::Text(TEXT));
        let values = [text, staff(), at(), Value::Number(message.conversation), at(), staff()];
        return conn.number(SENT_AT_ONCE, &values);
    }
    let id = store(conn, message, now, [Value::Text("staff"), staff(), Value::Null, Value::Text("sent")], 0)?;
    let conversation = || Value::Number(message.conversation);
    conn.change(LAST_MESSAGE, &[Value::time(now), Value::Number(id), conversation()])?;
    conn.change(MARK, &[staff(), Value::Number(id), conversation()])?;
    Ok(id)
}

/// A guest's message, which WhatsApp gave a name, with the JSON that it came in.
fn receive(conn: &mut Conn, message: &Message, now: DateTime<Utc>) -> QueryResult<i64> {
    let name = format!("wamid.{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let id = store(conn, message, now, [Value::Text("guest"), Value::Null, Value::Text(&name), Value::Null], 1)?;
    let (at, one) = (|| Value::time(now), Value::Number(1));
    conn.change(HEARD, &[at(), Value::Number(id), at(), one, Value::Number(message.conversation)])?;
    let raw = webhook::message("491700000000", &name, now.timestamp()).to_string();
    conn.change(INBOUND, &[Value::Number(id), Value::Text(&raw)])?;
    Ok(id)
}

/// Stores a message: of which type its sender is, which staff member, what WhatsApp calls it, how far it has come; and
/// how many it adds to the guest's.
fn store(
    conn: &mut Conn,
    message: &Message,
    now: DateTime<Utc>,
    [sender_type, staff, name, delivery]: [Value<'_>; 4],
    of_guest: i64,
) -> QueryResult<i64> {
    let conversation = || Value::Number(message.conversation);
    let values = [
        conversation(),
        Value::Text(TEXT),
        sender_type,
        staff,
        Value::time(now),
        name,
        delivery,
        Value::Flag(false),
        Value::Null,
        Value::Null,
        Value::Number(of_guest),
        conversation(),
        Value::Number(1),
    ];
    conn.number(MESSAGE, &values)
}

/// What the product looks at before it writes.
fn read(conn: &mut Conn, job: &Commits, message: &Message, now: DateTime<Utc>) -> QueryResult<()> {
    let (idle, most) = (now - TimeDelta::days(30), now - TimeDelta::days(90));
    let values = [Value::Flag(true), Value::time(idle), Value::time(most), Value::Text(&job.session)];
    let session = statement::<SessionColumns>(SESSION, &values);
    let _: SessionRow = on_db!(conn, |c| session.get_result(c))?;
    let one = || Value::Number(1);
    let values = [one(), one(), Value::Number(message.conversation), one()];
    let conversation = statement::<(ConversationColumns, HotelColumns)>(CONVERSATION, &values);
    let _: (ConversationRow, HotelRow) = on_db!(conn, |c| conversation.get_result(c))?;
    Ok(())
}

/// The group's events: the counter's row once, two events for each message.
fn log_events(conn: &mut Conn, job: &Commits, group: &[Message], ids: &[i64], now: DateTime<Utc>) -> Outcome<()> {
    let count = i64::try_from(2 * group.len())?;
    let hotel = || Value::Number(job.hotel);
    let mut seq = conn.number(COUNTER, &[Value::Number(count), hotel()])? - count;
    for (message, id) in group.iter().zip(ids) {
        let (conversation, stay) = (|| Value::Number(message.conversation), || Value::Number(message.stay));
        let department = || Value::Number(job.department);
        for (kind, message, [before, after], only_message) in [
            ("message", Value::Number(*id), [Value::Null, Value::Null], false),
            ("conversation_updated", Value::Null, [department(), department()], true),
        ] {
            seq += 1;
            let (place, at, kind) = (Value::Number(seq), Value::time(now), Value::Text(kind));
            let (nothing, only_message) = (|| Value::Null, Value::Flag(only_message));
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

/// The same in one statement, as the product does on PostgreSQL.
fn log_events_at_once(
    conn: &mut Conn,
    job: &Commits,
    group: &[Message],
    ids: &[i64],
    now: DateTime<Utc>,
) -> Outcome<()> {
    fn column<T>(group: &[Message], of: impl Fn(&Message) -> [T; 2]) -> Vec<T> {
        group.iter().flat_map(of).collect()
    }
    let count = i64::try_from(2 * group.len())?;
    let nothing = || Value::Texts(vec![None; 2 * group.len()]);
    let departments = || Value::Numbers(column(group, |_| [None, Some(job.department)]));
    let values = [
        Value::Number(count),
        Value::Number(job.hotel),
        Value::Number(job.hotel),
        Value::Number(count),
        Value::Numbers((1..=count).map(Some).collect()),
        Value::Times(column(group, |_| [now; 2])),
        Value::Texts(column(group, |_| [Some("message"), Some("conversation_updated")])),
        Value::Numbers(column(group, |it| [Some(it.conversation); 2])),
        Value::Numbers(column(group, |it| [Some(it.stay); 2])),
        Value::Numbers(ids.iter().flat_map(|id| [Some(*id), None]).collect()),
        Value::Numbers(column(group, |_| [None; 2])),
        departments(),
        departments(),
        Value::Flags(column(group, |_| [false, true])),
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
type SessionRow =
    ((String, i64, Option<i64>, Option<Time>, Time, Time), (i64, i64, String, String, String, bool, Option<i64>));
type HotelColumns = ((BigInt, Text, Text, Nullable<BigInt>, Nullable<Text>, Bool), Nullable<BigInt>, Nullable<BigInt>);
type HotelRow = ((i64, String, String, Option<i64>, Option<String>, bool), Option<i64>, Option<i64>);
type ConversationColumns = (BigInt, BigInt, BigInt, Nullable<BigInt>, Text, Nullable<BigInt>, Nullable<BigInt>);
type ConversationRow = (i64, i64, i64, Option<i64>, String, Option<i64>, Option<i64>);

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
