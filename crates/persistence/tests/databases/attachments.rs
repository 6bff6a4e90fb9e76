//! Fetching files: only the last claim of one stores anything.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttachmentId, HotelId, MessageId};
use persistence::{
    Store, StoreError, Tx,
    attachments::{self, Awaited, Draft, Source, State},
};

use crate::support::{Database, on_both};

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(HotelId(0), vec![], job).await.unwrap()
}

async fn claim(db: &Database, at: DateTime<Utc>, but_of: Vec<HotelId>) -> Vec<Awaited> {
    write(&db.store, move |tx| attachments::claim(tx, at, 4, &but_of)).await
}

async fn put(db: &Database, it: &Awaited, bytes: &'static [u8], at: DateTime<Utc>) -> bool {
    let it = it.clone();
    write(&db.store, move |tx| attachments::put_fetched(tx, &it, (0, bytes), at)).await
}

/// Whether the file is there, and its first part.
async fn stored(db: &Database, id: AttachmentId) -> (Option<State>, Option<Vec<u8>>) {
    let read = db.store.read(move |conn| {
        let found = attachments::find(conn, id)?;
        Ok::<_, StoreError>((found.map(|(_, _, state)| state), attachments::part(conn, id, 0)?))
    });
    read.await.unwrap()
}

on_both!(a_slower_fetch_changes_nothing_of_what_a_later_claim_brought, |db| {
    let hotel = db.hotel(1, 2).await.id;
    let message = MessageId(db.number("SELECT max(id) FROM messages").await);
    let now = Utc::now();
    let id = write(&db.store, move |tx| {
        let source = Some(Source { media_id: "m", sha256: None });
        let draft = Draft { message, hotel, name: "a.jpg", content_type: "image/jpeg", source };
        attachments::insert(tx, &draft, now)
    })
    .await;
    assert!(claim(&db, now, vec![hotel]).await.is_empty(), "that hotel has enough");
    let slow = claim(&db, now, vec![]).await.remove(0);
    // Each part keeps the claim for longer.
    let later = now + TimeDelta::minutes(4);
    assert!(put(&db, &slow, b"slow", later).await);
    assert!(claim(&db, now + TimeDelta::minutes(6), vec![]).await.is_empty());
    let much_later = later + TimeDelta::minutes(6);
    let quick = claim(&db, much_later, vec![]).await.remove(0);
    assert_eq!((quick.id, quick.attempts), (id, 2));
    assert!(!put(&db, &slow, b"slow again", much_later).await);
    assert!(put(&db, &quick, b"quick", much_later).await);
    let complete = |it: &Awaited| {
        let it = it.clone();
        move |tx: &mut Tx<'_>| attachments::complete_fetched(tx, &it, 1, 5, "digest")
    };
    assert!(!write(&db.store, complete(&slow)).await);
    assert_eq!(stored(&db, id).await, (Some(State::Awaited), Some(b"quick".to_vec())));
    assert!(write(&db.store, complete(&quick)).await);
    for it in [slow, quick] {
        assert!(!put(&db, &it, b"late", much_later).await);
        let (lost, late) = (it.clone(), it);
        write(&db.store, move |tx| attachments::lose(tx, &lost)).await;
        write(&db.store, move |tx| attachments::put_off(tx, &late, much_later)).await;
    }
    assert_eq!(stored(&db, id).await, (Some(State::There), Some(b"quick".to_vec())));
});
