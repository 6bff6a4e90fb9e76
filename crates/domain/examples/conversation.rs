//! A conversation from the guest's first message to the end: routing, taking over, visibility.
//!
//! `cargo run -p domain --example conversation`

use std::error::Error;

use domain::{
    Conversation, ConversationId, DepartmentId, GuestId, HotelId, Reach, Role, StaffId, Status, UncheckedConversation,
    conversation::ConversationClosed,
};

pub fn main() -> Result<(), Box<dyn Error>> {
    let (hotel, reception, spa) = (HotelId(1), DepartmentId(1), DepartmentId(2));
    let ann = Reach { staff: StaffId(7), hotel, role: Role::Staff, departments: vec![reception] };

    // A guest without a stay has written: the conversation is unassigned, and all staff see it.
    let mut conversation = Conversation::try_from(UncheckedConversation {
        id: ConversationId(1),
        hotel,
        guest: GuestId(1),
        stay: None,
        status: Status::Demo,
        department: None,
        assignee: None,
        snoozed_until: None,
    })?;
    assert!(ann.covers(hotel, conversation.department()));

    // Ann replies: the conversation is routed to her department, and she is in charge.
    conversation.take_over(&ann, Some(reception), None)?;
    assert_eq!((conversation.status(), conversation.assignee()), (Status::Relay, Some(ann.staff)));

    // A transfer to the spa: Ann does not see the conversation any more, so she is not in charge either.
    conversation.start_relay(spa, Some(&ann))?;
    assert!(!ann.covers(hotel, conversation.department()));
    assert_eq!(conversation.assignee(), None);

    // What the state forbids is an error of its own type.
    conversation.close();
    assert_eq!(conversation.start_relay(reception, None), Err(ConversationClosed(conversation.id())));

    // The guest writes again.
    conversation.receive_guest_message(false);

    // With the feature `serde`, a conversation is stored as JSON. What contradicts itself is not read.
    let json = serde_json::to_string(&conversation)?;
    assert_eq!(serde_json::from_str::<Conversation>(&json)?, conversation);
    let refused = serde_json::from_str::<Conversation>(&json.replace("\"demo\"", "\"relay\""));
    println!("{}", refused.map_or_else(|error| error.to_string(), |wrong| format!("{wrong:?}")));
    println!("{} is {} again", conversation.id(), conversation.status().as_str());
    Ok(())
}
