//! Sends a template to a guest.

use std::collections::BTreeMap;

use auth::Caller;
use domain::{ConversationRef, Message, MessageText, TemplateId, template::TemplateKind};
use persistence::templates;

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    reply::{
        compose::{ReplyContent, ReplyContext},
        fill_template::fill_template,
    },
};

impl Desk {
    /// Sends a template to a guest. An approved template may be sent outside the 24-hour window.
    ///
    /// Fails as [`Desk::reply`], and with [`Error::Invalid`] if the template does not exist or a placeholder has no
    /// value.
    pub async fn send_template(
        &self,
        caller: Caller,
        reference: ConversationRef,
        template: TemplateId,
        values: BTreeMap<String, String>,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        self.send_once(caller, vec![reference], write, move |tx, live| {
            let mut context = ReplyContext::load_open(tx, live, reference, now)?;
            let template = templates::find(tx.conn(), context.hotel.id, template)?
                .ok_or_else(|| Error::invalid("template_id", "There is no such template."))?;
            if template.kind == TemplateKind::Text && !context.is_free_text_allowed {
                return Err(Error::WindowClosed);
            }
            context.take_over(tx, live, now)?;
            let filled = fill_template(tx, &context, &template, Some(&live.staff.name), &values, "variables")?;
            let text = MessageText::parse(&filled.text).map_err(|error| Error::from(("variables", error)))?;
            let delivery = context.initial_delivery();
            let content = ReplyContent { text: text.as_str(), delivery, body: filled.body, client_ref: None };
            context.store(tx, live, &content, now)
        })
        .await
    }
}
