//! Reads the approved templates of the hotel's WhatsApp Business Account.

use std::collections::HashMap;

use auth::Caller;
use domain::{
    DirectoryPart, HotelId, MessageText, Name, Template,
    template::{ParameterFormat, TemplateKind, TemplateLanguage, with_known_names},
};
use persistence::{
    Tx, hotels,
    templates::{self, TemplateContent},
};
use whatsapp::{AccountTemplate, CloudApiClient, TemplateText};

use crate::{Desk, Error, KeyedWrite, WriteOutcome, audited_change, directory, principal::ensure_manager};

const NO_ACCOUNT: &str =
    "The hotel has no WhatsApp Business Account yet: the administrator sets it with `message-manager hotel set`.";
const NO_CLIENT: &str = "The server has no access token for WhatsApp: the administrator sets WHATSAPP_ACCESS_TOKEN.";

/// How many templates a synchronisation has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TemplateSyncResult {
    pub created: usize,
    pub updated: usize,
    /// The templates of the hotel that Meta does not accept now.
    pub unavailable: usize,
}

impl Desk {
    /// Reads the approved templates of the hotel's WhatsApp Business Account: creates missing ones, updates changed ones,
    /// and marks those that Meta has paused or deleted.
    ///
    /// Fails with [`Error::NotAllowedNow`] without account or `client`, and with [`Error::WhatsAppUnavailable`] if WhatsApp
    /// does not return the list; then nothing is changed.
    pub async fn sync_templates(
        &self,
        caller: Caller,
        client: Option<&CloudApiClient>,
        write: KeyedWrite<TemplateSyncResult>,
    ) -> Result<WriteOutcome<TemplateSyncResult>, Error> {
        if let Some(key) = &write.key
            && let Some(stored) = self.find_stored_result(caller, key.clone()).await?
        {
            return Ok(WriteOutcome::Replayed(stored));
        }
        let account = self.read_as(caller, |conn, live| {
            ensure_manager(live)?;
            let hotel = hotels::find(conn, live.staff.hotel)?.ok_or(Error::NotFound)?;
            hotel.whatsapp_business_account_id.ok_or(Error::NotAllowedNow(NO_ACCOUNT))
        });
        let account = account.await?;
        let client = client.ok_or(Error::NotAllowedNow(NO_CLIENT))?;
        let listed = client.list_templates(&account).await.map_err(|error| {
            log::warn!("hotel {}: WhatsApp did not return the templates of the account: {error}", caller.hotel);
            Error::WhatsAppUnavailable
        })?;
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            let hotel = live.staff.hotel;
            let (result, has_changes) = apply(tx, hotel, &listed)?;
            if has_changes {
                let (by, numbers) = ((hotel, live.staff.id.into()), audit_text(result));
                audited_change::record(tx, by, "templates_synced", (None, Some(numbers)), now)?;
                directory::announce(tx, hotel, DirectoryPart::Templates, now);
            }
            Ok(result)
        })
        .await
    }
}

/// The result of a synchronisation in the audit log.
fn audit_text(result: TemplateSyncResult) -> String {
    let TemplateSyncResult { created, updated, unavailable } = result;
    format!("{created} created, {updated} updated, {unavailable} unavailable")
}

/// Brings the hotel's templates in line with those of the account. Returns also whether anything has changed.
fn apply(tx: &mut Tx<'_>, hotel: HotelId, listed: &[AccountTemplate]) -> Result<(TemplateSyncResult, bool), Error> {
    let (mut result, mut has_changes) = (TemplateSyncResult::default(), false);
    let approved = templates::lock_approved(tx, hotel)?;
    let mut sendable: HashMap<(&str, &str), (&AccountTemplate, &TemplateText)> = HashMap::new();
    for template in listed.iter().filter(|it| it.is_approved) {
        if let Some(text) = &template.body {
            sendable.insert((&template.name, &template.language), (template, text));
        }
    }
    for known in &approved {
        let language = known.kind.language().map(TemplateLanguage::as_str).unwrap_or_default();
        let found = sendable.remove(&(known.name.as_str(), language));
        let after = found.and_then(|(template, text)| updated(known, template, text));
        if after.is_none() {
            result.unavailable += 1;
        }
        let is_available = after.is_some();
        let content = after.unwrap_or_else(|| TemplateContent::from(known));
        if content == TemplateContent::from(known) && is_available == known.is_available {
            continue;
        }
        has_changes = true;
        result.updated += usize::from(is_available);
        // Name and shortcut stay, so no other template can have them.
        templates::save(tx, hotel, known.id, &content, is_available)?.map_err(super::taken)?;
    }
    // In the order of the account, so that new templates have ids in that order on every node.
    for template in listed {
        let Some((template, text)) = sendable.remove(&(template.name.as_str(), template.language.as_str())) else {
            continue;
        };
        let Some(content) = new_content(template, text) else { continue };
        templates::insert(tx, hotel, &content)?.map_err(super::taken)?;
        (result.created, has_changes) = (result.created + 1, true);
    }
    Ok((result, has_changes))
}

/// Returns the content of a known template after the synchronisation. A text that differs from Meta's only in the names of
/// its placeholders stays. Returns `None` if Meta's text cannot be stored.
fn updated(known: &Template, template: &AccountTemplate, text: &TemplateText) -> Option<TemplateContent> {
    let new = new_content(template, text)?;
    let stored = known.content.as_str();
    let named = |text: &str| if template.is_named { text.to_owned() } else { with_known_names(text, stored) };
    let is_same = [&text.body, &text.whole].into_iter().any(|text| named(text).trim() == stored);
    let content = if is_same { known.content.clone() } else { MessageText::parse(&named(&text.whole)).ok()? };
    Some(TemplateContent { content, department: known.department, shortcut: known.shortcut.clone(), ..new })
}

/// Returns the content of a template that the hotel does not have; `None` if it cannot be stored.
fn new_content(template: &AccountTemplate, text: &TemplateText) -> Option<TemplateContent> {
    let language = TemplateLanguage::parse(&template.language).ok()?;
    let parameter_format = if template.is_named { ParameterFormat::Named } else { ParameterFormat::Positional };
    Some(TemplateContent {
        name: Name::parse(&template.name).ok()?,
        content: MessageText::parse(&text.whole).ok()?,
        department: None,
        kind: TemplateKind::WhatsApp { language, parameter_format },
        shortcut: None,
    })
}
