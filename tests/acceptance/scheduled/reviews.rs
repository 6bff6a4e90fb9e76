//! Scheduled messages that are not sent until staff confirm them.

use super::*;

on_both!(a_guest_who_writes_before_makes_staff_look_again, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_guest_message(&stay.phone, "wake me at six").await;
    let asked = waiting_since(&staff, &stay).await;
    let scheduled = schedule(&staff, &stay, "Good morning!", 600).await;
    let body = json!({ "text": "Anyway", "send_at": in_seconds(4), "if_guest_writes": "send" });
    let anyway = staff.post(stay.path("scheduled/"), body).await.is(201);
    assert_eq!(anyway["if_guest_writes"], "send");
    assert_eq!(waiting_since(&staff, &stay).await, Value::Null);
    let mut socket = TestSocket::open(&staff).await;
    socket.subscribe(stay.id).await;
    let (_, before) = (hotel.send_guest_message(&stay.phone, "rather at seven").await, now(&staff, &scheduled).await);
    assert_eq!((&before["status"], &before["review_reason"]), (&json!("needs_review"), &json!("guest_wrote")));
    assert_eq!(socket.skip_to("scheduled_updated").await["scheduled"], before);
    assert_eq!(now(&staff, &anyway).await["status"], "pending");
    // The other one still answers what the guest wrote before it, but not what came after.
    let newest = staff.get(stay.path("messages/?limit=1")).await.is(200)[0].clone();
    assert_eq!(waiting_since(&staff, &stay).await, newest["timestamp"]);
    // As soon as it is sent, it answers everything.
    let message = sent(&staff, &anyway).await;
    assert_eq!(message["content"], "Anyway");
    assert_eq!(waiting_since(&staff, &stay).await, Value::Null);
    // The review neither ends by itself, nor is the message sent; the confirmation answers what was written so far.
    assert_eq!(now(&staff, &scheduled).await["status"], "needs_review");
    hotel.send_guest_message(&stay.phone, "are you there?").await;
    assert_ne!(waiting_since(&staff, &stay).await, Value::Null);
    confirm(&*hotel.manager().await, &scheduled).await;
    assert_eq!(waiting_since(&staff, &stay).await, Value::Null);
    // The author is still the same.
    assert_eq!(now(&staff, &scheduled).await["created_by"]["id"], staff.id);
    assert_ne!(asked, Value::Null);
});

on_both!(the_counts_contain_conversations_to_review, |hotel| {
    let (manager, stay, other) = (hotel.manager().await, hotel.relay(0), hotel.relay(1));
    let counted =
        async |client: &ApiClient| client.get("conversations/counts/").await.is(200)["needs_review"].as_i64().unwrap();
    let before = counted(&manager).await;
    for it in [&stay, &stay, &other] {
        schedule(&manager, it, "later", 600).await;
    }
    assert_eq!(counted(&manager).await, before);
    let mut inbox = TestSocket::open(&manager).await;
    inbox.ok(json!({ "command": "subscribe_to_inbox", "counts": true })).await;
    hotel.send_guest_message(&stay.phone, "hello?").await;
    hotel.send_guest_message(&other.phone, "hello?").await;
    // Two messages of one conversation are one conversation.
    assert_eq!((counted(&manager).await, counted(&*hotel.of(0).await).await), (before + 2, 1));
    loop {
        if inbox.skip_to("counts").await["needs_review"] == before + 2 {
            break;
        }
    }
    let listed = manager.get(stay.path("scheduled/?status=needs_review")).await.is(200);
    for it in listed["results"].as_array().unwrap() {
        manager.send("DELETE", path_of(it), None).await.is(204);
    }
    assert_eq!(counted(&manager).await, before + 1);
    loop {
        if inbox.skip_to("counts").await["needs_review"] == before + 1 {
            break;
        }
    }
});

on_both!(without_the_scheduled_answer_the_guest_waits_since_the_question, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    hotel.send_message(&staff, &stay, "hello").await;
    hotel.send_guest_message(&stay.phone, "a taxi at nine?").await;
    let asked = waiting_since(&staff, &stay).await;
    let scheduled = schedule(&staff, &stay, "It is on its way", 600).await;
    let mut inbox = TestSocket::open(&hotel.manager().await).await;
    inbox.subscribe_to_inbox().await;
    hotel.send_guest_message(&stay.phone, "still there?").await;
    assert_eq!(waiting_since(&staff, &stay).await, asked);
    let events = inbox.events_so_far(&hotel).await;
    let shown = of_type(&events, "conversation_updated");
    assert_eq!(shown.last().unwrap()["conversation"]["waiting_since"], asked);
    staff.send("DELETE", path_of(&scheduled), None).await.is(204);
    assert_eq!(waiting_since(&staff, &stay).await, asked);
});

on_both!(a_confirmed_message_is_due_at_once_if_its_time_has_passed, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let scheduled = schedule(&staff, &stay, "Good morning!", 2).await;
    hotel.send_guest_message(&stay.phone, "hm").await;
    needs_review(&staff, &scheduled, "guest_wrote").await;
    // It is not sent at its time, nor after it.
    sleep(Duration::from_secs(5)).await;
    assert_eq!(now(&staff, &scheduled).await["status"], "needs_review");
    // A guest who writes after its time is no reason for another review.
    confirm(&staff, &scheduled).await;
    hotel.send_guest_message(&stay.phone, "anybody?").await;
    let message = sent(&staff, &scheduled).await;
    assert_eq!(message["send_at"], scheduled["send_at"]);
});

on_both!(what_stands_in_the_way_at_its_time_is_shown, |hotel| {
    let manager = hotel.manager().await;
    let (closed, of_leaver, cancelled) = (hotel.relay(0), hotel.relay(1), hotel.active(0));
    let (with_template, other_guest) = (hotel.relay(2), hotel.active(1));
    let leaver = hotel.hire("staff", &[hotel.departments[1].id]).await;
    let template = json!({
        "name": unique("approved"), "content": "Hello {{guest_name}}", "template_type": "whatsapp", "language": "en",
    });
    let template = manager.post("templates/", template).await.is(201)["id"].clone();
    let body = json!({ "template_id": template, "variables": { "guest_name": "Ada" }, "send_at": in_seconds(6) });
    let of_template = manager.post(with_template.path("scheduled/"), body).await.is(201);
    assert_eq!((&of_template["text"], &of_template["template_id"]), (&Value::Null, &template));
    assert_eq!(of_template["variables"], json!({ "guest_name": "Ada" }));
    assert_eq!(manager.patch(path_of(&of_template), json!({ "text": "x" })).await.bad_fields(), ["text"]);
    let (a, b) = (schedule(&manager, &closed, "a", 6).await, schedule(&leaver, &of_leaver, "b", 6).await);
    let (c, d) = (schedule(&manager, &cancelled, "c", 6).await, schedule(&manager, &other_guest, "d", 6).await);
    manager.post_empty(closed.path("close/")).await.is(200);
    manager.patch(format!("staff/{}/", leaver.id), json!({ "active": false })).await.is(200);
    manager.post_empty(format!("stays/{}/cancel/", cancelled.id)).await.is(200);
    manager.send("DELETE", format!("templates/{template}/"), None).await.is(204);
    let phone = json!({ "guest_phone": hotel.unused_phone() });
    manager.patch(format!("stays/{}/", other_guest.id), phone).await.is(200);
    needs_review(&manager, &a, "closed").await;
    needs_review(&manager, &b, "author").await;
    needs_review(&manager, &c, "stay_cancelled").await;
    needs_review(&manager, &d, "guest_changed").await;
    needs_review(&manager, &of_template, "template").await;
    // As long as it persists, it cannot be confirmed.
    let try_confirm = async |it: &Value| manager.patch(path_of(it), json!({ "confirm": true })).await;
    try_confirm(&a).await.problem(409, "conversation_closed");
    try_confirm(&c).await.problem(409, "not_allowed_now");
    try_confirm(&of_template).await.problem(409, "template_unavailable");
    for it in [&a, &c, &of_template] {
        assert_eq!(now(&manager, it).await["status"], "needs_review");
    }
    manager.post_empty(closed.path("reopen/")).await.is(200);
    manager.post_empty(format!("stays/{}/reinstate/", cancelled.id)).await.is(200);
    manager.post_empty(cancelled.path("reopen/")).await.is(200);
    for it in [&a, &c, &d] {
        confirmed_and_sent(&manager, it).await;
    }
    // Whoever confirms for the author becomes the author.
    let message = confirmed_and_sent(&manager, &b).await;
    assert_eq!(message["sender_id"], manager.id);
    assert_eq!(now(&manager, &b).await["created_by"]["id"], manager.id);
    manager.send("DELETE", path_of(&of_template), None).await.is(204);
});

on_both!(a_message_that_cannot_be_quoted_any_more_is_not_sent, |hotel| {
    let (staff, stay) = (hotel.of(0).await, hotel.relay(0));
    let quoted = hotel.send_message(&staff, &stay, "the pool is open").await;
    let body = json!({ "text": "And so is the bar", "send_at": in_seconds(4), "reply_to": quoted["id"] });
    let scheduled = staff.post(stay.path("scheduled/"), body).await.is(201);
    assert_eq!(scheduled["reply_to"], quoted["id"]);
    let soon = json!({ "text": "And so is the spa", "send_at": in_seconds(1), "reply_to": quoted["id"] });
    let fine = staff.post(stay.path("scheduled/"), soon).await.is(201);
    assert_eq!(sent(&staff, &fine).await["reply_to"]["id"], quoted["id"]);
    // WhatsApp reports late that it could not be delivered.
    let failed = format!("UPDATE messages SET delivery = 'failed', failure = 'No.' WHERE id = {}", quoted["id"]);
    hotel.world.sql(&failed).unwrap();
    needs_review(&staff, &scheduled, "reply_to").await;
    staff.patch(path_of(&scheduled), json!({ "confirm": true })).await.problem(409, "not_allowed_now");
});

on_both!(an_author_who_may_not_see_or_take_over_the_conversation_sends_nothing, |hotel| {
    let (staff, manager, routed, open) = (hotel.of(0).await, hotel.manager().await, hotel.relay(0), hotel.active(0));
    let loner = hotel.hire("staff", &[]).await;
    let transferred = schedule(&staff, &routed, "from the reception", 4).await;
    let without_department = schedule(&loner, &open, "from nobody", 4).await;
    manager.post(routed.path("start_relay/"), json!({ "department_id": hotel.departments[1].id })).await.is(200);
    needs_review(&manager, &transferred, "author").await;
    needs_review(&manager, &without_department, "author").await;
    assert!(!texts_of(&manager, &routed).await.contains(&"from the reception".to_owned()));
    // The former author does not see it any more; a colleague of the new department sends it.
    staff.patch(path_of(&transferred), json!({ "confirm": true })).await.problem(404, "not_found");
    let colleague = hotel.of(1).await;
    let message = confirmed_and_sent(&colleague, &transferred).await;
    assert_eq!(message["sender_id"], colleague.id);
});
