//! Uploads files that staff send. The upload precedes the claim of the message: the guest receives nothing by it, so a
//! failed upload can be repeated by any node.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::HotelId;
use persistence::outbox::{self, DueMessage, UploadedMedia};
use tokio::time::sleep;
use whatsapp::{CallError, CloudApiClient, NotSent};

use crate::{
    Error,
    outbound::worker::send_retry::{NO_CALL, OutcomeRecorder, RefusalPolicy},
};

/// Age up to which an uploaded file is used: WhatsApp deletes it after 30 days, and one day is left to send it.
const MAX_UPLOAD_AGE: TimeDelta = TimeDelta::days(29);
const RECORD_RETRY_DELAY: std::time::Duration = std::time::Duration::from_secs(1);

/// Returns the media id of the message's file, if the file was uploaded for this WhatsApp number and is not too old.
pub(super) fn usable_upload(message: &DueMessage, number: &str, now: DateTime<Utc>) -> Option<String> {
    let upload = message.upload.as_ref();
    let usable = upload.filter(|upload| upload.number == number && now < upload.at + MAX_UPLOAD_AGE);
    usable.map(|upload| upload.media_id.clone())
}

/// Uploads the file of a message that is in flight, and records the outcome. The message is sent in the next round.
pub(super) async fn upload_and_record(
    outcomes: Arc<OutcomeRecorder>,
    client: CloudApiClient,
    hotel: HotelId,
    number: String,
    message: DueMessage,
) {
    let uploaded = upload(&outcomes, &client, hotel, &number, &message).await;
    if let Err(error) = record_upload(&outcomes, hotel, number, &message, uploaded).await {
        // The message is still queued, so the file is uploaded again.
        let id = message.message;
        log::warn!("hotel {hotel}: cannot record the upload of message {id}; it is uploaded again: {error}");
        sleep(RECORD_RETRY_DELAY).await;
    }
    outcomes.queues.remove(hotel, &message.callback);
    outcomes.desk.outbox_wakeup.notify_one();
}

async fn upload(
    outcomes: &OutcomeRecorder,
    client: &CloudApiClient,
    hotel: HotelId,
    number: &str,
    message: &DueMessage,
) -> Result<String, CallError> {
    let id = message.message;
    let unreadable = |error: Error| {
        log::warn!("hotel {hotel}: cannot read the file of message {id}: {error}");
        CallError::from(NotSent::NoConnection("the file could not be read".to_owned()))
    };
    let (file, bytes) = outcomes.desk.load_outgoing_file(id).await.map_err(unreadable)?;
    client.upload(number, &file.name, &file.content_type, bytes).await
}

async fn record_upload(
    outcomes: &OutcomeRecorder,
    hotel: HotelId,
    number: String,
    message: &DueMessage,
    uploaded: Result<String, CallError>,
) -> Result<(), Error> {
    let (now, id) = (outcomes.desk.now(), message.message);
    let error = match uploaded {
        Ok(media_id) => {
            outcomes.queues.note_reachable(hotel);
            outcomes.queues.probe_again(hotel, now);
            let (callback, upload) = (message.callback.clone(), UploadedMedia { media_id, number, at: now });
            return outcomes
                .desk
                .write(hotel, vec![], move |tx| Ok(outbox::save_upload(tx, &callback, &upload)?))
                .await;
        }
        Err(error) => error,
    };
    log::warn!("hotel {hotel}: the file of message {id} could not be uploaded: {error}");
    match error {
        CallError::NotSent(NotSent::InvalidRequest(_)) => outcomes.fail_queued(hotel, message, NO_CALL).await,
        CallError::NotSent(_) | CallError::NoResponse(_) => {
            let backoff = outcomes.queues.connect_backoff(hotel, now);
            outcomes.defer(hotel, message, now + backoff, false).await
        }
        CallError::Rejected { error, retry_after } => {
            outcomes.queues.note_reachable(hotel);
            match RefusalPolicy::of(&error, message, retry_after) {
                RefusalPolicy::SuspendSender => outcomes.suspend_sender(hotel, error.code).await,
                RefusalPolicy::Retry(delay) => outcomes.defer(hotel, message, now + delay, true).await,
                RefusalPolicy::Fail => outcomes.fail_queued(hotel, message, &error.sentence()).await,
            }
        }
    }
}
