//! Response clocks and away messages: indexes, and what two nodes find at once.

use chrono::{TimeDelta, Utc};
use domain::{ConversationId, event::OverdueResponse};
use persistence::{away_messages, conversations, response_clock};

use crate::{
    plans::{BIG, filled, never_scans, plans},
    support::on_both,
};

on_both!(waiting_guests_and_due_alarms_are_found_by_indexes, |db| {
    let hotel = filled(&db).await;
    let (of, now) = (hotel.id, Utc::now());
    let alarms = plans(&db, move |conn| response_clock::due_alarms(conn, now, 100)).await;
    never_scans(&alarms, &BIG);
    assert!(alarms[0].contains("conversations_overdue_alarm"), "{}", alarms[0]);
    let waiting = plans(&db, move |conn| response_clock::waiting_after(conn, of, ConversationId(0), 100)).await;
    never_scans(&waiting, &BIG);
    let ids: Vec<ConversationId> = hotel.stays.iter().take(3).map(|it| it.1).collect();
    never_scans(&plans(&db, move |conn| response_clock::clocks(conn, &ids)).await, &BIG);
    let (guest_texts, department) = (["message_templates"], hotel.department);
    never_scans(&plans(&db, move |conn| away_messages::texts(conn, of, department).map(drop)).await, &guest_texts);
});

on_both!(an_alarm_is_taken_once_and_raised_once_for_a_wait, |db| {
    let hotel = db.hotel(4, 3).await;
    let (id, now, of) = (hotel.stays[0].1, Utc::now(), hotel.id);
    let due = now - TimeDelta::seconds(1);
    let set = db.store.write(of, vec![], move |tx| response_clock::set_due(tx, id, Some(due)));
    set.await.unwrap();
    let found = db.store.read(move |conn| response_clock::due_alarms(conn, now, 10)).await.unwrap();
    assert_eq!(found, [(of, id)]);
    let early = db.store.read(move |conn| response_clock::due_alarms(conn, due - TimeDelta::seconds(1), 10)).await;
    assert!(early.unwrap().is_empty());
    let take = || db.store.write(of, vec![], move |tx| response_clock::take_due_alarms(tx, &[id], now));
    let taken = take().await.unwrap();
    assert_eq!(taken.len(), 1);
    assert!(take().await.unwrap().is_empty(), "another node finds nothing");
    let (conversation, waiting_since) = taken[0].clone();
    let overdue =
        OverdueResponse { conversation: id, stay: conversation.stay(), department: hotel.department, waiting_since };
    let raise = || db.store.write(of, vec![], move |tx| response_clock::record_alarm(tx, of, &overdue, now));
    assert_eq!((raise().await.unwrap(), raise().await.unwrap()), (true, false));
    // A refresh is claimed by one node, and repeated if that node does not finish it.
    let request = db.store.write(of, vec![], move |tx| response_clock::request_refresh(tx, of, due));
    request.await.unwrap();
    let until = now + TimeDelta::seconds(60);
    let claim = |at| db.store.write(of, vec![], move |tx| response_clock::claim_refresh(tx, of, at, until));
    assert_eq!((claim(now).await.unwrap(), claim(now).await.unwrap()), (true, false));
    assert_eq!(db.store.read(move |conn| response_clock::due_refreshes(conn, until)).await.unwrap(), [of]);
    let finish = db.store.write(of, vec![], move |tx| response_clock::finish_refresh(tx, of, until));
    finish.await.unwrap();
    assert!(db.store.read(move |conn| response_clock::due_refreshes(conn, until)).await.unwrap().is_empty());
});

on_both!(an_away_message_is_sent_once_per_closing, |db| {
    let hotel = db.hotel(2, 1).await;
    let (id, of, department) = (hotel.stays[0].1, hotel.id, hotel.department);
    let found = db.store.read(move |conn| conversations::find(conn, domain::ConversationRef::Conversation(id))).await;
    let guest = found.unwrap().unwrap().guest();
    let now = Utc::now();
    let record = |closed_since, at| {
        db.store.write(of, vec![], move |tx| away_messages::record(tx, (of, guest, department), closed_since, at))
    };
    let hours = TimeDelta::hours;
    assert!(record(now - hours(2), now).await.unwrap());
    assert!(!record(now - hours(2), now + hours(1)).await.unwrap());
    // The hours were changed meanwhile: the closing began later, but before the message.
    assert!(!record(now - hours(1), now + hours(1)).await.unwrap());
    assert!(record(now + hours(10), now + hours(11)).await.unwrap());
});
