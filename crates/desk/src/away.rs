//! The answer to guests who write to a department outside its opening hours: it is closed, and answers later. Each guest
//! gets it once per closing, whether or not the guest flow is on. It is no answer that ends the waiting of the guest.

use chrono::{DateTime, Utc};
use domain::{Conversation, Department, Hotel, Status, flow::FlowText};
use persistence::{Tx, away_messages, departments, flow_state, service_windows};

use crate::{
    Error,
    outbound::outbox::{is_window_open, queue_system_message},
    visibility::load_view,
};

/// Sends the message that the department is closed, if a guest has written to it outside its opening hours, and has not
/// got the message since it closed. `known` is a department that is loaded already. The guest is locked.
pub(crate) fn answer_if_closed(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &Conversation,
    known: Option<Department>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(id) = conversation.department().filter(|_| conversation.status() == Status::Relay) else { return Ok(()) };
    let department = match known.filter(|it| it.id == id) {
        Some(department) => Some(department),
        None => departments::find(tx.conn(), hotel.id, id)?,
    };
    let Some(department) = department else { return Ok(()) };
    let Some(closed_since) = department.closed_since(now, hotel.zone()) else { return Ok(()) };
    // A message that arrives very late opens no window, so nothing can be sent.
    if hotel.whatsapp_phone_number_id.is_some()
        && !is_window_open(service_windows::last_message_at(tx.conn(), conversation.guest())?, now)
    {
        return Ok(());
    }
    if !away_messages::record(tx, (hotel.id, conversation.guest(), id), closed_since, now)? {
        return Ok(());
    }
    let text = render(tx, hotel, conversation, &department)?;
    queue_system_message(tx, hotel, conversation, &text, None, now)
}

/// Renders the message: the template of the department, else that of the hotel, else the built-in text.
fn render(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &Conversation,
    department: &Department,
) -> Result<String, Error> {
    let view = load_view(tx.conn(), conversation.id())?;
    let texts = away_messages::texts(tx.conn(), hotel.id, department.id)?;
    let (_, memory) = flow_state::find(tx.conn(), conversation.id())?;
    let language = memory.language.unwrap_or(texts.of_hotel.language());
    let value_of = |name: &str| match name {
        "guest_name" => Some(view.guest_name.clone()),
        "room_number" => view.room_number.clone(),
        "hotel_name" => Some(hotel.name.clone()),
        "department_name" => Some(department.name.clone()),
        name => hotel.variables.get(name).map(str::to_owned),
    };
    let own = texts.of_department.render_own(FlowText::Away, language, &value_of);
    Ok(own.unwrap_or_else(|| texts.of_hotel.render(FlowText::Away, language, &value_of)))
}
