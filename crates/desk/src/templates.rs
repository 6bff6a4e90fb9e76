//! Templates of the caller's hotel.

mod sync;

pub use sync::TemplateSyncResult;

use auth::Caller;
use chrono::{DateTime, Utc};
use domain::{
    DepartmentId, DirectoryPart, HotelId, MessageText, Name, Template, TemplateId,
    template::{ParameterFormat, TemplateKind, TemplateLanguage, TemplateShortcut, TemplateType},
};
use persistence::{
    Tx,
    audit_log::AuditActor,
    hotels,
    templates::{self, TemplateConflict},
};

pub use persistence::templates::{TemplateContent, TemplateFilter};

use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome,
    audited_change::{self, ChangedFields},
    directory,
    existence::ensure_department,
    principal::ensure_manager,
    read_limit::ReadCost,
};

/// A change of a template; a field that is `None` keeps its value.
#[derive(Clone, Debug, Default)]
pub struct TemplateChange {
    /// The new name of the template, unique in the hotel.
    pub name: Option<Name>,
    pub content: Option<MessageText>,
    /// The department that may use the template; `Some(None)` lets all departments use it.
    pub department: Option<Option<DepartmentId>>,
    pub template_type: Option<TemplateType>,
    /// The language of the template; one that becomes a `text` loses its language, unless it is named.
    pub language: Option<Option<TemplateLanguage>>,
    /// The new shortcut, unique in the hotel; `Some(None)` removes it.
    pub shortcut: Option<Option<TemplateShortcut>>,
    pub parameter_format: Option<ParameterFormat>,
}

impl TemplateChange {
    fn apply(&self, before: &Template) -> Result<TemplateContent, Error> {
        let template_type = self.template_type.unwrap_or(before.kind.template_type());
        let language = match (&self.language, template_type) {
            (Some(language), _) => language.clone(),
            (None, TemplateType::Text) if before.kind.template_type() == TemplateType::WhatsApp => None,
            (None, _) => before.kind.language().cloned(),
        };
        let format = self.parameter_format.unwrap_or(before.kind.parameter_format());
        let kind = TemplateKind::new(template_type, language, format);
        Ok(TemplateContent {
            name: self.name.as_ref().unwrap_or(&before.name).clone(),
            content: self.content.as_ref().unwrap_or(&before.content).clone(),
            department: self.department.unwrap_or(before.department),
            kind: kind.map_err(|error| Error::invalid("language", error.to_string()))?,
            shortcut: self.shortcut.as_ref().unwrap_or(&before.shortcut).clone(),
        })
    }
}

impl Desk {
    /// Returns the number of matching templates and one page of them, oldest first.
    pub async fn list_templates(
        &self,
        caller: Caller,
        filter: TemplateFilter,
        page: PageRequest,
    ) -> Result<(i64, Vec<Template>), Error> {
        let cost = if filter.search.is_some() { ReadCost::Scan } else { ReadCost::Indexed };
        self.read_as_with_cost(caller, cost, move |conn, live| {
            let (count, templates) = templates::list(conn, live.staff.hotel, &filter, page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, templates))
        })
        .await
    }

    /// Creates a template. Fails with [`Error::Invalid`] if the name or shortcut is taken, or the department belongs to another
    /// hotel.
    pub async fn create_template(
        &self,
        caller: Caller,
        new: TemplateContent,
        write: KeyedWrite<Template>,
    ) -> Result<WriteOutcome<Template>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            ensure_own_department(tx, live.staff.hotel, &new)?;
            let template = templates::insert(tx, live.staff.hotel, &new)?.map_err(taken)?;
            let (by, created) = ((live.staff.hotel, live.staff.id.into()), Some(audit_name(&template)));
            audited_change::record(tx, by, "template_created", (None, created), now)?;
            directory::announce(tx, live.staff.hotel, DirectoryPart::Templates, now);
            Ok(template)
        })
        .await
    }

    /// Changes a template. Fails with [`Error::Invalid`] as [`Desk::create_template`], and if type and language do not
    /// match. An opener template that becomes a `text` is no longer the hotel's opener.
    pub async fn change_template(
        &self,
        caller: Caller,
        id: TemplateId,
        change: TemplateChange,
        write: KeyedWrite<Template>,
    ) -> Result<WriteOutcome<Template>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            let hotel = live.staff.hotel;
            let before = templates::find_and_lock(tx, hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            let after = change.apply(&before)?;
            ensure_own_department(tx, hotel, &after)?;
            let is_text = after.kind.template_type() == TemplateType::Text;
            announce_if_opener(tx, hotel, id, is_text, now)?;
            // Under another name or language it is another template of Meta, which may be available.
            let is_same = after.name == before.name && after.kind.language() == before.kind.language();
            let is_available = before.is_available || is_text || !is_same;
            let saved = templates::save(tx, hotel, id, &after, is_available)?.map_err(taken)?;
            if saved != before {
                record_change(tx, live.staff.id.into(), (&before, &saved), now)?;
                directory::announce(tx, hotel, DirectoryPart::Templates, now);
            }
            Ok(saved)
        })
        .await
    }

    /// Deletes a template, even if it is the hotel's opener template.
    pub async fn delete_template(
        &self,
        caller: Caller,
        id: TemplateId,
        write: KeyedWrite<()>,
    ) -> Result<WriteOutcome<()>, Error> {
        let now = self.now();
        self.write_once(caller, vec![], write, move |tx, live| {
            let hotel = live.staff.hotel;
            let template = templates::find_and_lock(tx, hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            announce_if_opener(tx, hotel, id, true, now)?;
            templates::delete(tx, id)?;
            let (by, deleted) = ((hotel, live.staff.id.into()), Some(audit_name(&template)));
            audited_change::record(tx, by, "template_deleted", (deleted, None), now)?;
            directory::announce(tx, hotel, DirectoryPart::Templates, now);
            Ok(())
        })
        .await
    }
}

/// The name of a template in the audit log.
fn audit_name(template: &Template) -> String {
    format!("template {}: {}", template.id, template.name)
}

/// Stores a change of a template in the audit log.
fn record_change(
    tx: &mut Tx<'_>,
    actor: AuditActor,
    (before, after): (&Template, &Template),
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let department = |it: &Template| it.department.map(|id| id.0);
    let shortcut = |it: &Template| it.shortcut.as_ref().map(|it| it.as_str().to_owned());
    let language = |it: &Template| it.kind.language().map(ToString::to_string);
    let kind = |it: &Template| it.kind.template_type().as_str();
    ChangedFields::default()
        .shown("name", Some(&before.name), Some(&after.name))
        .shown("type", Some(kind(before)), Some(kind(after)))
        .shown("language", language(before), language(after))
        .shown("department", department(before), department(after))
        .shown("shortcut", shortcut(before), shortcut(after))
        .shown("available", Some(before.is_available), Some(after.is_available))
        .shown("text", Some(&before.content), Some(&after.content))
        .record(tx, (after.hotel, actor), "template_changed", &audit_name(before), at)
}

/// Announces the change of the hotel if its opener template ceases to be one (`ends`).
fn announce_if_opener(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    id: TemplateId,
    ends: bool,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    if ends && hotels::find(tx.conn(), hotel)?.is_some_and(|it| it.opener_template == Some(id)) {
        directory::announce(tx, hotel, DirectoryPart::Hotel, at);
    }
    Ok(())
}

fn ensure_own_department(tx: &mut Tx<'_>, hotel: HotelId, template: &TemplateContent) -> Result<(), Error> {
    match template.department {
        Some(id) => ensure_department(tx.conn(), hotel, "department_id", id),
        None => Ok(()),
    }
}

fn taken(conflict: TemplateConflict) -> Error {
    match conflict {
        TemplateConflict::Name => Error::invalid("name", "The hotel has a template of this name already."),
        TemplateConflict::Shortcut => Error::invalid("shortcut", "Another template of the hotel has this shortcut."),
    }
}
