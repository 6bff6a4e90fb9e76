//! Message templates.

use diesel::{
    dsl::{exists, select},
    prelude::*,
    sql_types::Bool,
};
use domain::{
    DepartmentId, HotelId, MessageText, Name, Template, TemplateId,
    flow::FlowText,
    template::{TemplateKind, TemplateLanguage, TemplateShortcut, TemplateType},
};

use crate::{
    StoreError, Tx,
    sql::pagination::Slice,
    sql::schema::{hotels, message_templates},
    sql::search_key,
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
    shortcut: Option<String>,
    parameter_format: String,
    available: bool,
}

impl TryFrom<TemplateRow> for Template {
    type Error = StoreError;

    fn try_from(row: TemplateRow) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt("template");
        let language = row.language.map(|it| TemplateLanguage::parse(&it)).transpose().map_err(|_| corrupt())?;
        let template_type: TemplateType = row.template_type.parse().map_err(|_| corrupt())?;
        let format = row.parameter_format.parse().map_err(|_| corrupt())?;
        Ok(Self {
            id: TemplateId(row.id),
            hotel: HotelId(row.hotel_id),
            name: Name::parse(&row.name).map_err(|_| corrupt())?,
            content: MessageText::parse(&row.content).map_err(|_| corrupt())?,
            department: row.department_id.map(DepartmentId),
            kind: TemplateKind::new(template_type, language, format).map_err(|_| corrupt())?,
            shortcut: row.shortcut.map(|it| TemplateShortcut::parse(&it)).transpose().map_err(|_| corrupt())?,
            is_available: row.available,
        })
    }
}

impl From<&Template> for TemplateContent {
    fn from(template: &Template) -> Self {
        Self {
            name: template.name.clone(),
            content: template.content.clone(),
            department: template.department,
            kind: template.kind.clone(),
            shortcut: template.shortcut.clone(),
        }
    }
}

/// The editable part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateContent {
    /// The name of the template, unique among the texts of the hotel, and among its approved templates of one language.
    pub name: Name,
    pub content: MessageText,
    /// The department that uses the template; `None`: all departments.
    pub department: Option<DepartmentId>,
    pub kind: TemplateKind,
    /// The shortcut of the template, unique in the hotel.
    pub shortcut: Option<TemplateShortcut>,
}

/// Another template of the hotel has the name or the shortcut of a template that is to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateConflict {
    Name,
    Shortcut,
}

/// Selects templates of a hotel.
#[derive(Clone, Debug, Default)]
pub struct TemplateFilter {
    /// Words that name, shortcut and text of a template contain, in any order, without regard to case and accents.
    pub search: Option<String>,
    /// Selects the templates that this department may use: its own, and those for all departments.
    pub department: Option<DepartmentId>,
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
    shortcut: Option<&'a str>,
    parameter_format: &'static str,
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
            shortcut: template.shortcut.as_ref().map(TemplateShortcut::as_str),
            parameter_format: template.kind.parameter_format().as_str(),
        }
    }
}

/// A query for the templates of a hotel that a department may use, or for all of them.
macro_rules! usable_by {
    ($hotel:expr, $department:expr) => {{
        let mut query = message_templates::table.filter(message_templates::hotel_id.eq($hotel.0)).into_boxed();
        if let Some(department) = $department {
            let is_general = message_templates::department_id.is_null();
            query = query.filter(is_general.or(message_templates::department_id.eq(department.0)));
        }
        query
    }};
}

/// Returns the number of templates and one slice of them, ordered by id.
pub fn list(
    conn: &mut Conn,
    hotel: HotelId,
    filter: &TemplateFilter,
    slice: Slice,
) -> Result<(i64, Vec<Template>), StoreError> {
    if let Some(text) = &filter.search {
        return search(conn, hotel, filter, text, slice);
    }
    let (count, rows): (i64, Vec<TemplateRow>) = on_db!(conn, |c| (
        usable_by!(hotel, filter.department).count().get_result(c)?,
        usable_by!(hotel, filter.department)
            .order(message_templates::id)
            .select(TemplateRow::as_select())
            .offset(slice.offset)
            .limit(slice.limit)
            .load(c)?
    ));
    Ok((count, rows.into_iter().map(Template::try_from).collect::<Result<_, _>>()?))
}

/// Searches the templates of a hotel. They are compared here and not by the database, because a hotel has few, and only
/// so a search ignores case and accents without a column for it.
fn search(
    conn: &mut Conn,
    hotel: HotelId,
    filter: &TemplateFilter,
    text: &str,
    slice: Slice,
) -> Result<(i64, Vec<Template>), StoreError> {
    let rows: Vec<TemplateRow> = on_db!(conn, |c| usable_by!(hotel, filter.department)
        .order(message_templates::id)
        .select(TemplateRow::as_select())
        .load(c))?;
    let words: Vec<String> = text.split_whitespace().map(|word| search_key::key([word].into_iter())).collect();
    let is_found = |row: &TemplateRow| {
        let parts = [row.name.as_str(), row.shortcut.as_deref().unwrap_or_default(), row.content.as_str()];
        let key = search_key::key(parts.into_iter());
        words.iter().all(|word| key.contains(word.as_str()))
    };
    let found: Vec<TemplateRow> = rows.into_iter().filter(is_found).collect();
    let count = found.len() as i64;
    let (offset, limit) = (usize::try_from(slice.offset), usize::try_from(slice.limit));
    let page = found.into_iter().skip(offset.unwrap_or(usize::MAX)).take(limit.unwrap_or_default());
    Ok((count, page.map(Template::try_from).collect::<Result<_, _>>()?))
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

/// Locks all WhatsApp templates of a hotel until the end of the transaction and returns them, ordered by id.
pub fn lock_approved(tx: &mut Tx<'_>, hotel: HotelId) -> Result<Vec<Template>, StoreError> {
    let approved = message_templates::template_type.eq(TemplateType::WhatsApp.as_str());
    let of = message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(approved))
        .order(message_templates::id);
    let rows: Vec<TemplateRow> = match tx.conn() {
        Conn::Pg(c) => of.select(TemplateRow::as_select()).for_no_key_update().load(c)?,
        Conn::Sqlite(c) => of.select(TemplateRow::as_select()).load(c)?,
    };
    rows.into_iter().map(Template::try_from).collect()
}

/// Stores a new template, unless the hotel has a template with that name or shortcut.
pub fn insert(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    new: &TemplateContent,
) -> Result<Result<Template, TemplateConflict>, StoreError> {
    let row: Option<TemplateRow> = on_db!(tx.changing(), |c| diesel::insert_into(message_templates::table)
        .values(NewTemplateRow::new(hotel, new))
        .on_conflict_do_nothing()
        .returning(TemplateRow::as_returning())
        .get_result(c)
        .optional())?;
    match row {
        Some(row) => Ok(Ok(row.try_into()?)),
        None => Ok(Err(conflict(tx.conn(), hotel, None, new)?.unwrap_or(TemplateConflict::Name))),
    }
}

/// Returns whether another template than `id` has the name or the shortcut of this content.
fn conflict(
    conn: &mut Conn,
    hotel: HotelId,
    id: Option<TemplateId>,
    content: &TemplateContent,
) -> Result<Option<TemplateConflict>, StoreError> {
    let others = message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::id.ne(id.map_or(0, |it| it.0))));
    let template_type = content.kind.template_type();
    let same_name = message_templates::name.eq(content.name.as_str());
    let same_name = same_name.and(message_templates::template_type.eq(template_type.as_str()));
    // Each department may have a text of its own for the message that it is closed.
    let is_away = template_type == TemplateType::Text && content.name.as_str().starts_with(FlowText::Away.as_str());
    let department = content.department.map(|it| it.0);
    let is_of_hotel = message_templates::department_id.is_null().and(department.is_none().into_sql::<Bool>());
    let is_same_department = is_of_hotel.or(message_templates::department_id.eq(department.unwrap_or_default()));
    let same_name = same_name.and((!is_away).into_sql::<Bool>().or(is_same_department));
    let is_taken = match content.kind.language().filter(|_| template_type == TemplateType::WhatsApp) {
        Some(language) => {
            let same = same_name.and(message_templates::language.eq(language.as_str()).assume_not_null());
            on_db!(conn, |c| select(exists(others.filter(same))).get_result::<bool>(c))?
        }
        None => on_db!(conn, |c| select(exists(others.filter(same_name))).get_result::<bool>(c))?,
    };
    if is_taken {
        return Ok(Some(TemplateConflict::Name));
    }
    let Some(shortcut) = content.shortcut.as_ref() else { return Ok(None) };
    let same_shortcut = message_templates::shortcut.eq(shortcut.as_str());
    let is_taken = on_db!(conn, |c| select(exists(others.filter(same_shortcut))).get_result::<bool>(c))?;
    Ok(is_taken.then_some(TemplateConflict::Shortcut))
}

/// Stores the new content of a template, unless another template of the hotel has the name or the shortcut. A template
/// that becomes a text stops being the opener.
///
/// `is_available` is whether Meta accepts the template.
pub fn save(
    tx: &mut Tx<'_>,
    hotel: HotelId,
    id: TemplateId,
    now: &TemplateContent,
    is_available: bool,
) -> Result<Result<Template, TemplateConflict>, StoreError> {
    if let Some(conflict) = conflict(tx.conn(), hotel, Some(id), now)? {
        return Ok(Err(conflict));
    }
    let closes = (now.kind.template_type() == TemplateType::Text).then(|| message_templates::is_opener.eq(false));
    let row: TemplateRow = on_db!(tx.changing(), |c| diesel::update(message_templates::table.find(id.0))
        .set((NewTemplateRow::new(hotel, now), closes, message_templates::available.eq(is_available)))
        .returning(TemplateRow::as_returning())
        .get_result(c))?;
    Template::try_from(row).map(Ok)
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
