//! Snoozes and the numbers of inboxes: query plans, constraints, and the inboxes of several staff members at once.

use chrono::{SubsecRound, TimeDelta, Utc};
use domain::{ConversationId, HotelId, Reach, StaffId, inbox::InboxEntry};
use persistence::conversations::{self, ConversationFilter};

use crate::{
    plans::{BIG, FIRST_PAGE, filled, never_scans, plans},
    support::{StoredHotel, TestDatabase, on_both},
};

/// Snoozes, reads and closes some of the conversations of a hotel.
async fn change_some(db: &TestDatabase, hotel: &StoredHotel) {
    let (id, until) = (hotel.id, db.time(Utc::now() + TimeDelta::days(1)));
    let of = |modulus: i64| format!("WHERE hotel_id = {id} AND id % {modulus} = 0");
    for sql in [
        format!("UPDATE conversations SET status = 'closed', waiting_since = NULL {}", of(7)),
        format!("UPDATE conversations SET status = 'closed', waiting_since = {until} {}", of(11)),
        format!("UPDATE conversations SET snoozed_until = {until} {} AND status <> 'closed'", of(5)),
        format!("UPDATE conversations SET assigned_to = {} {} AND department_id IS NOT NULL", hotel.member.id, of(3)),
    ] {
        db.sql(sql).await.unwrap();
    }
    for (staff, modulus, least) in
        [(hotel.member.id, 2, "min"), (hotel.member.id, 3, "max"), (hotel.manager.id, 4, "max")]
    {
        let marks = format!(
            "INSERT INTO read_marks (staff_id, conversation_id, message_id, guest_ordinal) \
             SELECT {staff}, conversation_id, max(id), {least}(guest_ordinal) FROM messages WHERE guest_ordinal > 0 AND \
             conversation_id % {modulus} = 0 AND NOT EXISTS (SELECT 1 FROM read_marks r WHERE r.staff_id = {staff} AND \
             r.conversation_id = messages.conversation_id) GROUP BY conversation_id"
        );
        db.sql(marks).await.unwrap();
    }
}

on_both!(the_inboxes_of_several_people_are_those_of_each, |db| {
    let (other, hotel) = (db.hotel(20, 40).await, db.hotel(80, 240).await);
    change_some(&db, &other).await;
    change_some(&db, &hotel).await;
    let reaches = [hotel.member.reach(), hotel.manager.reach()];
    let staff: Vec<StaffId> = reaches.iter().map(|it| it.staff).collect();
    let (id, now) = (hotel.id, Utc::now());
    let all = db.store.read(move |conn| conversations::hotel_inbox(conn, id, &staff, now)).await.unwrap();
    let sorted = |mut entries: Vec<InboxEntry>| {
        entries.sort_by_key(|it| it.id);
        entries
    };
    for reach in reaches {
        let asked: Reach = reach.clone();
        let own = sorted(db.store.read(move |conn| conversations::inbox(conn, &asked, now)).await.unwrap());
        assert_eq!(sorted(all.of(&reach)), own);
        let count = |matches: &dyn Fn(&InboxEntry) -> bool| own.iter().filter(|it| matches(it)).count();
        assert!(count(&|it| it.is_snoozed) > 3 && count(&|it| it.is_unread) > 3 && count(&|it| !it.is_unread) > 3);
    }
});

on_both!(snoozes_are_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let (now, id, staff) = (Utc::now(), hotel.id, vec![hotel.member.id, hotel.manager.id]);
    let due = plans(&db, move |conn| conversations::ids_with_due_snooze(conn, now, 200)).await;
    never_scans(&due, &BIG);
    assert!(due[0].contains("conversations_snoozed"), "{}", due[0]);
    never_scans(&plans(&db, move |conn| conversations::hotel_inbox(conn, id, &staff, now)).await, &BIG);
    for snoozed in [true, false] {
        let (reach, filter) =
            (hotel.member.reach(), ConversationFilter { snoozed: Some(snoozed), ..ConversationFilter::default() });
        let found = plans(&db, move |conn| conversations::list(conn, &reach, &filter, FIRST_PAGE)).await;
        // PostgreSQL may read all snoozed conversations, which are few; their index needs no further condition.
        let is_bounded = |plan: &String| plan.contains("conversations_snoozed") && !plan.contains("Seq Scan");
        let others: Vec<String> = found.into_iter().filter(|plan| !(snoozed && is_bounded(plan))).collect();
        never_scans(&others, &BIG);
    }
});

on_both!(due_snoozes_are_those_whose_time_has_come, |db| {
    let hotel = db.hotel(6, 6).await;
    let (now, ids): (_, Vec<ConversationId>) =
        (Utc::now().trunc_subsecs(6), hotel.stays.iter().map(|it| it.1).collect());
    for (n, id) in ids.iter().enumerate().take(4) {
        let until = db.time(now + TimeDelta::seconds(n as i64 - 2));
        db.sql(format!("UPDATE conversations SET snoozed_until = {until} WHERE id = {id}")).await.unwrap();
    }
    let due = |limit| db.store.read(move |conn| conversations::ids_with_due_snooze(conn, now, limit));
    let expected: Vec<(HotelId, ConversationId)> = ids[..3].iter().map(|id| (hotel.id, *id)).collect();
    assert_eq!(due(10).await.unwrap(), expected);
    assert_eq!(due(2).await.unwrap(), expected[..2]);
    // A closed conversation is in no queue, so it is never snoozed.
    let refused = db.sql(format!("UPDATE conversations SET status = 'closed' WHERE id = {}", ids[3])).await;
    assert!(refused.is_err());
    let close = format!("UPDATE conversations SET status = 'closed', snoozed_until = NULL WHERE id = {}", ids[3]);
    db.sql(close).await.unwrap();
    let snooze = format!("UPDATE conversations SET snoozed_until = {} WHERE id = {}", db.time(now), ids[3]);
    assert!(db.sql(snooze).await.is_err());
});
