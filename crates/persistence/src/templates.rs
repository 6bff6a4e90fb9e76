//! Message templates.

use diesel::prelude::*;
use domain::{
    DepartmentId, HotelId, MessageText, Name, Template, TemplateId,
    template::{TemplateKind, TemplateLanguage, TemplateType},
};

use crate::{
    StoreError, Tx,
    sql::pagination::Slice,
    sql::schema::{hotels, message_templates},
    store::connection::{Conn, on_db},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = message_templates)]
struct TemplateRow {
    id: i64,
    hotel_id: i64,
    name: String,
    content: String,
    department_id: Option<i64>,
    template_type: String,
    language: Option<String>,
}

impl TryFrom<TemplateRow> for Template {
    type Error = StoreError;

    fn try_from(row: TemplateRow) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt("template");
        let language = row.language.map(|it| TemplateLanguage::parse(&it)).transpose().map_err(|_| corrupt())?;
        let template_type: TemplateType = row.template_type.parse().map_err(|_| corrupt())?;
        Ok(Self {
            id: TemplateId(row.id),
            hotel: HotelId(row.hotel_id),
            name: Name::parse(&row.name).map_err(|_| corrupt())?,
            content: MessageText::parse(&row.content).map_err(|_| corrupt())?,
            department: row.department_id.map(DepartmentId),
            kind: TemplateKind::new(template_type, language).map_err(|_| corrupt())?,
        })
    }
}

/// The editable part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateContent {
    /// The name of the template, unique in the hotel.
    pub name: Name,
    pub content: MessageText,
    /// The department that uses the template; `None`: all departments.
    pub department: Option<DepartmentId>,
    pub kind: TemplateKind,
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = message_templates, treat_none_as_null = true, treat_none_as_default_value = false)]
struct NewTemplateRow<'a> {
    hotel_id: i64,
    name: &'a str,
    content: &'a str,
    department_id: Option<i64>,
    template_type: &'static str,
    language: Option<&'a str>,
}

impl<'a> NewTemplateRow<'a> {
    fn new(hotel: HotelId, template: &'a TemplateContent) -> Self {
        Self {
            hotel_id: hotel.0,
            name: template.name.as_str(),
            content: template.content.as_str(),
            department_id: template.department.map(|template| template.0),
            template_type: template.kind.template_type().as_str(),
            language: template.kind.language().map(TemplateLanguage::as_str),
        }
    }
}

/// Returns the number of templates and one slice of them, ordered by id.
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Template>), StoreError> {
    let of = message_templates::table.filter(message_templates::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<TemplateRow>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(message_templates::id)
            .select(TemplateRow::as_select())
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    Ok((count, rows.into_iter().map(Template::try_from).collect::<Result<_, _>>()?))
}

pub fn find(conn: &mut Conn, hotel: HotelId, id: TemplateId) -> Result<Option<Template>, StoreError> {
    let row: Option<TemplateRow> = on_db!(conn, |c| message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::id.eq(id.0)))
        .select(TemplateRow::as_select())
        .first(c)
        .optional())?;
    row.map(Template::try_from).transpose()
}

/// Locks a template of this hotel until the end of the transaction and returns its current state.
pub fn find_and_lock(tx: &mut Tx<'_>, hotel: HotelId, id: TemplateId) -> Result<Option<Template>, StoreError> {
    // SQLite has one writer and no row locks.
    if let Conn::Pg(conn) = tx.conn() {
        let template = message_templates::table.find(id.0).filter(message_templates::hotel_id.eq(hotel.0));
        template.select(message_templates::id).for_no_key_update().load::<i64>(conn)?;
    }
    find(tx.conn(), hotel, id)
}

/// Stores a new template. Returns `None` if the hotel has a template with that name.
pub fn insert(tx: &mut Tx<'_>, hotel: HotelId, new: &TemplateContent) -> Result<Option<Template>, StoreError> {
    let row: Option<TemplateRow> = on_db!(tx.changing(), |c| diesel::insert_into(message_templates::table)
        .values(NewTemplateRow::new(hotel, new))
        .on_conflict((message_templates::hotel_id, message_templates::name))
        .do_nothing()
        .returning(TemplateRow::as_returning())
        .get_result(c)
        .optional())?;
    row.map(Template::try_from).transpose()
}

/// Stores the new content of a template. Returns `None` if another template of the hotel has the name. A template that
/// becomes a text stops being the opener.
pub fn save(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    id: TemplateId,
    now: &TemplateContent,
) -> Result<Option<Template>, StoreError> {
    let taken = message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::name.eq(now.name.as_str())))
        .filter(message_templates::id.ne(id.0));
    if on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(taken)).get_result::<bool>(c))? {
        return Ok(None);
    }
    let closes = (now.kind == TemplateKind::Text).then(|| message_templates::is_opener.eq(false));
    let row: TemplateRow = on_db!(tx.changing(), |c| diesel::update(message_templates::table.find(id.0))
        .set((NewTemplateRow::new(hotel, now), closes))
        .returning(TemplateRow::as_returning())
        .get_result(c))?;
    Template::try_from(row).map(Some)
}

pub fn delete(tx: &mut Tx<'_>, id: TemplateId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::delete(message_templates::table.find(id.0)).execute(c))?;
    Ok(())
}

/// Makes a template the hotel's opener, or clears the opener. Returns `false` if the template is not a WhatsApp
/// template of this hotel.
pub(crate) fn set_opener(tx: &mut Tx<'_>, hotel: HotelId, opener: Option<TemplateId>) -> Result<bool, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        // Locks the hotel's row, which serializes changes of the opener on several nodes.
        hotels::table.find(hotel.0).select(hotels::id).for_no_key_update().load::<i64>(conn)?;
    }
    let of = message_templates::hotel_id.eq(hotel.0);
    let former = message_templates::table.filter(of.and(message_templates::is_opener));
    on_db!(tx.changing(), |c| diesel::update(former).set(message_templates::is_opener.eq(false)).execute(c))?;
    let Some(id) = opener else { return Ok(true) };
    let template = message_templates::table.find(id.0).filter(of);
    let template = template.filter(message_templates::template_type.eq(TemplateType::WhatsApp.as_str()));
    Ok(on_db!(tx.changing(), |c| diesel::update(template).set(message_templates::is_opener.eq(true)).execute(c))? == 1)
}
