//! One idempotency key that reaches both nodes.

use acceptance::{ApiClient, ApiResponse, DatabaseKind, TestHotel, TestSocket, TestStay, in_hotel, json, unique};
use futures_util::future::{join, join_all};

use super::{client_at, second_node};

async fn count_messages(staff: &ApiClient, stay: &TestStay, text: &str) -> usize {
    let all = staff.get(stay.path("messages/?include=notes")).await.is(200);
    all.as_array().unwrap().iter().filter(|it| it["content"] == text).count()
}

on_two_nodes!(a_key_sent_to_both_nodes_at_once_stores_once, |hotel, other| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    for (rest, text) in [("send_message/", "to both at once"), ("notes/", "a note to both at once")] {
        let key = unique("k");
        let requests = (0..12).map(|n| {
            let client = client_at(if n % 2 == 0 { &hotel.world } else { &other }, &staff).key(&key);
            let path = stay.path(rest);
            async move { client.post(path, json!({ "text": text })).await }
        });
        let responses: Vec<ApiResponse> = join_all(requests).await;
        let created: Vec<&ApiResponse> = responses.iter().filter(|it| it.status == 201).collect();
        assert_eq!(created.len(), 1, "{responses:?}");
        for it in responses.iter().filter(|it| it.status != 201) {
            assert_eq!(it.is(200)["id"], created[0].json()["id"]);
            assert_eq!(it.header("idempotent-replay"), Some("true"));
        }
        assert_eq!(count_messages(&staff, &stay, text).await, 1);
    }
});

on_two_nodes!(a_client_ref_and_a_key_on_different_nodes_store_one_message, |hotel, other| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let mut socket = TestSocket::open(&staff).await;
    let other_client = client_at(&other, &staff);
    for _ in 0..5 {
        let (key, text) = (unique("k"), unique("by socket and REST"));
        let by_socket =
            json!({ "command": "send_message", "stay_id": stay.id, "text": text.clone(), "client_ref": key.clone() });
        let by_rest = other_client.key(&key);
        let (ack, response) =
            join(socket.ok(by_socket), by_rest.post(stay.path("send_message/"), json!({ "text": text.clone() }))).await;
        assert!([200, 201].contains(&response.status), "{}", response.text());
        assert_eq!(response.json()["id"], ack["message"]["id"]);
        assert_eq!(count_messages(&staff, &stay, &text).await, 1);
    }
});
