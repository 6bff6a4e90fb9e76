//! Links of stays on one node, against messages, check-ins, changes and imports on the other.

use acceptance::{ApiClient, DatabaseKind, TestHotel, Value, in_hotel, json, unique};
use futures_util::future::join_all;

use super::{client_at, second_node};

const ROUNDS: usize = 12;

/// Stays of the hotel whose conversation has another guest.
fn split_guests(hotel: &TestHotel) -> i64 {
    hotel.world.number(&format!(
        "SELECT count(*) FROM stays s JOIN conversations c ON c.stay_id = s.id \
         WHERE s.hotel_id = {} AND c.guest_id IS DISTINCT FROM s.guest_id",
        hotel.id
    ))
}

async fn write_to(node: &ApiClient, hotel: &TestHotel, phone: &str) -> Value {
    let body = json!({ "phone": phone, "text": "hello", "hotel_id": hotel.id });
    node.post("/api/demo/guest_message/", body).await.is(201)
}

on_two_nodes!(links_and_everything_else_about_a_stay_exclude_each_other, |hotel, other| {
    let manager = hotel.manager().await;
    let (here, there) = (client_at(&hotel.world, &manager), client_at(&other, &manager));
    let messages = format!(
        "SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation_id \
         WHERE c.hotel_id = {} AND m.sender_type = 'guest'",
        hotel.id
    );
    let before = hotel.world.number(&messages);
    for round in 0..ROUNDS {
        let (phone, own) = (hotel.unused_phone(), hotel.unused_phone());
        let unknown = write_to(&here, &hotel, &phone).await["conversation_id"].clone();
        let booked = json!({
            "reservation_code": unique("R"), "guest_name": "Ana", "guest_phone": (round % 2 == 0).then_some(&own),
            "room_number": "1", "check_in": "2020-01-01", "check_out": "2099-01-01",
        });
        let stay = here.post("stays/", booked).await.is(201);
        let (path, link) = (format!("stays/{}/", stay["id"]), format!("conversations/{unknown}/link_stay/"));
        let linking = here.post(&link, json!({ "stay_id": stay["id"] }));
        let writing = join_all([&phone, &own, &phone].map(|phone| write_to(&there, &hotel, phone)));
        let checking = there.post_empty(format!("{path}check_in/"));
        let changing = there.patch(&path, json!({ "room_number": "2" }));
        let (linked, _, checked, changed) = tokio::join!(linking, writing, checking, changing);
        // The guest may have become the stay's by a message that went before; then the conversation is still without.
        linked.is(200);
        checked.is(200);
        changed.is(200);
        let now = here.get(&path).await.is(200);
        assert_eq!(
            (&now["linked"], &now["room_number"], &now["status"]),
            (&json!(true), &json!("2"), &json!("checked_in"))
        );
        assert_eq!(split_guests(&hotel), 0, "{now}");
        let next = write_to(&there, &hotel, &phone).await;
        assert_eq!((&next["stay_id"], &next["conversation_id"]), (&stay["id"], &now["conversation_id"]));
    }
    assert_eq!(hotel.world.number(&messages) - before, (ROUNDS * 5) as i64);
});

on_two_nodes!(two_links_to_one_stay_and_an_unlinking_leave_one_guest, |hotel, other| {
    let manager = hotel.manager().await;
    let (here, there) = (client_at(&hotel.world, &manager), client_at(&other, &manager));
    for _ in 0..ROUNDS {
        let phones = [hotel.unused_phone(), hotel.unused_phone()];
        let [one, two] = [write_to(&here, &hotel, &phones[0]).await, write_to(&there, &hotel, &phones[1]).await];
        let booked = json!({
            "reservation_code": unique("R"), "guest_name": "Ana", "check_in": "2020-01-01", "check_out": "2099-01-01",
        });
        let stay = here.post("stays/", booked).await.is(201);
        let of = |sent: &Value, call: &str| format!("conversations/{}/{call}/", sent["conversation_id"]);
        let body = json!({ "stay_id": stay["id"] });
        let (first, second) = tokio::join!(
            here.post(of(&one, "link_stay"), body.clone()),
            there.post(of(&two, "link_stay"), body.clone())
        );
        first.is(200);
        second.is(200);
        let now = here.get(format!("stays/{}/", stay["id"])).await.is(200);
        assert_eq!((now["linked"].clone(), split_guests(&hotel)), (json!(true), 0));
        let unlink = format!("conversations/{}/unlink_stay/", now["conversation_id"]);
        let (undone, again, written) =
            tokio::join!(here.post_empty(&unlink), there.post_empty(&unlink), write_to(&there, &hotel, &phones[0]));
        let mut statuses = [undone.status, again.status];
        statuses.sort_unstable();
        // A message that came first may have made a conversation without stay.
        assert!(statuses == [200, 409] || statuses == [409, 409], "{}: {}", undone.text(), again.text());
        assert_eq!(split_guests(&hotel), 0, "{written}");
    }
});
