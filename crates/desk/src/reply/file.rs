//! Sends a file to a guest.

use auth::Caller;
use domain::{ConversationRef, Message, MessageId, MessageText};

use whatsapp::{MAX_BODY_CHARS, MediaKind, OutgoingBody, SendableFile, sendable_file};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    attachments::NewFile,
    drafts::clear_draft,
    file_type::detect_content_type,
    pictures::measure_picture,
    reply::compose::{ReplyContent, ReplyContext, exceeds_caption_limit},
};

/// A file that staff send to a guest.
#[derive(Clone, Debug)]
pub struct OutgoingFile {
    pub name: String,
    /// The media type that the client declares, in lower case without parameters. The type that is detected from the
    /// content takes precedence.
    pub content_type: String,
    pub bytes: bytes::Bytes,
    /// The caption of the file.
    pub text: Option<MessageText>,
    /// The message that this one quotes.
    pub reply_to: Option<MessageId>,
    /// Whether the sender's draft in the conversation is deleted.
    pub clears_draft: bool,
}

impl Desk {
    /// Sends a file with an optional caption to a guest.
    ///
    /// Fails as [`Desk::reply`], and with [`Error::Invalid`] if the caption is too long, [`Error::UnsupportedFile`] or
    /// [`Error::FileTooLarge`] if WhatsApp does not accept the file.
    pub async fn send_file(
        &self,
        caller: Caller,
        reference: ConversationRef,
        mut file: OutgoingFile,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        file.content_type = detect_content_type(&file.content_type, &file.bytes);
        let picture_size = measure_picture(&file.bytes);
        self.send_once(caller, vec![reference], write, move |tx, live| {
            let mut context = ReplyContext::load_open(tx, live, reference)?;
            if !context.is_free_text_allowed(now) {
                return Err(Error::WindowClosed);
            }
            let quote = context.find_quote(tx, file.reply_to)?;
            ensure_short_caption(&file)?;
            let kind = media_kind(&file, context.is_on_whatsapp())?;
            context.take_over(tx, &live.staff, now)?;
            let caption = file.text.as_ref().map(MessageText::as_str);
            let text = caption.map_or_else(|| format!("[{}] {}", kind.as_str(), file.name), str::to_owned);
            let body = OutgoingBody::Media {
                kind,
                // The outbox worker sets the media id when it has uploaded the file.
                media_id: String::new(),
                caption: caption.map(str::to_owned),
                filename: Some(file.name.clone()),
            };
            let delivery = context.initial_delivery();
            let content =
                ReplyContent { text: &text, delivery, body: Some(body), client_ref: None, quote, send_at: None };
            let new = NewFile { name: &file.name, content_type: &file.content_type, bytes: &file.bytes, picture_size };
            let message = context.store_with_file(tx, &live.staff, &content, Some(&new), now)?;
            if file.clears_draft {
                clear_draft(tx, live.staff.id, message.conversation)?;
            }
            Ok(message)
        })
        .await
    }
}

fn ensure_short_caption(file: &OutgoingFile) -> Result<(), Error> {
    match &file.text {
        Some(text) if exceeds_caption_limit(text.as_str()) => Err(Error::invalid(
            "text",
            format!("With a file at most {MAX_BODY_CHARS} characters are allowed. Please send the text by itself."),
        )),
        _ => Ok(()),
    }
}

/// Returns the kind of media as which a file is sent in WhatsApp. Audio cannot have a caption in WhatsApp, so audio
/// with one is sent as a document. Outside WhatsApp every file is accepted.
fn media_kind(file: &OutgoingFile, is_on_whatsapp: bool) -> Result<MediaKind, Error> {
    let kind = match sendable_file(&file.content_type) {
        Some(SendableFile { kind, max_bytes: most }) if file.bytes.len() <= most => kind,
        Some(SendableFile { max_bytes: most, .. }) if is_on_whatsapp => return Err(Error::FileTooLarge { most }),
        None if is_on_whatsapp => return Err(Error::UnsupportedFile),
        Some(_) | None => MediaKind::Document,
    };
    Ok(if kind == MediaKind::Audio && file.text.is_some() { MediaKind::Document } else { kind })
}
