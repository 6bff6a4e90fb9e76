//! Templates of the caller's hotel.

use auth::Caller;
use domain::{DepartmentId, HotelId, Language, MessageText, Name, Template, TemplateId, TemplateKind, TemplateType};
use persistence::{
    Tx,
    templates::{self, Wording},
};

use crate::{Desk, Done, Error, Once, Page, departments::refuse_foreign, staff::refuse_unless_manager};

/// What is to be changed of a template; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct TemplateChange {
    /// Its name, unique in the hotel.
    pub name: Option<Name>,
    /// The text.
    pub content: Option<MessageText>,
    /// The department that it is for; none: all.
    pub department: Option<Option<DepartmentId>>,
    /// Which way it goes out.
    pub template_type: Option<TemplateType>,
    /// The language. One that becomes a text loses it by itself.
    pub language: Option<Option<Language>>,
}

impl TemplateChange {
    fn of(&self, before: &Template) -> Result<Wording, Error> {
        let template_type = self.template_type.unwrap_or(before.kind.template_type());
        let language = match (&self.language, template_type) {
            (Some(language), _) => language.clone(),
            (None, TemplateType::Text) => None,
            (None, TemplateType::WhatsApp) => before.kind.language().cloned(),
        };
        let kind = TemplateKind::new(template_type, language);
        Ok(Wording {
            name: self.name.as_ref().unwrap_or(&before.name).clone(),
            content: self.content.as_ref().unwrap_or(&before.content).clone(),
            department: self.department.unwrap_or(before.department),
            kind: kind.map_err(|error| Error::invalid("language", error.to_string()))?,
        })
    }
}

impl Desk {
    /// Lists the hotel's templates: how many there are, and a page of them, first made first.
    ///
    /// # Errors
    /// [`Error::NotFound`] past the last page.
    pub async fn templates(&self, caller: Caller, page: Page) -> Result<(i64, Vec<Template>), Error> {
        self.ask(caller, move |conn, live| {
            let (count, found) = templates::list(conn, live.staff.hotel, page.slice())?;
            page.refuse_past(count)?;
            Ok((count, found))
        })
        .await
    }

    /// Makes a template.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] where the name is taken, or the department not one of the hotel.
    pub async fn create_template(
        &self,
        caller: Caller,
        new: Wording,
        once: Once<Template>,
    ) -> Result<Done<Template>, Error> {
        self.act_once(caller, vec![], once, move |tx, live| {
            refuse_unless_manager(live)?;
            refuse_foreign_department(tx, live.staff.hotel, &new)?;
            templates::insert(tx, live.staff.hotel, &new)?.ok_or_else(taken)
        })
        .await
    }

    /// Changes a template. A hotel whose opener it was has none any more where it becomes a text.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`], and [`Error::Invalid`] as at [`Desk::create_template`], and
    /// where type and language do not go together.
    pub async fn change_template(
        &self,
        caller: Caller,
        id: TemplateId,
        change: TemplateChange,
        once: Once<Template>,
    ) -> Result<Done<Template>, Error> {
        self.act_once(caller, vec![], once, move |tx, live| {
            let hotel = live.staff.hotel;
            let before = templates::hold(tx, hotel, id)?.ok_or(Error::NotFound)?;
            refuse_unless_manager(live)?;
            let after = change.of(&before)?;
            refuse_foreign_department(tx, hotel, &after)?;
            templates::save(tx, hotel, id, &after)?.ok_or_else(taken)
        })
        .await
    }

    /// Deletes a template. A hotel whose opener it was has none any more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Forbidden`].
    pub async fn delete_template(&self, caller: Caller, id: TemplateId, once: Once<()>) -> Result<Done<()>, Error> {
        self.act_once(caller, vec![], once, move |tx, live| {
            templates::find(tx.conn(), live.staff.hotel, id)?.ok_or(Error::NotFound)?;
            refuse_unless_manager(live)?;
            Ok(templates::delete(tx, id)?)
        })
        .await
    }
}

fn refuse_foreign_department(tx: &mut Tx<'_>, hotel: HotelId, it: &Wording) -> Result<(), Error> {
    match it.department {
        Some(id) => refuse_foreign(tx.conn(), hotel, "department_id", id),
        None => Ok(()),
    }
}

fn taken() -> Error {
    Error::invalid("name", "The hotel has a template of this name already.")
}
