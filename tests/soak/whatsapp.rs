//! A soak with guests on WhatsApp: faults are injected into the nodes, and every tenth send fails. Messages from and to guests
//! are then compared with what is stored.

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
    cluster::SoakCluster,
    faults,
    links::{STRANGERS_PER_HOTEL, find_wrong_links, link_strangers, stranger_phone},
    pause,
    readers::SoakReader,
    report::SoakReport,
    senders::{AcknowledgedMessage, SendPath, SenderResult, content, send},
    site::{SoakSite, SoakStaff, SoakStay},
    snoozes::{self, snooze_conversations},
};

/// For the outbox to shrink after the last fault. A send that exceeds a rate limit is deferred by minutes.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(300);
/// Milliseconds between two messages to a guest by one staff member; another one may reply as well. Together they stay below
/// the rate limit for one guest, a message in six seconds; above it the outbox would only grow.
const MESSAGE_INTERVAL: u64 = 15_000;
/// One half is in relay, evenly with each department.
pub const STAYS_PER_HOTEL: usize = 60;
/// The delivery statuses in their order.
const DELIVERY_ORDER: [&str; 7] = ["held", "queued", "unknown", "sent", "failed", "delivered", "read"];

#[derive(Default)]
pub struct WhatsappCounts {
    pub guest_messages: usize,
    /// Messages of staff by delivery status.
    pub by_delivery: BTreeMap<String, usize>,
    /// Calls of the Cloud API that were accepted and refused.
    pub accepted: usize,
    pub refused: usize,
    /// Delivery status events that readers received.
    pub ticks: usize,
}

/// The WhatsApp settings of the nodes.
pub fn settings(meta: &Meta) -> [(String, String); 4] {
    [
        ("WHATSAPP_APP_SECRET", APP_SECRET),
        ("WHATSAPP_VERIFY_TOKEN", VERIFY_TOKEN),
        ("WHATSAPP_ACCESS_TOKEN", ACCESS_TOKEN),
        ("WHATSAPP_API_URL", &meta.base),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// Injects faults for this time, then checks.
pub async fn run(cluster: Arc<SoakCluster>, meta: Arc<Meta>, time: Duration, seed: u64) -> SoakReport {
    let mut random = StdRng::seed_from_u64(seed);
    let mut report = SoakReport { seed, whatsapp: Some(WhatsappCounts::default()), ..SoakReport::default() };
    let site = Arc::new(SoakSite::generate(&cluster, STAYS_PER_HOTEL));
    let hotels: Vec<i64> = site.moving.iter().map(|it| it.hotel).collect();
    for (hotel, number) in hotels.iter().zip(meta_numbers()) {
        let set = ["hotel", "set", &hotel.to_string(), "--whatsapp-phone-number-id", &number, "--flow", "off"];
        cluster.program.run(&set).json();
    }
    cluster.repair_all().await;
    let callback = format!("http://{}/webhooks/whatsapp/", start_balancer(&cluster).await);
    meta.set(json!({ "callback": callback, "retry_ms": 500, "callback_timeout_ms": 5000 })).await;
    let guests = guests(&cluster, &hotels);
    let mut written = WrittenByGuests::default();
    for guest in &guests {
        written.messages.extend(guest.send_text(&meta, "soak-guest hello").await);
        pause(20..40).await;
    }
    wait_for_webhooks(&meta, &mut report).await;
    let readers: Vec<SoakReader> = site.people.iter().map(|person| SoakReader::start(&cluster, person)).collect();
    for reader in &readers {
        reader.wait_until_live().await;
    }
    meta.set(json!({
        "faults": 10, "duplicates": 10, "shuffle_ms": 400, "batch": 20, "reply_ms": [20, 300], "reply_tail_ms": 2000,
        "sent_ms": [0, 300], "delivered_ms": [0, 1000], "read_ms": [0, 3000],
    }))
    .await;
    let stop = Arc::<AtomicBool>::default();
    let mut tasks = JoinSet::new();
    for person in site.people.iter().filter(|it| !it.stays.is_empty()) {
        tasks.spawn(send_replies(cluster.clone(), person.clone(), stop.clone()));
    }
    for manager in &site.managers {
        tasks.spawn(link_strangers(cluster.clone(), manager.clone(), stop.clone()));
        let stays = site.people.iter().filter(|it| it.hotel == manager.hotel).flat_map(|it| it.stays.clone()).collect();
        tasks.spawn(snooze_conversations(cluster.clone(), manager.clone(), stays, stop.clone()));
    }
    let writing = tokio::spawn(write_as_guests(meta.clone(), guests, stop.clone()));
    let start = Instant::now();
    report.faults = faults::inject_faults(&cluster, start + time, &mut random).await;
    report.time = start.elapsed();
    stop.store(true, Relaxed);
    cluster.repair_all().await;
    while let Some(result) = tasks.join_next().await {
        let result = result.unwrap();
        report.retries += result.retries;
        report.snoozed += result.snoozed;
        report.wrong.extend(result.wrong);
        report.acknowledged.extend(result.acknowledged.into_iter().map(|it| it.content));
    }
    let later = writing.await.unwrap();
    written.messages.extend(later.messages);
    written.reactions.extend(later.reactions);
    meta.set(json!({ "faults": 0 })).await;
    wait_for_outbox(&cluster, &mut report).await;
    wait_for_webhooks(&meta, &mut report).await;
    // The last events have to reach the readers, and alarms that are due have to be raised.
    sleep(Duration::from_secs(6)).await;
    check(&cluster, &meta, &written, &readers, &mut report).await;
    snoozes::check(&cluster, &site, &mut report).await;
    report
}

/// The phone number ids of the simulator's first numbers.
fn meta_numbers() -> impl Iterator<Item = String> {
    (0..).map(|n: u64| (105_000_000_000_001 + n).to_string())
}

/// Starts a load balancer over the running nodes. Returns its address.
async fn start_balancer(cluster: &Arc<SoakCluster>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (address, cluster) = (listener.local_addr().unwrap(), cluster.clone());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    if let Ok(mut far) = TcpStream::connect(cluster.any_address()).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                        return;
                    }
                }
            });
        }
    });
    address.to_string()
}

struct SoakGuest {
    phone: String,
    number: String,
}

/// The WhatsApp ids of what guests have written.
#[derive(Default)]
struct WrittenByGuests {
    messages: HashSet<String>,
    reactions: HashSet<String>,
}

impl SoakGuest {
    /// Sends a text through the simulator. Returns its WhatsApp id.
    async fn send_text(&self, meta: &Meta, text: &str) -> Option<String> {
        self.send(meta, json!({ "type": "text", "text": text })).await
    }

    /// Sends a message through the simulator. Returns its WhatsApp id.
    async fn send(&self, meta: &Meta, message: Value) -> Option<String> {
        let sent = meta.post("guest/", json!({ "from": self.phone, "to": self.number, "messages": [message] })).await;
        sent["ids"][0].as_str().map(str::to_owned)
    }
}

/// The guests of all conversations in relay, and some without booking.
fn guests(cluster: &SoakCluster, hotels: &[i64]) -> Vec<SoakGuest> {
    let numbers: HashMap<String, String> = hotels.iter().map(ToString::to_string).zip(meta_numbers()).collect();
    let sql = "SELECT g.phone, c.hotel_id FROM conversations c JOIN guests g ON g.id = c.guest_id \
               WHERE c.status = 'relay' ORDER BY c.id";
    let rows = cluster.database.rows(sql);
    let strangers = hotels.iter().flat_map(|hotel| (0..STRANGERS_PER_HOTEL).map(move |n| (*hotel, n)));
    let strangers = strangers
        .map(|(hotel, n)| SoakGuest { number: numbers[&hotel.to_string()].clone(), phone: stranger_phone(hotel, n) });
    let booked = rows.into_iter().map(|row| SoakGuest { number: numbers[&row[1]].clone(), phone: row[0].clone() });
    booked.chain(strangers).collect()
}

/// Sends messages of random guests until `stop` is set: some quote the guest's message before, some react to it.
async fn write_as_guests(meta: Arc<Meta>, guests: Vec<SoakGuest>, stop: Arc<AtomicBool>) -> WrittenByGuests {
    let mut written = WrittenByGuests::default();
    let mut last: Vec<Option<String>> = vec![None; guests.len()];
    for n in 0_usize.. {
        if stop.load(Relaxed) {
            break;
        }
        let index = rand::rng().random_range(0..guests.len());
        let (guest, before) = (&guests[index], last[index].clone());
        let text = format!("soak-guest {n}");
        match before {
            Some(before) if n.is_multiple_of(4) => {
                let reaction = json!({ "type": "reaction", "reaction": { "message_id": before, "emoji": "👍" } });
                written.reactions.extend(guest.send(&meta, reaction).await);
            }
            Some(before) if n % 4 == 1 => {
                last[index] = guest.send(&meta, json!({ "type": "text", "text": text, "reply_to": before })).await;
                written.messages.extend(last[index].clone());
            }
            _ => {
                last[index] = guest.send_text(&meta, &text).await;
                written.messages.extend(last[index].clone());
            }
        }
        pause(50..250).await;
    }
    written
}

/// Sends replies of one staff member until `stop` is set.
async fn send_replies(cluster: Arc<SoakCluster>, person: Arc<SoakStaff>, stop: Arc<AtomicBool>) -> SenderResult {
    let mut result = SenderResult::default();
    let interval = MESSAGE_INTERVAL / person.stays.len() as u64;
    for n in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let (content, stay): (String, SoakStay) = (content(&person, n), person.stays[n % person.stays.len()]);
        if let Some(message) = send(&cluster, &person, stay, &content, &mut result).await {
            let path = SendPath::Rest;
            result.acknowledged.push(AcknowledgedMessage { path, content, stay: stay.id, message, queue: None });
        }
        pause(interval / 2..interval * 3 / 2).await;
    }
    result
}

/// Waits until every message in the outbox is settled.
async fn wait_for_outbox(cluster: &SoakCluster, report: &mut SoakReport) {
    let (mut since, mut least) = (Instant::now(), u64::MAX);
    loop {
        let left = cluster.database.rows("SELECT count(*) FROM outbox WHERE state <> 'settled'")[0][0].parse().unwrap();
        if left == 0 {
            return;
        }
        if left < least {
            (since, least) = (Instant::now(), left);
        }
        if since.elapsed() > PROGRESS_TIMEOUT {
            return report.wrong.push(format!("{left} messages still wait to be sent"));
        }
        sleep(Duration::from_millis(500)).await;
    }
}

/// Waits until the simulator has delivered all webhook bodies.
async fn wait_for_webhooks(meta: &Meta, report: &mut SoakReport) {
    let start = Instant::now();
    while meta.get("").await["waiting_to_be_told"] != 0 {
        if start.elapsed() > PROGRESS_TIMEOUT {
            return report.wrong.push("the simulator could not deliver all webhook bodies".to_owned());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Reads all entries of one kind in the simulator's transcript.
async fn transcript(meta: &Meta, kind: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = meta.get(&format!("transcript/?kind={kind}&after={after}")).await;
        let entries = page["entries"].as_array().unwrap();
        if entries.is_empty() {
            return all;
        }
        all.extend(entries.iter().cloned());
        after = page["next"].as_u64().unwrap();
    }
}

async fn check(
    cluster: &SoakCluster,
    meta: &Meta,
    written: &WrittenByGuests,
    readers: &[SoakReader],
    report: &mut SoakReport,
) {
    let mut counts = WhatsappCounts { guest_messages: written.messages.len(), ..WhatsappCounts::default() };
    let lost = transcript(meta, "lost").await;
    report.wrong.extend(lost.iter().map(|it| format!("the simulator lost {it}")));
    check_guest_messages(cluster, &written.messages, report);
    check_reactions(cluster, &written.reactions, report);
    report.wrong.extend(crate::check::find_wrong_guest_counts(cluster));
    report.wrong.extend(crate::check::find_wrong_waiting(cluster));
    report.wrong.extend(find_wrong_links(cluster));
    crate::check::check_alarms(cluster, report);
    counts.refused = transcript(meta, "refusal").await.len();
    let sends = transcript(meta, "send").await;
    counts.accepted = sends.len();
    let texts = sends.iter().map(|it| it["body"]["text"]["body"].as_str().unwrap_or_default());
    check_sends(cluster, &texts.collect::<Vec<_>>(), &mut counts, report);
    for reader in readers {
        counts.ticks += check_status_events(&reader.person.username, &reader.log().ticks, report);
    }
    report.whatsapp = Some(counts);
}

/// Every message of a guest must be stored once.
fn check_guest_messages(cluster: &SoakCluster, written: &HashSet<String>, report: &mut SoakReport) {
    let sql = "SELECT whatsapp_message_id, count(*) FROM messages WHERE content LIKE 'soak-guest%' GROUP BY 1";
    let stored: HashMap<String, String> =
        cluster.database.rows(sql).into_iter().map(|mut row| (row.remove(0), row.remove(0))).collect();
    for id in written {
        match stored.get(id).map(String::as_str) {
            Some("1") => {}
            None => report.lost.push("a guest's message is not stored".to_owned()),
            Some(times) => report.duplicated.push(format!("a guest's message is stored {times} times")),
        }
    }
    if stored.len() > written.len() {
        report.wrong.push(format!("{} messages of guests are stored, {} were written", stored.len(), written.len()));
    }
}

/// Every reaction of a guest must be stored once: with its message, or as a message if it arrived before that.
fn check_reactions(cluster: &SoakCluster, written: &HashSet<String>, report: &mut SoakReport) {
    let sql = "SELECT whatsapp_message_id FROM reaction_updates \
               UNION ALL SELECT whatsapp_message_id FROM messages WHERE content LIKE '[reaction]%'";
    let stored: Vec<String> = cluster.database.rows(sql).into_iter().map(|mut row| row.remove(0)).collect();
    let distinct: HashSet<&String> = stored.iter().collect();
    if distinct.len() < stored.len() {
        report.duplicated.push(format!("{} reactions of guests are stored twice", stored.len() - distinct.len()));
    }
    let missing = written.iter().filter(|id| !distinct.contains(id)).count();
    report.lost.extend((missing > 0).then(|| format!("{missing} reactions of guests are not stored")));
    let without = "SELECT count(*) FROM reaction_updates u LEFT JOIN reactions r ON r.message_id = u.message_id \
                   AND r.side = 'guest' WHERE r.emoji IS NULL";
    let without = &cluster.database.rows(without)[0][0];
    if without != "0" {
        report.wrong.push(format!("{without} messages lack the reaction of their guest"));
    }
}

/// Every message of staff must have reached the simulator once and in order, or be failed or unknown with a reason.
fn check_sends(cluster: &SoakCluster, sends: &[&str], counts: &mut WhatsappCounts, report: &mut SoakReport) {
    let mut positions: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, text) in sends.iter().enumerate() {
        positions.entry(text).or_default().push(position);
    }
    let sql = "SELECT m.content, m.conversation_id, m.delivery, m.failure FROM messages m \
               JOIN outbox o ON o.message_id = m.id WHERE m.content LIKE 'soak-%' ORDER BY m.id";
    let (mut last, mut stored): (HashMap<String, usize>, HashSet<String>) = Default::default();
    for row in cluster.database.rows(sql) {
        let [content, conversation, delivery, failure] = <[String; 4]>::try_from(row).unwrap();
        let at = positions.get(content.as_str()).map(Vec::as_slice).unwrap_or_default();
        *counts.by_delivery.entry(delivery.clone()).or_default() += 1;
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
            report.duplicated.push(format!("sent {} times: {content}", at.len()));
        }
        if let Some(at) = at.first()
            && let Some(before) = last.insert(conversation, *at)
            && before > *at
        {
            report.reordered.push(format!("sent before an earlier one: {content}"));
        }
        if !stored.insert(content.clone()) {
            report.duplicated.push(format!("stored twice: {content}"));
        }
    }
    let missing: Vec<String> = report.acknowledged.iter().filter(|it| !stored.contains(*it)).cloned().collect();
    report.lost.extend(missing.into_iter().map(|it| format!("acknowledged, not stored: {it}")));
}

/// No delivery status may move backwards or repeat. Returns the number of status events.
fn check_status_events(reader: &str, ticks: &[(i64, String)], report: &mut SoakReport) -> usize {
    let rank = |delivery: &str| DELIVERY_ORDER.iter().position(|it| *it == delivery).unwrap();
    let mut last: HashMap<i64, &str> = HashMap::new();
    for (message, delivery) in ticks {
        if let Some(before) = last.insert(*message, delivery)
            && rank(before) >= rank(delivery)
        {
            report.reordered.push(format!("{reader} received for message {message}: {delivery} after {before}"));
        }
    }
    ticks.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_moves_back_or_repeats_is_found() {
        let found = |ticks: &[&str]| {
            let ticks: Vec<(i64, String)> = ticks.iter().map(|it| (1, (*it).to_owned())).collect();
            let mut report = SoakReport::default();
            check_status_events("a reader", &ticks, &mut report);
            report.reordered.len()
        };
        assert_eq!(found(&["unknown", "sent", "failed", "delivered", "read"]), 0);
        assert_eq!(found(&["delivered", "sent"]), 1);
        assert_eq!(found(&["sent", "sent"]), 1);
    }
}
