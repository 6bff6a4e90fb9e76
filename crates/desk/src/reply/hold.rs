//! Texts that are held until the guest writes, and the opener template that asks the guest to write.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{MessageText, Template};
use persistence::{Tx, service_windows, templates};

use crate::{
    Error,
    outbound::outbox::queue_system_message,
    reply::{compose::ReplyContext, fill_template::fill_template},
};

/// Returns the opener template to send with a text that is held. Fails with [`Error::WindowClosed`] if the text may not
/// be held, and with [`Error::TemplateUnavailable`] if Meta does not accept the opener now.
///
/// Returns `None` if the guest has just written. The 24-hour window is locked first: otherwise the text would be held
/// although the window is open.
pub(super) fn opener_to_hold(
    tx: &mut Tx<'_>,
    context: &mut ReplyContext,
    hold: bool,
    now: DateTime<Utc>,
) -> Result<Option<Template>, Error> {
    let id = context.hotel.opener_template.filter(|_| hold).ok_or(Error::WindowClosed)?;
    let opener = templates::find(tx.conn(), context.hotel.id, id)?.ok_or(Error::WindowClosed)?;
    let guest = context.conversation.guest();
    service_windows::lock_guest(tx, guest)?;
    context.last_guest_message_at = service_windows::last_message_at(tx.conn(), guest)?;
    let is_needed = !context.is_free_text_allowed(now);
    if is_needed && !opener.is_available {
        return Err(Error::TemplateUnavailable);
    }
    Ok(is_needed.then_some(opener))
}

/// Sends the opener template in the hotel's name, unless it was sent since the guest last wrote.
pub(super) fn send_opener(
    tx: &mut Tx<'_>,
    context: &ReplyContext,
    opener: &Template,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let number = context.hotel.whatsapp_phone_number_id.as_deref().unwrap_or_default();
    if !service_windows::mark_asked_to_write(tx, context.conversation.guest(), number)? {
        return Ok(());
    }
    let filled = fill_template(tx, context, opener, None, &BTreeMap::new(), "hold")?;
    let content = MessageText::parse(&filled.text).map_err(|error| Error::from(("hold", error)))?;
    queue_system_message(tx, &context.hotel, &context.conversation, content.as_str(), filled.body.as_ref(), now)
}
