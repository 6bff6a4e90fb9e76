//! Files of messages: fetching what guests sent, and giving it to staff.

use std::{collections::HashMap, time::Duration};

use auth::{Caller, Digest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Attachment, AttachmentId, HotelId, MessageId};
use persistence::{
    StoreError, Tx,
    attachments::{self, Awaited, Draft, Source, State},
    conversations::Which,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use whatsapp::{CallError, Client, Media, MediaError};

use crate::{Desk, Error, conversations::visible};

/// The most bytes of a file that a guest sends: no file of WhatsApp's is larger.
const MOST: u64 = 100 * 1024 * 1024;
/// The bytes of a part.
pub(crate) const PART: usize = 256 * 1024;
/// How often it is looked for files to fetch.
const LOOK: Duration = Duration::from_secs(1);
/// Files that are fetched at once.
const AT_ONCE: usize = 8;
/// Of these, that are claimed together; of a hotel that has so many no further ones are. So none takes all of them.
const TOGETHER: usize = 4;
/// A download that brings nothing for so long is given up, and tried again later.
const PROGRESS: Duration = Duration::from_secs(30);
/// How often a file is tried; the waits between double from a second: most of a day.
const TRIES: i32 = 16;

impl Desk {
    /// A file of a conversation that the caller sees.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotThereYet`] while it is being fetched.
    pub async fn attachment(&self, caller: Caller, id: AttachmentId) -> Result<Attachment, Error> {
        self.ask(caller, move |conn, live| {
            let (it, conversation, state) = attachments::find(conn, id)?.ok_or(Error::NotFound)?;
            visible(conn, &live.staff.reach(), Which::Conversation(conversation))?;
            if state == State::There { Ok(it) } else { Err(Error::NotThereYet) }
        })
        .await
    }

    /// A part of a file that [`Desk::attachment`] has given, from 0; `None` after the last.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn attachment_part(&self, id: AttachmentId, number: i32) -> Result<Option<Vec<u8>>, Error> {
        self.store.read(move |conn| Ok(attachments::part(conn, id, number)?)).await
    }

    /// The file of a message that is sent, as a whole: it was taken in as one.
    pub(crate) async fn file_of(&self, message: MessageId) -> Result<(Attachment, Vec<u8>), Error> {
        self.store
            .read(move |conn| {
                let of = attachments::of_messages(conn, &[message])?.remove(&message).unwrap_or_default();
                let file = of.into_iter().next().ok_or(Error::NotFound)?;
                let (mut bytes, mut number) = (Vec::new(), 0);
                while let Some(part) = attachments::part(conn, file.id, number)? {
                    bytes.extend(part);
                    number += 1;
                }
                Ok((file, bytes))
            })
            .await
    }

    /// Fetches what guests have sent, for ever. As soon as one file has come, or not, the next is begun, however long
    /// others take.
    pub async fn fetch_attachments(self, client: Client) {
        let (mut fetching, mut of_hotel) = (JoinSet::new(), HashMap::<HotelId, usize>::new());
        loop {
            let free = AT_ONCE - fetching.len();
            if free > 0 {
                match self.claim_due(free, &of_hotel).await {
                    Ok(claimed) => {
                        for it in claimed {
                            *of_hotel.entry(it.hotel).or_default() += 1;
                            fetching.spawn(self.clone().fetch_one(client.clone(), it));
                        }
                    }
                    Err(error) => log::warn!("cannot look for what guests sent: {error}"),
                }
            }
            let ended = tokio::select! {
                Some(ended) = fetching.join_next() => Some(ended),
                () = sleep(LOOK), if fetching.len() < AT_ONCE => None,
            };
            match ended {
                Some(Ok(hotel)) => {
                    if let Some(count) = of_hotel.get_mut(&hotel) {
                        *count -= 1;
                    }
                    of_hotel.retain(|_, count| *count > 0);
                }
                // Of which hotel it was is not known: each may have so many again.
                Some(Err(error)) => {
                    log::error!("fetching a file broke off: {error}");
                    of_hotel.clear();
                }
                None => {}
            }
        }
    }

    async fn claim_due(&self, free: usize, of_hotel: &HashMap<HotelId, usize>) -> Result<Vec<Awaited>, Error> {
        let now = self.now();
        let busy: Vec<HotelId> = of_hotel.iter().filter(|(_, n)| **n >= TOGETHER).map(|(id, _)| *id).collect();
        let limit = free.min(TOGETHER) as i64;
        let claim = move |tx: &mut Tx<'_>| Ok::<_, Error>(attachments::claim(tx, now, limit, &busy)?);
        self.store.write(HotelId(0), vec![], claim).await
    }

    async fn fetch_one(self, client: Client, it: Awaited) -> HotelId {
        if let Err(error) = self.fetch(&client, &it).await {
            log::warn!("cannot fetch what a guest sent: {error}");
        }
        it.hotel
    }

    async fn fetch(&self, client: &Client, it: &Awaited) -> Result<(), Error> {
        let error = match self.download(client, it).await {
            Ok(()) => return Ok(()),
            Err(NotFetched::Store(error)) => return Err(error),
            Err(NotFetched::ByOthers) => {
                log::info!("file {} is fetched by another claim: this one took too long", it.id);
                return Ok(());
            }
            Err(NotFetched::Media(error)) => error,
        };
        log::warn!("file {} could not be fetched: {error}", it.id);
        let (of, now) = (it.clone(), self.now());
        let is_final = match &error {
            NotFetchable::ForeignAddress | NotFetchable::TooLarge | NotFetchable::Refused => true,
            NotFetchable::OtherBytes | NotFetchable::Stalled | NotFetchable::Trouble(_) => it.attempts >= TRIES,
        };
        let wait = TimeDelta::seconds(1 << it.attempts.clamp(0, TRIES));
        self.store
            .write(it.hotel, vec![], move |tx| {
                Ok(if is_final { attachments::lose(tx, &of) } else { attachments::put_off(tx, &of, now + wait) }?)
            })
            .await
    }

    async fn download(&self, client: &Client, it: &Awaited) -> Result<(), NotFetched> {
        // An address is good for five minutes: it is asked for each time.
        let info = client.media(&it.media_id).await.map_err(NotFetchable::from)?;
        let mut download = client.download(&info.url, MOST).await.map_err(NotFetchable::from)?;
        let (mut part, mut parts, mut size) = (Vec::with_capacity(PART), 0, 0_i64);
        loop {
            let chunk = timeout(PROGRESS, download.chunk()).await.map_err(|_| NotFetchable::Stalled)?;
            let chunk = chunk.map_err(NotFetchable::from)?;
            let is_last = chunk.is_none();
            part.extend_from_slice(&chunk.unwrap_or_default());
            while part.len() >= PART || is_last && !part.is_empty() {
                let rest = part.split_off(part.len().min(PART));
                size += part.len() as i64;
                self.put_part(it, parts, std::mem::replace(&mut part, rest)).await?;
                parts += 1;
            }
            if is_last {
                break;
            }
        }
        let sha256 = Digest(download.sha256()).to_string();
        let told = it.sha256.clone().or_else(|| info.sha256.map(|it| Digest(it).to_string()));
        if told.is_some_and(|told| told != sha256) {
            return Err(NotFetchable::OtherBytes.into());
        }
        let of = it.clone();
        let complete =
            move |tx: &mut Tx<'_>| Ok::<_, Error>(attachments::complete_fetched(tx, &of, parts, size, &sha256)?);
        let is_ours = self.store.write(it.hotel, vec![], complete).await?;
        if is_ours { Ok(()) } else { Err(NotFetched::ByOthers) }
    }

    async fn put_part(&self, it: &Awaited, number: i32, bytes: Vec<u8>) -> Result<(), NotFetched> {
        let (of, now) = (it.clone(), self.now());
        let put = move |tx: &mut Tx<'_>| Ok::<_, Error>(attachments::put_fetched(tx, &of, (number, &bytes), now)?);
        let is_ours = self.store.write(it.hotel, vec![], put).await?;
        if is_ours { Ok(()) } else { Err(NotFetched::ByOthers) }
    }
}

/// Stores what is known of a file that a guest sent: it is fetched later.
pub(crate) fn await_file(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    message: MessageId,
    media: &Media,
    at: DateTime<Utc>,
) -> Result<Attachment, Error> {
    let (name, sha256) = (name_of(media), media.sha256.map(|it| Digest(it).to_string()));
    let draft = Draft {
        message,
        hotel,
        name: &name,
        content_type: &media.mime_type,
        source: Some(Source { media_id: &media.id, sha256: sha256.as_deref() }),
    };
    let id = attachments::insert(tx, &draft, at)?;
    Ok(Attachment { id, name, content_type: media.mime_type.clone(), size: 0 })
}

/// What a file is called: as the guest called it, else by its kind.
fn name_of(media: &Media) -> String {
    if let Some(name) = &media.filename {
        return name.clone();
    }
    let ending = media.mime_type.rsplit('/').next().unwrap_or_default();
    let ending = match ending {
        "jpeg" => "jpg",
        "mpeg" => "mp3",
        "plain" | "" => "txt",
        known => known,
    };
    let ending: String = ending.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{}.{ending}", media.kind.as_str())
}

/// Why a file was not fetched.
enum NotFetched {
    Store(Error),
    /// The claim is over: another has the file, or fetches it.
    ByOthers,
    Media(NotFetchable),
}

#[derive(Debug, thiserror::Error)]
enum NotFetchable {
    #[error("it is at an address that is not Meta's")]
    ForeignAddress,
    #[error("it is too large")]
    TooLarge,
    #[error("Meta does not give it")]
    Refused,
    #[error("its bytes are others than were told")]
    OtherBytes,
    #[error("it does not come on")]
    Stalled,
    #[error("{0}")]
    Trouble(String),
}

impl From<MediaError> for NotFetchable {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::ForeignAddress => Self::ForeignAddress,
            MediaError::TooLarge { .. } => Self::TooLarge,
            MediaError::Gone => Self::Trouble(error.to_string()),
            MediaError::Call(error) => error.into(),
        }
    }
}

impl From<CallError> for NotFetchable {
    fn from(error: CallError) -> Self {
        match &error {
            // An id that Meta knows no more will not come back; a token may be renewed.
            CallError::Refused { error, .. } if error.advice() == whatsapp::Advice::GiveUp => Self::Refused,
            _ => Self::Trouble(error.to_string()),
        }
    }
}

impl From<NotFetchable> for NotFetched {
    fn from(error: NotFetchable) -> Self {
        Self::Media(error)
    }
}

impl From<Error> for NotFetched {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<StoreError> for NotFetched {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}
