//! Uploading files that staff send. That comes before a message is claimed: nothing reaches the guest by it, so
//! whatever goes wrong, it may be done again, by whichever server sends for the hotel then.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{HotelId, MessageId};
use persistence::{
    Tx,
    outbox::{self, Due, Upload},
};
use tokio::time::sleep;
use whatsapp::{Advice, CallError, NotSent};

use super::{AtWork, LOOK, PROBE, Sending, outcomes::NO_CALL};
use crate::Error;

/// WhatsApp keeps a file for 30 days; this leaves time to send it.
const KEPT: TimeDelta = TimeDelta::days(29);

/// What WhatsApp calls a message's file, where it is uploaded for this number and still kept.
pub(super) fn usable(it: &Due, number: &str, now: DateTime<Utc>) -> Option<String> {
    let upload = it.upload.as_ref().filter(|upload| upload.number == number && now < upload.at + KEPT);
    upload.map(|upload| upload.media_id.clone())
}

impl Sending {
    /// Uploads a message's file beside everything else; it is sent when it is due next.
    pub(super) fn begin_upload(self: &Arc<Self>, hotel: HotelId, number: String, it: Due) {
        {
            let mut hotels = self.lock();
            if self.is_ending.load(Relaxed) {
                return;
            }
            let at_work = hotels.entry(hotel).or_insert_with(AtWork::new);
            at_work.on_their_way.insert(it.callback.clone(), it.conversation);
        }
        let this = self.clone();
        tokio::spawn(async move {
            let uploaded = this.upload(&number, it.message).await;
            if let Err(error) = this.store_upload(hotel, number, &it, uploaded).await {
                // The message is queued still, and its file is uploaded again.
                log::warn!("what came of an upload cannot be stored: {error}");
                sleep(LOOK).await;
            }
            this.is_over(hotel, &it.callback);
            this.desk.to_send.notify_one();
        });
    }

    /// Whether a stopped channel goes on, only an answer to a message tells: it is tried at once.
    fn is_still_to_probe(&self, hotel: HotelId, now: DateTime<Utc>) {
        if let Some(it) = self.lock().get_mut(&hotel)
            && it.probed_at.is_some()
        {
            it.probed_at = Some(now - PROBE);
        }
    }

    async fn upload(&self, number: &str, of: MessageId) -> Result<String, CallError> {
        let not_read = |error: Error| {
            log::warn!("a file to send cannot be read: {error}");
            CallError::from(NotSent::NoConnection("the file could not be read".to_owned()))
        };
        let (file, bytes) = self.desk.file_of(of).await.map_err(not_read)?;
        self.client.upload(number, &file.name, &file.content_type, bytes).await
    }

    async fn store_upload(
        &self,
        hotel: HotelId,
        number: String,
        it: &Due,
        uploaded: Result<String, CallError>,
    ) -> Result<(), Error> {
        let now = self.desk.now();
        let error = match uploaded {
            Ok(media_id) => {
                self.is_reachable(hotel);
                self.is_still_to_probe(hotel, now);
                let (callback, upload) = (it.callback.clone(), Upload { media_id, number, at: now });
                let keep = move |tx: &mut Tx<'_>| Ok(outbox::keep_upload(tx, &callback, &upload)?);
                return self.desk.store.write(hotel, vec![], keep).await;
            }
            Err(error) => error,
        };
        log::warn!("a file could not be uploaded: {error}");
        let (wait, counted) = match error {
            CallError::NotSent(NotSent::NoCall(_)) => return self.refuse(hotel, it, NO_CALL).await,
            CallError::NotSent(_) | CallError::NoAnswer(_) => (self.wait_for_connection(hotel, now), false),
            CallError::Refused { error, retry_after } => {
                self.is_reachable(hotel);
                let advice = error.advice();
                if let Advice::StopChannel(_) = advice {
                    return self.stop(hotel, error.code).await;
                }
                let told = retry_after.and_then(|it| TimeDelta::from_std(it).ok()).unwrap_or_default();
                match advice.wait(it.attempts.unsigned_abs()) {
                    Some(wait) => (TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1)).max(told), true),
                    None => return self.refuse(hotel, it, &error.sentence()).await,
                }
            }
        };
        let callback = it.callback.clone();
        let put_off = move |tx: &mut Tx<'_>| Ok(outbox::put_off(tx, &callback, now + wait, counted)?);
        self.desk.store.write(hotel, vec![], put_off).await
    }
}
