//! Runs the guest flow: loads its state, computes the next turn, and stores the replies, the state and the routing.
//!
//! The flow runs only in hotels with a WhatsApp number, because elsewhere it could not reply. A hotel that has switched
//! the flow off routes guest messages to its default department.

use chrono::{DateTime, Utc};
use domain::{
    Conversation, Department, DepartmentId, Hotel, Status,
    flow::{self, FlowContext, FlowInput, FlowOutcome, Prompt},
};
use persistence::{
    Tx,
    departments::{self, DepartmentSelector},
    flow_state, service_windows,
    sql::pagination::Slice,
};
use whatsapp::{ListRow, OutgoingBody};

use crate::{
    Error,
    outbound::outbox::{self, is_window_open},
    save_conversation::save_with_events,
    visibility::load_view,
};

/// The reason for a turn of the guest flow.
#[derive(Clone, Copy)]
enum FlowTrigger<'a> {
    GuestMessage(FlowMessage<'a>),
    /// Staff have ended the relay and handed the conversation back to the guest flow.
    RelayEnded,
    CheckedOut,
}

/// A guest message, as input of the guest flow.
#[derive(Clone, Copy)]
pub(crate) struct FlowMessage<'a> {
    /// Status of the conversation before the guest message was received.
    pub(crate) status_before: Status,
    pub(crate) said: FlowInput<'a>,
    /// Whether the guest message is the first since the stay ended; `None` if the stay is not over.
    pub(crate) after_stay: Option<AfterStay>,
}

/// Whether a guest message after the end of the stay is the first since then or a later one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterStay {
    /// The guest's first message since the stay ended: the dialogue of the guest flow starts again.
    FirstMessage,
    LaterMessage,
}

/// Lets the guest flow reply to a guest message, or routes the conversation to the default department if the flow is
/// off. Does nothing while a department has the conversation.
pub(crate) fn handle_guest_message(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &mut Conversation,
    input: FlowMessage<'_>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if hotel.whatsapp_phone_number_id.is_none() || matches!(conversation.status(), Status::Relay | Status::Closed) {
        return Ok(());
    }
    if hotel.flow {
        return run_turn(tx, hotel, conversation, FlowTrigger::GuestMessage(input), now);
    }
    match hotel.default_department {
        Some(department) => route(tx, conversation, department, now),
        None => Ok(()),
    }
}

/// Sends the menu of the guest flow after staff have ended the relay.
pub(crate) fn resume_after_relay(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &mut Conversation,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    run_turn(tx, hotel, conversation, FlowTrigger::RelayEnded, now)
}

/// Sends the farewell of the guest flow after check-out. Call before the conversation is closed.
pub(crate) fn send_farewell(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &mut Conversation,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    run_turn(tx, hotel, conversation, FlowTrigger::CheckedOut, now)
}

fn run_turn(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &mut Conversation,
    trigger: FlowTrigger<'_>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let last_guest_message = service_windows::last_message_at(tx.conn(), conversation.guest())?;
    if !hotel.flow || hotel.whatsapp_phone_number_id.is_none() || !is_window_open(last_guest_message, now) {
        return Ok(());
    }
    let turn = compute_turn(tx, hotel, conversation, trigger)?;
    // The conversation is routed before the replies are queued, so that the department receives the events of the
    // replies.
    if let Some(department) = turn.route {
        route(tx, conversation, department, now)?;
    }
    flow_state::save(tx, conversation.id(), turn.step, &turn.memory)?;
    turn.prompts.iter().try_for_each(|reply| queue_reply(tx, hotel, conversation, reply, now))
}

fn compute_turn(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &Conversation,
    trigger: FlowTrigger<'_>,
) -> Result<FlowOutcome, Error> {
    let view = load_view(tx.conn(), conversation.id())?;
    let (step, memory) = flow_state::find(tx.conn(), conversation.id())?;
    let (departments, texts) = (menu_departments(tx, hotel)?, flow_state::texts(tx.conn(), hotel.id)?);
    let situation = FlowContext {
        was: match trigger {
            FlowTrigger::GuestMessage(FlowMessage { after_stay: Some(AfterStay::FirstMessage), .. }) => Status::Closed,
            FlowTrigger::GuestMessage(input) => input.status_before,
            FlowTrigger::RelayEnded | FlowTrigger::CheckedOut => conversation.status(),
        },
        status: conversation.status(),
        step,
        memory: &memory,
        guest_name: &view.guest_name,
        room_number: view.room_number.as_deref(),
        days: view.days,
        after_stay: matches!(trigger, FlowTrigger::GuestMessage(FlowMessage { after_stay: Some(_), .. })),
        hotel_name: &hotel.name,
        departments: &departments,
        default_department: hotel.default_department,
        texts: &texts,
    };
    Ok(match trigger {
        FlowTrigger::GuestMessage(input) => flow::reply_to(&situation, &input.said),
        FlowTrigger::RelayEnded => flow::resume_after_relay(&situation),
        FlowTrigger::CheckedOut => flow::farewell(&situation),
    })
}

/// Departments that are loaded for the menu of the guest flow; more than any menu shows.
const MAX_DEPARTMENTS: i64 = 100;

fn menu_departments(tx: &mut Tx<'_>, hotel: &Hotel) -> Result<Vec<Department>, Error> {
    let slice = Slice { offset: 0, limit: MAX_DEPARTMENTS };
    Ok(departments::list(tx.conn(), hotel.id, DepartmentSelector::Active, slice)?.1)
}

fn route(tx: &mut Tx<'_>, conversation: &mut Conversation, to: DepartmentId, now: DateTime<Utc>) -> Result<(), Error> {
    let before = conversation.clone();
    conversation.start_relay(to, None)?;
    save_with_events(tx, &before, conversation, None, now)
}

fn queue_reply(
    tx: &mut Tx<'_>,
    hotel: &Hotel,
    conversation: &Conversation,
    reply: &Prompt,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let list = (!reply.choices().is_empty()).then(|| list_body(reply));
    outbox::queue_system_message(tx, hotel, conversation, reply.text(), list.as_ref(), now)
}

fn list_body(reply: &Prompt) -> OutgoingBody {
    let row = |it: &flow::PromptRow| ListRow {
        id: it.id().to_owned(),
        title: it.title().to_owned(),
        description: it.description().map(str::to_owned),
    };
    OutgoingBody::List {
        body: reply.text().to_owned(),
        button: reply.button().to_owned(),
        rows: reply.choices().iter().map(row).collect(),
    }
}
