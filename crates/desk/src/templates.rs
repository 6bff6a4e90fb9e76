//! Templates of the caller's hotel.

use auth::Caller;
use domain::{
    DepartmentId, HotelId, MessageText, Name, Template, TemplateId,
    template::{TemplateKind, TemplateLanguage, TemplateType},
};
use persistence::{Tx, templates};

pub use persistence::templates::TemplateContent;

use crate::{
    Desk, Error, KeyedWrite, PageRequest, WriteOutcome, existence::ensure_department, principal::ensure_manager,
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
    /// The language of a template of type `whatsapp`; a template that becomes a `text` loses its language.
    pub language: Option<Option<TemplateLanguage>>,
}

impl TemplateChange {
    fn apply(&self, before: &Template) -> Result<TemplateContent, Error> {
        let template_type = self.template_type.unwrap_or(before.kind.template_type());
        let language = match (&self.language, template_type) {
            (Some(language), _) => language.clone(),
            (None, TemplateType::Text) => None,
            (None, TemplateType::WhatsApp) => before.kind.language().cloned(),
        };
        let kind = TemplateKind::new(template_type, language);
        Ok(TemplateContent {
            name: self.name.as_ref().unwrap_or(&before.name).clone(),
            content: self.content.as_ref().unwrap_or(&before.content).clone(),
            department: self.department.unwrap_or(before.department),
            kind: kind.map_err(|error| Error::invalid("language", error.to_string()))?,
        })
    }
}

impl Desk {
    /// Returns the number of templates and one page of them, oldest first.
    pub async fn list_templates(&self, caller: Caller, page: PageRequest) -> Result<(i64, Vec<Template>), Error> {
        self.read_as(caller, move |conn, live| {
            let (count, templates) = templates::list(conn, live.staff.hotel, page.slice())?;
            page.ensure_exists(count)?;
            Ok((count, templates))
        })
        .await
    }

    /// Creates a template. Fails with [`Error::Invalid`] if the name is taken, or the department belongs to another
    /// hotel.
    pub async fn create_template(
        &self,
        caller: Caller,
        new: TemplateContent,
        write: KeyedWrite<Template>,
    ) -> Result<WriteOutcome<Template>, Error> {
        self.write_once(caller, vec![], write, move |tx, live| {
            ensure_manager(live)?;
            ensure_own_department(tx, live.staff.hotel, &new)?;
            templates::insert(tx, live.staff.hotel, &new)?.ok_or_else(name_taken)
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
        self.write_once(caller, vec![], write, move |tx, live| {
            let hotel = live.staff.hotel;
            let before = templates::find_and_lock(tx, hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            let after = change.apply(&before)?;
            ensure_own_department(tx, hotel, &after)?;
            templates::save(tx, hotel, id, &after)?.ok_or_else(name_taken)
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
        self.write_once(caller, vec![], write, move |tx, live| {
            templates::find(tx.conn(), live.staff.hotel, id)?.ok_or(Error::NotFound)?;
            ensure_manager(live)?;
            Ok(templates::delete(tx, id)?)
        })
        .await
    }
}

fn ensure_own_department(tx: &mut Tx<'_>, hotel: HotelId, template: &TemplateContent) -> Result<(), Error> {
    match template.department {
        Some(id) => ensure_department(tx.conn(), hotel, "department_id", id),
        None => Ok(()),
    }
}

fn name_taken() -> Error {
    Error::invalid("name", "The hotel has a template of this name already.")
}
