//! Templates of messages.

use diesel::prelude::*;
use domain::{DepartmentId, HotelId, Language, MessageText, Name, Template, TemplateId, TemplateKind, TemplateType};

use crate::{
    StoreError, Tx,
    conn::{Conn, on_db},
    conversations::Slice,
    schema::{hotels, message_templates},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = message_templates)]
struct Row {
    id: i64,
    hotel_id: i64,
    name: String,
    content: String,
    department_id: Option<i64>,
    template_type: String,
    language: Option<String>,
}

impl TryFrom<Row> for Template {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt("template");
        let language = row.language.map(|it| Language::parse(&it)).transpose().map_err(|_| corrupt())?;
        let template_type: TemplateType = row.template_type.parse().map_err(|()| corrupt())?;
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

/// What a template says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// Its name, unique in the hotel.
    pub name: Name,
    /// The text, with its placeholders.
    pub content: MessageText,
    /// The department that it is for, one of the hotel; none: all.
    pub department: Option<DepartmentId>,
    /// How it goes out.
    pub kind: TemplateKind,
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = message_templates, treat_none_as_null = true, treat_none_as_default_value = false)]
struct NewRow<'a> {
    hotel_id: i64,
    name: &'a str,
    content: &'a str,
    department_id: Option<i64>,
    template_type: &'static str,
    language: Option<&'a str>,
}

impl<'a> NewRow<'a> {
    fn new(hotel: HotelId, it: &'a Wording) -> Self {
        Self {
            hotel_id: hotel.0,
            name: it.name.as_str(),
            content: it.content.as_str(),
            department_id: it.department.map(|it| it.0),
            template_type: it.kind.template_type().as_str(),
            language: it.kind.language().map(Language::as_str),
        }
    }
}

/// How many templates a hotel has, and a slice of them, in the order of their ids.
///
/// # Errors
/// [`StoreError`].
pub fn list(conn: &mut Conn, hotel: HotelId, slice: Slice) -> Result<(i64, Vec<Template>), StoreError> {
    let of = message_templates::table.filter(message_templates::hotel_id.eq(hotel.0));
    let (count, rows): (i64, Vec<Row>) = on_db!(conn, |c| (
        of.count().get_result(c)?,
        of.order(message_templates::id).select(Row::as_select()).offset(slice.offset).limit(slice.limit).load(c)?
    ));
    Ok((count, rows.into_iter().map(Template::try_from).collect::<Result<_, _>>()?))
}

/// A template of this hotel.
///
/// # Errors
/// [`StoreError`].
pub fn find(conn: &mut Conn, hotel: HotelId, id: TemplateId) -> Result<Option<Template>, StoreError> {
    let row: Option<Row> = on_db!(conn, |c| message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::id.eq(id.0)))
        .select(Row::as_select())
        .first(c)
        .optional())?;
    row.map(Template::try_from).transpose()
}

/// A template of this hotel as it is now, held until the end of the transaction.
///
/// # Errors
/// [`StoreError`].
pub fn hold(tx: &mut Tx<'_>, hotel: HotelId, id: TemplateId) -> Result<Option<Template>, StoreError> {
    // SQLite has one writer anyway.
    if let Conn::Pg(conn) = tx.conn() {
        let it = message_templates::table.find(id.0).filter(message_templates::hotel_id.eq(hotel.0));
        it.select(message_templates::id).for_no_key_update().load::<i64>(conn)?;
    }
    find(tx.conn(), hotel, id)
}

/// Stores a new template; `None` where the hotel has one of that name.
///
/// # Errors
/// [`StoreError`].
pub fn insert(tx: &mut Tx<'_>, hotel: HotelId, new: &Wording) -> Result<Option<Template>, StoreError> {
    let row: Option<Row> = on_db!(tx.changing(), |c| diesel::insert_into(message_templates::table)
        .values(NewRow::new(hotel, new))
        .on_conflict((message_templates::hotel_id, message_templates::name))
        .do_nothing()
        .returning(Row::as_returning())
        .get_result(c)
        .optional())?;
    row.map(Template::try_from).transpose()
}

/// Stores what a template of this hotel says now; `None` where another of the hotel has the name. One
/// that is not of WhatsApp any more does not open its window any more.
///
/// # Errors
/// [`StoreError`].
pub fn save(tx: &mut Tx<'_>, hotel: HotelId, id: TemplateId, now: &Wording) -> Result<Option<Template>, StoreError> {
    let taken = message_templates::table
        .filter(message_templates::hotel_id.eq(hotel.0).and(message_templates::name.eq(now.name.as_str())))
        .filter(message_templates::id.ne(id.0));
    if on_db!(tx.conn(), |c| diesel::select(diesel::dsl::exists(taken)).get_result::<bool>(c))? {
        return Ok(None);
    }
    let closes = (now.kind == TemplateKind::Text).then(|| message_templates::is_opener.eq(false));
    let row: Row = on_db!(tx.changing(), |c| diesel::update(message_templates::table.find(id.0))
        .set((NewRow::new(hotel, now), closes))
        .returning(Row::as_returning())
        .get_result(c))?;
    Template::try_from(row).map(Some)
}

/// Deletes a template.
///
/// # Errors
/// [`StoreError`].
pub fn delete(tx: &mut Tx<'_>, id: TemplateId) -> Result<(), StoreError> {
    on_db!(tx.changing(), |c| diesel::delete(message_templates::table.find(id.0)).execute(c))?;
    Ok(())
}

/// Says which template of a hotel opens WhatsApp's window, if any; false where it is none of the hotel,
/// or not of WhatsApp.
///
/// # Errors
/// [`StoreError`].
pub(crate) fn set_opener(tx: &mut Tx<'_>, hotel: HotelId, opener: Option<TemplateId>) -> Result<bool, StoreError> {
    if let Conn::Pg(conn) = tx.conn() {
        // Two nodes at once: one waits for the other.
        hotels::table.find(hotel.0).select(hotels::id).for_no_key_update().load::<i64>(conn)?;
    }
    let of = message_templates::hotel_id.eq(hotel.0);
    let former = message_templates::table.filter(of.and(message_templates::is_opener));
    on_db!(tx.changing(), |c| diesel::update(former).set(message_templates::is_opener.eq(false)).execute(c))?;
    let Some(id) = opener else { return Ok(true) };
    let it = message_templates::table.find(id.0).filter(of);
    let it = it.filter(message_templates::template_type.eq(TemplateType::WhatsApp.as_str()));
    Ok(on_db!(tx.changing(), |c| diesel::update(it).set(message_templates::is_opener.eq(true)).execute(c))? == 1)
}
