//! Files of messages: download from WhatsApp, storage in parts, and access for staff.

use std::{collections::HashMap, time::Duration};

use auth::{Caller, Digest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Attachment, AttachmentId, ConversationRef, HotelId, MessageId, PictureSize, text::clean_file_name};
use persistence::{
    Conn, Tx,
    attachments::{self, AttachmentState, CompleteFile, FoundAttachment, MediaSource, NewAttachment, PendingDownload},
};
use tokio::{
    task::{JoinError, JoinSet},
    time::{sleep, timeout},
};
use whatsapp::{CallError, CloudApiClient, ErrorPolicy, Media, MediaError};

use crate::{Desk, Error, pictures::measure_picture, visibility::find_visible};

/// Greatest size of a file that is downloaded; WhatsApp has no larger files.
const MAX_FILE_BYTES: u64 = 100 * 1024 * 1024;
/// Size of each stored part of a file, except the last one, which is smaller.
pub const PART_BYTES: usize = 256 * 1024;
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const MAX_DOWNLOADS: usize = 8;
/// The most files that are claimed at once, and that are downloaded for one hotel at the same time, so that no hotel
/// occupies all downloads.
const MAX_DOWNLOADS_PER_HOTEL: usize = 4;
/// A download without progress for this long is retried later.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts to download a file. The delay doubles with each attempt; all attempts take most of a day.
const MAX_ATTEMPTS: i32 = 16;

/// A file whose bytes are stored.
#[derive(Clone, Debug)]
pub struct ReadableFile {
    pub attachment: Attachment,
    /// Differs between files of different content: the SHA-256 of the bytes in hexadecimal digits.
    pub digest: String,
}

/// A file that staff send.
pub(crate) struct NewFile<'a> {
    pub(crate) name: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) picture_size: Option<PictureSize>,
}

impl Desk {
    /// Returns a file of a visible conversation. Fails with [`Error::NotThereYet`] until it is downloaded.
    pub async fn attachment(&self, caller: Caller, id: AttachmentId) -> Result<ReadableFile, Error> {
        self.read_as(caller, move |conn, live| {
            let found = attachments::find(conn, id)?.ok_or(Error::NotFound)?;
            find_visible(conn, &live.staff.reach(), ConversationRef::Conversation(found.conversation))?;
            match found {
                FoundAttachment { attachment, state: AttachmentState::Stored, sha256, .. } => {
                    Ok(ReadableFile { digest: sha256.unwrap_or_else(|| id.to_string()), attachment })
                }
                FoundAttachment { state: AttachmentState::Awaited, .. } => Err(Error::NotThereYet),
            }
        })
        .await
    }

    /// Returns part `number` of a file, counted from 0; `None` after the last. Does not check visibility: call
    /// [`Desk::attachment`] first.
    pub async fn attachment_part(&self, id: AttachmentId, number: i32) -> Result<Option<Vec<u8>>, Error> {
        self.read(move |conn| Ok(attachments::find_part(conn, id, number)?)).await
    }

    /// Returns the file of a message that staff send.
    pub(crate) async fn load_outgoing_file(&self, message: MessageId) -> Result<(Attachment, Vec<u8>), Error> {
        self.read(move |conn| {
            let files = attachments::of_messages(conn, &[message])?.remove(&message).unwrap_or_default();
            let file = files.into_iter().next().ok_or(Error::NotFound)?;
            let bytes = load_parts(conn, file.id)?;
            Ok((file, bytes))
        })
        .await
    }

    /// Returns the bytes of a file. Does not check visibility.
    pub(crate) async fn load_file(&self, id: AttachmentId) -> Result<Vec<u8>, Error> {
        self.read(move |conn| load_parts(conn, id)).await
    }

    /// Downloads the files of guest messages, for ever. A slow download delays no other.
    pub async fn fetch_attachments(self, client: CloudApiClient) {
        let (mut downloads, mut per_hotel) = (JoinSet::new(), HashMap::<HotelId, usize>::new());
        loop {
            let free = MAX_DOWNLOADS - downloads.len();
            if free > 0 {
                match self.claim_files(free, &per_hotel).await {
                    Ok(claimed) => {
                        for file in claimed {
                            *per_hotel.entry(file.hotel).or_default() += 1;
                            downloads.spawn(self.clone().fetch_logged(client.clone(), file));
                        }
                    }
                    Err(error) => {
                        log::warn!("cannot claim files to download; retry in {} s: {error}", POLL_INTERVAL.as_secs());
                    }
                }
            }
            let ended = tokio::select! {
                Some(ended) = downloads.join_next() => Some(ended),
                () = sleep(POLL_INTERVAL), if downloads.len() < MAX_DOWNLOADS => None,
            };
            if let Some(ended) = ended {
                release_download(&mut per_hotel, ended);
            }
        }
    }

    async fn claim_files(
        &self,
        free: usize,
        per_hotel: &HashMap<HotelId, usize>,
    ) -> Result<Vec<PendingDownload>, Error> {
        let now = self.now();
        let at_limit = per_hotel.iter().filter(|(_, count)| **count >= MAX_DOWNLOADS_PER_HOTEL);
        let at_limit: Vec<HotelId> = at_limit.map(|(hotel, _)| *hotel).collect();
        let limit = free.min(MAX_DOWNLOADS_PER_HOTEL) as i64;
        self.write_global(move |tx| Ok(attachments::claim_downloads(tx, now, limit, &at_limit)?)).await
    }

    async fn fetch_logged(self, client: CloudApiClient, file: PendingDownload) -> HotelId {
        if let Err(error) = self.fetch(&client, &file).await {
            let (id, hotel) = (file.id, file.hotel);
            log::warn!("hotel {hotel}: cannot store the download of file {id}; retry after the claim expires: {error}");
        }
        file.hotel
    }

    async fn fetch(&self, client: &CloudApiClient, file: &PendingDownload) -> Result<(), Error> {
        let cause = match self.download(client, file).await {
            Ok(()) => return Ok(()),
            Err(FetchError::Desk(error)) => return Err(error),
            Err(FetchError::ClaimExpired) => {
                log::info!(
                    "hotel {}: the claim of file {} has expired; another node downloads it",
                    file.hotel,
                    file.id
                );
                return Ok(());
            }
            Err(FetchError::Download(cause)) => cause,
        };
        let is_final = cause.is_permanent() || file.attempts >= MAX_ATTEMPTS;
        let delay = TimeDelta::seconds(1 << file.attempts.clamp(0, MAX_ATTEMPTS));
        let next_step = if is_final { "given up".to_owned() } else { format!("retry in {} s", delay.num_seconds()) };
        log::warn!("hotel {}: file {} could not be downloaded; {next_step}: {cause}", file.hotel, file.id);
        let (failed, now) = (file.clone(), self.now());
        self.write(file.hotel, vec![], move |tx| {
            let stored = match is_final {
                true => attachments::mark_lost(tx, &failed),
                false => attachments::defer_download(tx, &failed, now + delay),
            };
            Ok(stored?)
        })
        .await
    }

    async fn download(&self, client: &CloudApiClient, file: &PendingDownload) -> Result<(), FetchError> {
        // The download URL is valid for five minutes, so every attempt requests it again.
        let info = client.media_info(&file.media_id).await.map_err(DownloadError::from)?;
        let mut download = client.download(&info.url, MAX_FILE_BYTES).await.map_err(DownloadError::from)?;
        let (mut part, mut parts, mut size) = (Vec::with_capacity(PART_BYTES), 0, 0_i64);
        let mut picture_size = None;
        loop {
            let chunk = timeout(READ_TIMEOUT, download.chunk()).await.map_err(|_| DownloadError::Stalled)?;
            let chunk = chunk.map_err(DownloadError::from)?;
            let is_last = chunk.is_none();
            part.extend_from_slice(&chunk.unwrap_or_default());
            while part.len() >= PART_BYTES || is_last && !part.is_empty() {
                let rest = part.split_off(part.len().min(PART_BYTES));
                size += part.len() as i64;
                if parts == 0 {
                    picture_size = measure_picture(&part);
                }
                self.store_part(file, parts, std::mem::replace(&mut part, rest)).await?;
                parts += 1;
            }
            if is_last {
                break;
            }
        }
        let sha256 = Digest(download.sha256()).to_string();
        let announced = file.sha256.clone().or_else(|| info.sha256.map(|it| Digest(it).to_string()));
        if announced.is_some_and(|announced| announced != sha256) {
            return Err(DownloadError::WrongDigest.into());
        }
        let (of, complete) = (file.clone(), CompleteFile { parts, size, sha256, picture_size });
        let complete = move |tx: &mut Tx<'_>| Ok(attachments::complete_download(tx, &of, &complete)?);
        let is_claimed = self.write(file.hotel, vec![], complete).await?;
        if is_claimed { Ok(()) } else { Err(FetchError::ClaimExpired) }
    }

    async fn store_part(&self, file: &PendingDownload, number: i32, bytes: Vec<u8>) -> Result<(), FetchError> {
        let (of, now) = (file.clone(), self.now());
        let store = move |tx: &mut Tx<'_>| Ok(attachments::save_downloaded_part(tx, &of, (number, &bytes), now)?);
        let is_claimed = self.write(file.hotel, vec![], store).await?;
        if is_claimed { Ok(()) } else { Err(FetchError::ClaimExpired) }
    }
}

fn release_download(per_hotel: &mut HashMap<HotelId, usize>, ended: Result<HotelId, JoinError>) {
    match ended {
        Ok(hotel) => {
            if let Some(count) = per_hotel.get_mut(&hotel) {
                *count -= 1;
            }
            per_hotel.retain(|_, count| *count > 0);
        }
        // The hotel of a download that panicked is unknown, so the counts of all hotels start again.
        Err(error) => {
            log::error!("the download of a file panicked; retry after the claim expires: {error}");
            per_hotel.clear();
        }
    }
}

fn load_parts(conn: &mut Conn, id: AttachmentId) -> Result<Vec<u8>, Error> {
    let (mut bytes, mut number) = (Vec::new(), 0);
    while let Some(part) = attachments::find_part(conn, id, number)? {
        bytes.extend(part);
        number += 1;
    }
    Ok(bytes)
}

/// Stores a file that staff send with a message.
pub(crate) fn store_file(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    message: MessageId,
    file: &NewFile<'_>,
    at: DateTime<Utc>,
) -> Result<Attachment, Error> {
    let (name, content_type, picture_size) = (file.name, file.content_type, file.picture_size);
    let id = attachments::insert(tx, &NewAttachment { message, hotel, name, content_type, source: None }, at)?;
    let mut parts = 0;
    for part in file.bytes.chunks(PART_BYTES) {
        attachments::save_part(tx, id, parts, part)?;
        parts += 1;
    }
    let size = file.bytes.len() as i64;
    let complete = CompleteFile { parts, size, sha256: Digest::of(file.bytes).to_string(), picture_size };
    attachments::mark_complete(tx, id, &complete)?;
    Ok(Attachment { id, name: name.to_owned(), content_type: content_type.to_owned(), size, picture_size })
}

/// Stores the metadata of a file that a guest sent; [`Desk::fetch_attachments`] downloads it later.
pub(crate) fn store_pending_file(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    message: MessageId,
    media: &Media,
    at: DateTime<Utc>,
) -> Result<Attachment, Error> {
    let (name, sha256) = (file_name(media), media.sha256.map(|it| Digest(it).to_string()));
    let new = NewAttachment {
        message,
        hotel,
        name: &name,
        content_type: &media.mime_type,
        source: Some(MediaSource { media_id: &media.id, sha256: sha256.as_deref() }),
    };
    let id = attachments::insert(tx, &new, at)?;
    Ok(Attachment { id, name, content_type: media.mime_type.clone(), size: 0, picture_size: None })
}

/// Returns the name of a guest's file: the name that the guest gave, otherwise the kind of media with an extension for
/// its type.
fn file_name(media: &Media) -> String {
    if let Some(name) = media.filename.as_deref().map(clean_file_name).filter(|it| !it.is_empty()) {
        return name;
    }
    let extension = match media.mime_type.rsplit('/').next().unwrap_or_default() {
        "jpeg" => "jpg",
        "mpeg" => "mp3",
        "plain" | "" => "txt",
        subtype => subtype,
    };
    let extension: String = extension.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{}.{extension}", media.kind.as_str())
}

enum FetchError {
    Desk(Error),
    /// The claim of the file has expired: another node downloads the file, or has done so.
    ClaimExpired,
    Download(DownloadError),
}

#[derive(Debug, thiserror::Error)]
enum DownloadError {
    #[error("its URL is not on a host of Meta")]
    ForeignHost,
    #[error("it is too large")]
    TooLarge,
    #[error("Meta refuses the download")]
    Refused,
    #[error("its content does not match the announced digest")]
    WrongDigest,
    #[error("timeout without progress")]
    Stalled,
    #[error("{0}")]
    Temporary(String),
}

impl DownloadError {
    fn is_permanent(&self) -> bool {
        match self {
            Self::ForeignHost | Self::TooLarge | Self::Refused => true,
            Self::WrongDigest | Self::Stalled | Self::Temporary(_) => false,
        }
    }
}

impl From<MediaError> for DownloadError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::ForeignAddress => Self::ForeignHost,
            MediaError::TooLarge { .. } => Self::TooLarge,
            MediaError::Gone => Self::Temporary(error.to_string()),
            MediaError::Call(error) => error.into(),
        }
    }
}

impl From<CallError> for DownloadError {
    fn from(error: CallError) -> Self {
        match &error {
            // A media id that Meta has deleted does not come back, but a rejected token may be replaced.
            CallError::Rejected { error, .. } if error.policy() == ErrorPolicy::Fail => Self::Refused,
            _ => Self::Temporary(error.to_string()),
        }
    }
}

impl From<DownloadError> for FetchError {
    fn from(error: DownloadError) -> Self {
        Self::Download(error)
    }
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        Self::Desk(error)
    }
}
