//! Downloads of attachments: only the newest claim of a file stores anything.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AttachmentId, HotelId, MessageId, PictureSize};
use persistence::{
    Store, StoreError, Tx,
    attachments::{self, AttachmentState, CompleteFile, MediaSource, NewAttachment, PendingDownload},
};

use crate::support::{TestDatabase, on_both};

async fn write<T: Send + 'static>(
    store: &Store,
    job: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(HotelId(0), vec![], job).await.unwrap()
}

async fn claim(db: &TestDatabase, at: DateTime<Utc>, excluded: Vec<HotelId>) -> Vec<PendingDownload> {
    write(&db.store, move |tx| attachments::claim_downloads(tx, at, 4, &excluded)).await
}

async fn put(db: &TestDatabase, download: &PendingDownload, bytes: &'static [u8], at: DateTime<Utc>) -> bool {
    let download = download.clone();
    write(&db.store, move |tx| attachments::save_downloaded_part(tx, &download, (0, bytes), at)).await
}

/// Returns the state of the attachment, and its first part.
async fn stored(db: &TestDatabase, id: AttachmentId) -> (Option<AttachmentState>, Option<Vec<u8>>) {
    let read = db.store.read(move |conn| {
        let found = attachments::find(conn, id)?;
        Ok::<_, StoreError>((found.map(|it| it.state), attachments::find_part(conn, id, 0)?))
    });
    read.await.unwrap()
}

on_both!(a_download_with_a_lost_claim_changes_nothing, |db| {
    let hotel = db.hotel(1, 2).await.id;
    let message = MessageId(db.number("SELECT max(id) FROM messages").await);
    let now = Utc::now();
    let id = write(&db.store, move |tx| {
        let source = Some(MediaSource { media_id: "m", sha256: None });
        let draft = NewAttachment { message, hotel, name: "a.jpg", content_type: "image/jpeg", source };
        attachments::insert(tx, &draft, now)
    })
    .await;
    assert!(claim(&db, now, vec![hotel]).await.is_empty(), "that hotel has enough");
    let slow = claim(&db, now, vec![]).await.remove(0);
    // Each stored part renews the claim of the download.
    let later = now + TimeDelta::minutes(4);
    assert!(put(&db, &slow, b"slow", later).await);
    assert!(claim(&db, now + TimeDelta::minutes(6), vec![]).await.is_empty());
    let much_later = later + TimeDelta::minutes(6);
    let quick = claim(&db, much_later, vec![]).await.remove(0);
    assert_eq!((quick.id, quick.attempts), (id, 2));
    assert!(!put(&db, &slow, b"slow again", much_later).await);
    assert!(put(&db, &quick, b"quick", much_later).await);
    let complete = |download: &PendingDownload| {
        let download = download.clone();
        let picture_size = PictureSize::new(3, 4);
        let file = CompleteFile { parts: 1, size: 5, sha256: "digest".to_owned(), picture_size };
        move |tx: &mut Tx<'_>| attachments::complete_download(tx, &download, &file)
    };
    assert!(!write(&db.store, complete(&slow)).await);
    assert_eq!(stored(&db, id).await, (Some(AttachmentState::Awaited), Some(b"quick".to_vec())));
    assert!(write(&db.store, complete(&quick)).await);
    for download in [slow, quick] {
        assert!(!put(&db, &download, b"late", much_later).await);
        let (lost, late) = (download.clone(), download);
        write(&db.store, move |tx| attachments::mark_lost(tx, &lost)).await;
        write(&db.store, move |tx| attachments::defer_download(tx, &late, much_later)).await;
    }
    assert_eq!(stored(&db, id).await, (Some(AttachmentState::Stored), Some(b"quick".to_vec())));
    let found = db.store.read(move |conn| attachments::find(conn, id)).await.unwrap().unwrap();
    assert_eq!(found.attachment.picture_size, PictureSize::new(3, 4));
    assert_eq!((found.attachment.size, found.sha256.as_deref()), (5, Some("digest")));
});
