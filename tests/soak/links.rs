//! Guests without booking who write while managers link them to stays, and undo that.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use acceptance::{Value, json};
use tokio::time::Instant;

use crate::{
    cluster::SoakCluster,
    pause,
    senders::{SEND_TIMEOUT, SenderResult},
    site::SoakStaff,
};

/// Guests without booking in each hotel.
pub const STRANGERS_PER_HOTEL: usize = 4;

/// The phone number of a guest without booking.
pub fn stranger_phone(hotel: i64, n: usize) -> String {
    format!("+3469{hotel:04}{n:03}")
}

/// Posts until there is an answer that is not 503.
async fn post_until_answered(
    cluster: &SoakCluster,
    manager: &SoakStaff,
    path: &str,
    (key, body): (&str, &Value),
    result: &mut SenderResult,
) -> Option<(u16, Value)> {
    let start = Instant::now();
    while start.elapsed() < SEND_TIMEOUT {
        match manager.post(cluster, path, key, body).await {
            None | Some((502 | 503, _)) => {
                result.retries += 1;
                pause(20..200).await;
            }
            answer => return answer,
        }
    }
    result.wrong.push(format!("{key}: no answer within {SEND_TIMEOUT:?}"));
    None
}

/// Links the guests without booking of a hotel to stays without guest, one after another, and undoes each link.
pub async fn link_strangers(cluster: Arc<SoakCluster>, manager: Arc<SoakStaff>, stop: Arc<AtomicBool>) -> SenderResult {
    let mut result = SenderResult::default();
    let without_stay =
        format!("SELECT id FROM conversations WHERE hotel_id = {} AND stay_id IS NULL ORDER BY id", manager.hotel);
    let conversations: Vec<String> =
        cluster.database.rows(&without_stay).into_iter().map(|mut row| row.remove(0)).collect();
    let mut linked = 0;
    for n in 0_usize.. {
        if stop.load(Relaxed) || conversations.is_empty() {
            break;
        }
        let (key, of) = (format!("link-{}-{n}", manager.hotel), &conversations[n % conversations.len()]);
        let booking = json!({
            "reservation_code": &key, "guest_name": "Guest of a link", "check_in": "2020-01-01", "check_out": "2099-01-01",
        });
        let booked = post_until_answered(&cluster, &manager, "stays/", (&key, &booking), &mut result).await;
        let Some((200 | 201, stay)) = booked else {
            result.wrong.extend(booked.map(|answer| format!("a stay: {answer:?}")));
            continue;
        };
        let body = json!({ "stay_id": stay["id"] });
        for (call, body) in [("link_stay", &body), ("unlink_stay", &json!({}))] {
            let (path, key) = (format!("conversations/{of}/{call}/"), format!("{call}-{key}"));
            match post_until_answered(&cluster, &manager, &path, (&key, body), &mut result).await {
                Some((200, _)) => linked += 1,
                Some(answer) => result.wrong.push(format!("{key}: {answer:?}")),
                None => {}
            }
            pause(100..600).await;
        }
    }
    if linked == 0 {
        result.wrong.push(format!("hotel {}: nothing was linked", manager.hotel));
    }
    result
}

/// Returns stays whose guest is not the guest of their conversation, and links that are left.
pub fn find_wrong_links(cluster: &SoakCluster) -> Vec<String> {
    let rows = cluster.database.rows(
        "SELECT s.id FROM stays s LEFT JOIN conversations c ON c.stay_id = s.id \
         WHERE (c.id IS NOT NULL AND (s.guest_id IS NULL OR c.guest_id <> s.guest_id)) OR (s.linked AND c.id IS NULL)",
    );
    rows.into_iter().map(|row| format!("stay {}: stay and conversation have different guests", row[0])).collect()
}
