//! Thumbnails of pictures among the files of messages.

use domain::AttachmentId;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{
    Desk, Error,
    attachments::ReadableFile,
    pictures::{has_thumbnail, make_thumbnail},
};

/// Pictures that are decoded at the same time, so that decoding takes neither all cores nor much memory.
static DECODERS: Semaphore = Semaphore::const_new(2);

impl Desk {
    /// Returns a thumbnail (JPEG) of a file; `None` if the file is no picture, or too large to be decoded. Does not check
    /// visibility: the file comes from [`Desk::attachment`].
    pub async fn thumbnail(&self, file: &ReadableFile) -> Result<Option<Vec<u8>>, Error> {
        let id = file.attachment.id;
        if !has_thumbnail(&file.attachment.content_type, file.attachment.size) {
            return Ok(None);
        }
        // The permit is taken before the file is loaded, so that waiting requests hold no file in memory. The permit is
        // released when the decoder has ended, which may be after the caller has stopped waiting.
        let permit = DECODERS.acquire().await.map_err(|_| Error::NotThereYet)?;
        let bytes = self.load_file(id).await?;
        let decoding = spawn_blocking(move || {
            let _permit = permit;
            make_thumbnail(&bytes)
        });
        // A decoder that panics has met a picture that it cannot decode.
        Ok(decoding.await.unwrap_or_else(|error| {
            log_panic(id, &error);
            None
        }))
    }
}

fn log_panic(id: AttachmentId, error: &tokio::task::JoinError) {
    log::warn!("the decoder of file {id} panicked; the file has no thumbnail: {error}");
}
