//! Tests which sockets get typing and read indicators.

use std::{collections::HashMap, sync::Arc};

use desk::{Caller, SystemClock};
use domain::{
    Conversation, ConversationId, GuestId, MessageId, Person, Reach, ReadPosition, Role, Seq, StaffId, Status,
    UncheckedConversation,
};

use super::fixture::DemoNode;
use crate::{
    feed::{requests::ReadIndicator, state::Feed},
    socket::{CountsInterest, SocketHandle, SocketState},
};

const CONVERSATION: ConversationId = ConversationId(1);

/// Connects two sockets of the caller and one of a colleague. All but the second subscribe to the conversation.
async fn connect_three(node: &DemoNode, feed: &mut Feed) -> [Arc<SocketHandle>; 3] {
    let colleague = Caller { staff: StaffId(1_000_000), ..node.caller };
    let sockets = [node.caller, node.caller, colleague].map(|caller| {
        let Caller { staff, hotel, .. } = caller;
        let socket = node.hub.create_test_socket(caller);
        *socket.state() = Some(SocketState {
            reach: Reach { staff, hotel, role: Role::Manager, departments: vec![] },
            name: "Ana".to_owned(),
            joined: Seq(0),
            subscriptions: HashMap::new(),
            inbox: None,
            counts: CountsInterest::None,
            replaying_from: None,
        });
        feed.sockets.insert(socket.id, socket.clone());
        socket
    });
    let (id, hotel, guest) = (CONVERSATION, node.caller.hotel, GuestId(1));
    let stored = UncheckedConversation {
        id,
        hotel,
        guest,
        stay: None,
        status: Status::Demo,
        department: None,
        assignee: None,
        snoozed_until: None,
    };
    let conversation = Conversation::try_from(stored).unwrap();
    for socket in [&sockets[0], &sockets[2]] {
        feed.subscribe(socket, &conversation).await;
    }
    sockets
}

fn count_frames(sockets: &[Arc<SocketHandle>; 3]) -> [usize; 3] {
    sockets.each_ref().map(|socket| socket.send_queue.take(usize::MAX).frames.len())
}

#[actix_web::test]
async fn typing_is_not_sent_to_the_sockets_of_the_typing_staff_member() {
    let node = DemoNode::new("manager", Arc::new(SystemClock)).await;
    let mut feed = Feed::new(node.caller.hotel, node.hub.feed_context().unwrap());
    let sockets = connect_three(&node, &mut feed).await;
    let person = Person { id: node.caller.staff, name: "Ana".to_owned() };
    feed.send_typing(CONVERSATION, None, &person, true).await;
    assert_eq!(count_frames(&sockets), [0, 0, 1]);
}

#[actix_web::test]
async fn a_read_position_is_sent_to_the_other_sockets_of_the_reader() {
    let node = DemoNode::new("manager", Arc::new(SystemClock)).await;
    let mut feed = Feed::new(node.caller.hotel, node.hub.feed_context().unwrap());
    let sockets = connect_three(&node, &mut feed).await;
    let reader = Person { id: node.caller.staff, name: "Ana".to_owned() };
    let position = ReadPosition { message: Some(MessageId(1)), guest_messages: 1 };
    let (conversation, sent_by) = (CONVERSATION, Some(sockets[0].id));
    let read = |reader, sent_by| ReadIndicator { conversation, stay: None, reader, position, sent_by };
    feed.send_read(read(reader.clone(), sent_by)).await;
    assert_eq!(count_frames(&sockets), [0, 1, 1]);
    feed.send_read(read(reader, None)).await;
    let frames = sockets.each_ref().map(|socket| socket.send_queue.take(usize::MAX).frames);
    let shows_count = |text: &str| text.contains("\"read_guest_messages\":1");
    assert_eq!(frames.map(|it| it.iter().map(|text| shows_count(text)).collect::<Vec<_>>()), [[true], [true], [false]]);
}
