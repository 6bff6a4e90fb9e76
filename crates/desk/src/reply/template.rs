//! Sends a template to a guest.

use std::collections::BTreeMap;

use auth::Caller;
use domain::{
    ConversationRef, Message, MessageText, Template, TemplateId, placeholders::render_known, template::TemplateType,
};
use persistence::{Tx, templates};

use crate::{
    Desk, Error, KeyedWrite, WriteOutcome,
    drafts::clear_draft,
    reply::{
        compose::{ReplyContent, ReplyContext},
        fill_template::{PlaceholderValues, fill_template},
    },
};

/// A template that staff send to a guest.
#[derive(Clone, Debug)]
pub struct TemplateReply {
    pub template: TemplateId,
    /// Values of the template's placeholders, by name.
    pub values: BTreeMap<String, String>,
    /// Whether the sender's draft in the conversation is deleted.
    pub clears_draft: bool,
}

/// The text of a template for a conversation.
#[derive(Clone, Debug)]
pub struct RenderedTemplate {
    /// The text; placeholders without a value stay in it.
    pub text: String,
    /// The names of the placeholders without a value, in order of first use.
    pub missing: Vec<String>,
}

impl Desk {
    /// Sends a template to a guest. An approved template may be sent outside the 24-hour window.
    ///
    /// Fails as [`Desk::reply`], with [`Error::TemplateUnavailable`] if Meta does not accept the template, and with
    /// [`Error::Invalid`] if it does not exist or a placeholder has no value.
    pub async fn send_template(
        &self,
        caller: Caller,
        reference: ConversationRef,
        reply: TemplateReply,
        write: KeyedWrite<Message>,
    ) -> Result<WriteOutcome<Message>, Error> {
        let now = self.now();
        self.send_once(caller, vec![reference], write, move |tx, live| {
            let mut context = ReplyContext::load_open(tx, live, reference)?;
            let template = find_template(tx, &context, reply.template)?;
            if !template.is_available {
                return Err(Error::TemplateUnavailable);
            }
            if template.kind.template_type() == TemplateType::Text && !context.is_free_text_allowed(now) {
                return Err(Error::WindowClosed);
            }
            context.take_over(tx, &live.staff, now)?;
            let filled = fill_template(tx, &context, &template, Some(&live.staff.name), &reply.values, "variables")?;
            let text = MessageText::parse(&filled.text).map_err(|error| Error::from(("variables", error)))?;
            let delivery = context.initial_delivery();
            let content = ReplyContent {
                text: text.as_str(),
                delivery,
                body: filled.body,
                client_ref: None,
                quote: None,
                send_at: None,
            };
            let message = context.store(tx, &live.staff, &content, now)?;
            if reply.clears_draft {
                clear_draft(tx, live.staff.id, message.conversation)?;
            }
            Ok(message)
        })
        .await
    }

    /// Fills a template for a visible conversation, also for a closed one, and sends nothing.
    ///
    /// Fails with [`Error::Invalid`] if the template does not exist.
    pub async fn render_template(
        &self,
        caller: Caller,
        reference: ConversationRef,
        template: TemplateId,
        values: BTreeMap<String, String>,
        write: KeyedWrite<RenderedTemplate>,
    ) -> Result<WriteOutcome<RenderedTemplate>, Error> {
        self.write_once(caller, vec![], write, move |tx, live| {
            let context = ReplyContext::load_visible(tx, live, reference)?;
            let template = find_template(tx, &context, template)?;
            let known = PlaceholderValues::load(tx, &context, &template, Some(&live.staff.name), &values)?;
            let (text, missing) = render_known(template.content.as_str(), &|name| known.get(name));
            Ok(RenderedTemplate { text, missing })
        })
        .await
    }
}

pub(super) fn find_template(tx: &mut Tx<'_>, context: &ReplyContext, id: TemplateId) -> Result<Template, Error> {
    templates::find(tx.conn(), context.hotel.id, id)?
        .ok_or_else(|| Error::invalid("template_id", "There is no such template."))
}
