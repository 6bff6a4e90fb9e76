//! Guests on WhatsApp while things go wrong: with the nodes, and with every tenth send. What guests wrote and what
//! they were sent is then compared with what is stored.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use acceptance::{ACCESS_TOKEN, APP_SECRET, Meta, VERIFY_TOKEN, Value, json};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    cluster::Cluster,
    faults, pause,
    readers::Reader,
    report::Report,
    senders::{Done, content, send},
    site::{Person, Site, Stay},
};

/// When all is well again: how long it may take until less waits than before. Refusals of calls that were too many
/// put a message off by minutes.
const REST: Duration = Duration::from_secs(300);
/// Between two messages that a staff member sends to a guest, whom another may answer as well: on the whole less than
/// guests may be sent for ever, one in six seconds, else what waits only grows.
const APART: u64 = 15_000;
/// Stays of a hotel: half of them are in relay, and of those half are with each department.
pub const STAYS: usize = 60;
/// Deliveries from the first to the last.
const RANKS: [&str; 7] = ["held", "queued", "unknown", "sent", "failed", "delivered", "read"];

/// What came of it.
#[derive(Default)]
pub struct Figures {
    /// Messages of guests.
    pub heard: usize,
    /// Messages of staff, by how far they came.
    pub by_delivery: BTreeMap<String, usize>,
    /// Sends that were accepted, and refused.
    pub accepted: usize,
    pub refused: usize,
    /// Ticks that readers were told.
    pub ticks: usize,
}

/// What the nodes need to be set to.
pub fn settings(meta: &Meta) -> [(String, String); 4] {
    [
        ("WHATSAPP_APP_SECRET", APP_SECRET),
        ("WHATSAPP_VERIFY_TOKEN", VERIFY_TOKEN),
        ("WHATSAPP_ACCESS_TOKEN", ACCESS_TOKEN),
        ("WHATSAPP_API_URL", &meta.base),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Lets things go wrong for so long, and compares.
pub async fn run(cluster: Arc<Cluster>, meta: Arc<Meta>, time: Duration, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let mut report = Report { seed, whatsapp: Some(Figures::default()), ..Report::default() };
    let site = Arc::new(Site::made(&cluster, STAYS));
    let hotels: Vec<i64> = site.moving.iter().map(|it| it.hotel).collect();
    for (hotel, number) in hotels.iter().zip(meta_numbers()) {
        let set = ["hotel", "set", &hotel.to_string(), "--whatsapp-phone-number-id", &number, "--flow", "off"];
        cluster.program.run(&set).json();
    }
    cluster.all_well().await;
    let callback = format!("http://{}/webhooks/whatsapp/", balancer(&cluster).await);
    meta.set(json!({ "callback": callback, "retry_ms": 500, "callback_timeout_ms": 5000 })).await;
    let guests = guests(&cluster, &hotels);
    let mut heard = HashSet::new();
    for guest in &guests {
        heard.extend(guest.writes(&meta, "soak-guest hello").await);
        pause(20..40).await;
    }
    told(&meta, &mut report).await;
    let readers: Vec<Reader> = site.people.iter().map(|person| Reader::start(&cluster, person)).collect();
    for reader in &readers {
        reader.is_live().await;
    }
    meta.set(json!({
        "faults": 10, "duplicates": 10, "shuffle_ms": 400, "batch": 20, "reply_ms": [20, 300], "reply_tail_ms": 2000,
        "sent_ms": [0, 300], "delivered_ms": [0, 1000], "read_ms": [0, 3000],
    }))
    .await;
    let stop = Arc::<AtomicBool>::default();
    let mut tasks = JoinSet::new();
    for person in site.people.iter().filter(|it| !it.stays.is_empty()) {
        tasks.spawn(answer(cluster.clone(), person.clone(), stop.clone()));
    }
    let writing = tokio::spawn(write(meta.clone(), guests, stop.clone()));
    let start = Instant::now();
    report.faults = faults::go_wrong(&cluster, start + time, &mut random).await;
    report.time = start.elapsed();
    stop.store(true, Relaxed);
    cluster.all_well().await;
    while let Some(done) = tasks.join_next().await {
        let done = done.unwrap();
        report.tried_again += done.again;
        report.wrong.extend(done.wrong);
        report.acknowledged.extend(done.sent.into_iter().map(|it| it.content));
    }
    heard.extend(writing.await.unwrap());
    meta.set(json!({ "faults": 0 })).await;
    at_rest(&cluster, &mut report).await;
    told(&meta, &mut report).await;
    // What was told last has to come to the readers as well.
    sleep(Duration::from_secs(3)).await;
    compare(&cluster, &meta, &heard, &readers, &mut report).await;
    report
}

/// The phone number ids of the simulator's first numbers.
fn meta_numbers() -> impl Iterator<Item = String> {
    (0..).map(|n: u64| (105_000_000_000_001 + n).to_string())
}

/// An address that leads to any node that runs.
async fn balancer(cluster: &Arc<Cluster>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, cluster) = (listener.local_addr().unwrap(), cluster.clone());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    if let Ok(mut far) = TcpStream::connect(cluster.any()).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                        return;
                    }
                }
            });
        }
    });
    address.to_string()
}

struct Guest {
    phone: String,
    number: String,
}

impl Guest {
    /// Has it posted; the messages' ids.
    async fn writes(&self, meta: &Meta, words: &str) -> Vec<String> {
        let told = meta.post("guest/", json!({ "from": self.phone, "to": self.number, "text": words })).await;
        told["ids"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect()
    }
}

/// The guests of all conversations in relay.
fn guests(cluster: &Cluster, hotels: &[i64]) -> Vec<Guest> {
    let numbers: HashMap<String, String> = hotels.iter().map(ToString::to_string).zip(meta_numbers()).collect();
    let sql = "SELECT g.phone, c.hotel_id FROM conversations c JOIN guests g ON g.id = c.guest_id \
               WHERE c.status = 'relay' ORDER BY c.id";
    let rows = cluster.database.rows(sql);
    rows.into_iter().map(|row| Guest { number: numbers[&row[1]].clone(), phone: row[0].clone() }).collect()
}

/// Guests write, until they are to stop; the messages' ids.
async fn write(meta: Arc<Meta>, guests: Vec<Guest>, stop: Arc<AtomicBool>) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0_usize.. {
        if stop.load(Relaxed) {
            break;
        }
        let guest = &guests[rand::rng().random_range(0..guests.len())];
        ids.extend(guest.writes(&meta, &format!("soak-guest {n}")).await);
        pause(50..250).await;
    }
    ids
}

/// A staff member answers.
async fn answer(cluster: Arc<Cluster>, person: Arc<Person>, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    let apart = APART / person.stays.len() as u64;
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let (content, stay): (String, Stay) = (content(&person, n), person.stays[n % person.stays.len()]);
        if let Some(message) = send(&cluster, &person, stay, &content, &mut done).await {
            let way = crate::senders::Way::Rest;
            done.sent.push(crate::senders::Sent { way, content, stay: stay.id, message, queue: None });
        }
        pause(apart / 2..apart * 3 / 2).await;
    }
    done
}

/// Waits until nothing is queued or on its way.
async fn at_rest(cluster: &Cluster, report: &mut Report) {
    let (mut since, mut least) = (Instant::now(), u64::MAX);
    loop {
        let left = cluster.database.rows("SELECT count(*) FROM outbox WHERE state <> 'settled'")[0][0].parse().unwrap();
        if left == 0 {
            return;
        }
        if left < least {
            (since, least) = (Instant::now(), left);
        }
        if since.elapsed() > REST {
            return report.wrong.push(format!("{left} messages still wait to be sent"));
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until the simulator has told everything.
async fn told(meta: &Meta, report: &mut Report) {
    let start = Instant::now();
    while meta.get("").await["waiting_to_be_told"] != 0 {
        if start.elapsed() > REST {
            return report.wrong.push("the simulator cannot tell everything".to_owned());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// All that the simulator noted of a kind.
async fn transcript(meta: &Meta, kind: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let told = meta.get(&format!("transcript/?kind={kind}&after={after}")).await;
        let entries = told["entries"].as_array().unwrap();
        if entries.is_empty() {
            return all;
        }
        all.extend(entries.iter().cloned());
        after = told["next"].as_u64().unwrap();
    }
}

async fn compare(cluster: &Cluster, meta: &Meta, heard: &HashSet<String>, readers: &[Reader], report: &mut Report) {
    let mut figures = Figures { heard: heard.len(), ..Figures::default() };
    let lost = transcript(meta, "lost").await;
    report.wrong.extend(lost.iter().map(|it| format!("the simulator lost {it}")));
    compare_heard(cluster, heard, report);
    report.wrong.extend(crate::check::miscounted(cluster));
    figures.refused = transcript(meta, "refusal").await.len();
    let sends = transcript(meta, "send").await;
    figures.accepted = sends.len();
    let texts = sends.iter().map(|it| it["body"]["text"]["body"].as_str().unwrap_or_default());
    compare_sent(cluster, &texts.collect::<Vec<_>>(), &mut figures, report);
    for reader in readers {
        figures.ticks += compare_ticks(&reader.person.username, &reader.seen().ticks, report);
    }
    report.whatsapp = Some(figures);
}

/// Each of a guest's messages is stored once.
fn compare_heard(cluster: &Cluster, heard: &HashSet<String>, report: &mut Report) {
    let sql = "SELECT whatsapp_message_id, count(*) FROM messages WHERE content LIKE 'soak-guest%' GROUP BY 1";
    let stored: HashMap<String, String> =
        cluster.database.rows(sql).into_iter().map(|mut row| (row.remove(0), row.remove(0))).collect();
    for id in heard {
        match stored.get(id).map(String::as_str) {
            Some("1") => {}
            None => report.lost.push("a guest's message is not stored".to_owned()),
            Some(times) => report.doubled.push(format!("a guest's message is stored {times} times")),
        }
    }
    if stored.len() > heard.len() {
        report.wrong.push(format!("{} messages of guests are stored, {} were written", stored.len(), heard.len()));
    }
}

/// Each message of staff reached the simulator once, or has failed, or nobody knows, with a reason; in order.
fn compare_sent(cluster: &Cluster, sends: &[&str], figures: &mut Figures, report: &mut Report) {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, text) in sends.iter().enumerate() {
        places.entry(text).or_default().push(place);
    }
    let sql = "SELECT m.content, m.conversation_id, m.delivery, m.failure FROM messages m \
               JOIN outbox o ON o.message_id = m.id WHERE m.content LIKE 'soak-%' ORDER BY m.id";
    let (mut last, mut stored): (HashMap<String, usize>, HashSet<String>) = Default::default();
    for row in cluster.database.rows(sql) {
        let [content, conversation, delivery, failure] = <[String; 4]>::try_from(row).unwrap();
        let at = places.get(content.as_str()).map(Vec::as_slice).unwrap_or_default();
        *figures.by_delivery.entry(delivery.clone()).or_default() += 1;
        match delivery.as_str() {
            "sent" | "delivered" | "read" if at.is_empty() => {
                report.lost.push(format!("{delivery}, not sent: {content}"))
            }
            "sent" | "delivered" | "read" => {}
            "unknown" | "failed" if failure.is_empty() => {
                report.wrong.push(format!("{delivery} without reason: {content}"))
            }
            "unknown" | "failed" => {}
            _ => report.lost.push(format!("{delivery} at the end: {content}")),
        }
        if at.len() > 1 {
            report.doubled.push(format!("sent {} times: {content}", at.len()));
        }
        if let Some(at) = at.first()
            && let Some(before) = last.insert(conversation, *at)
            && before > *at
        {
            report.misordered.push(format!("sent before an earlier one: {content}"));
        }
        if !stored.insert(content.clone()) {
            report.doubled.push(format!("stored twice: {content}"));
        }
    }
    let missing: Vec<String> = report.acknowledged.iter().filter(|it| !stored.contains(*it)).cloned().collect();
    report.lost.extend(missing.into_iter().map(|it| format!("acknowledged, not stored: {it}")));
}

/// No tick of a message went backwards; how many there were.
fn compare_ticks(who: &str, ticks: &[(i64, String)], report: &mut Report) -> usize {
    let rank = |word: &str| RANKS.iter().position(|it| *it == word).unwrap();
    let mut last: HashMap<i64, &str> = HashMap::new();
    for (message, delivery) in ticks {
        if let Some(before) = last.insert(*message, delivery)
            && rank(before) >= rank(delivery)
        {
            report.misordered.push(format!("{who} was told of message {message}: {delivery} after {before}"));
        }
    }
    ticks.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_that_goes_back_or_comes_twice_is_found() {
        let found = |ticks: &[&str]| {
            let ticks: Vec<(i64, String)> = ticks.iter().map(|it| (1, (*it).to_owned())).collect();
            let mut report = Report::default();
            compare_ticks("anybody", &ticks, &mut report);
            report.misordered.len()
        };
        assert_eq!(found(&["unknown", "sent", "failed", "delivered", "read"]), 0);
        assert_eq!(found(&["delivered", "sent"]), 1);
        assert_eq!(found(&["sent", "sent"]), 1);
    }
}
