//! A model of the database for tests of feeds: random commits, the events that desk records for them, and what a client
//! may see.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use desk::{
    Caller,
    feed_query::{FeedSnapshot, LoadedObjects, LogPage, SessionQuery, SessionView},
    sessions::LiveSession,
};
use domain::{
    ClientRef, Conversation, ConversationId, ConversationRef, ConversationView, Delivery, DepartmentId, DirectoryPart,
    Event, EventKind, GuestId, HistoryEntry, HistoryEntryId, HistoryKind, HotelId, IfGuestWrites, Message, MessageId,
    Name, Person, PhoneNumber, Role, ScheduledContent, ScheduledMessage, ScheduledMessageId, ScheduledState,
    SenderType, Seq, Staff, StaffId, Status, Stay, StayId, TemplateId, UncheckedConversation,
    event::{ConversationChange, OverdueResponse, StatusChange},
    stay::{BookingPart, StayWithConversation},
};
use serde_json::Value;

use crate::{
    feed::{event_context::EventContext, event_filter::EventFilter},
    socket::{SocketHandle, frames},
};

/// Conversations of the model; each has a stay with the same id.
pub(super) const CONVERSATIONS: i64 = 3;
pub(super) const COLLEAGUE: StaffId = StaffId(1_000_000);

/// Role and departments of the viewer, the staff member whose events are compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ViewerAccess {
    pub(super) role: Role,
    pub(super) departments: Vec<DepartmentId>,
}

/// A step of a random scenario: the change that one commit makes.
#[derive(Clone, Debug)]
pub(super) enum CommitStep {
    Create(ConversationId),
    SendMessage {
        conversation: ConversationId,
        author: Option<StaffId>,
        has_client_ref: bool,
    },
    ChangeDelivery(ConversationId),
    /// Changes the newest message of a conversation.
    UpdateMessage(ConversationId),
    /// Takes the newest message of a conversation back.
    RemoveMessage(ConversationId),
    /// Transfers a conversation to a department; `None` ends the relay.
    Route(ConversationId, Option<DepartmentId>),
    Close(ConversationId),
    /// Adds an entry to the history of a conversation.
    AddHistory(ConversationId),
    /// Schedules a message in a conversation.
    Schedule(ConversationId),
    /// Raises the alarm that nobody has answered the guest of a conversation.
    RaiseAlarm(ConversationId),
    /// Changes the stay of a conversation, which has the id of the conversation.
    ChangeStay(ConversationId),
    /// Changes the directory, for all staff or for one staff member.
    ChangeDirectory(Option<StaffId>),
    ChangeViewer(ViewerAccess),
    ChangeColleague,
}

/// A model of the database, as far as it decides who receives an event.
pub(super) struct ModelDatabase {
    pub(super) viewer: Caller,
    pub(super) access: ViewerAccess,
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    pub(super) log: Vec<Event>,
    /// Log position of the last change of the viewer's access, at which a client loads everything again.
    pub(super) access_changed_at: Seq,
    pub(super) removed: HashSet<MessageId>,
}

/// An event of the log as the client gets it in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReceivedEvent {
    pub(super) seq: Seq,
    pub(super) event: String,
    /// The conversation of the event; `None` for events about the directory and about stays.
    pub(super) conversation: Option<ConversationId>,
    pub(super) client_ref: Option<String>,
    /// The message of an event that shows a message.
    pub(super) message: Option<MessageId>,
}

impl ReceivedEvent {
    /// Parses a frame. Returns `None` for frames that are not events of the log with a `seq`.
    pub(super) fn parse(frame: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(frame).unwrap();
        let event = json["type"].as_str().unwrap().to_owned();
        let is_logged = event != "welcome" && json["seq"].is_i64();
        is_logged.then(|| Self {
            seq: Seq(json["seq"].as_i64().unwrap()),
            event,
            conversation: json["conversation_id"].as_i64().map(ConversationId),
            client_ref: json["client_ref"].as_str().map(str::to_owned),
            message: json["content"]
                .as_str()
                .and(json["id"].as_i64())
                .or(json["message"]["id"].as_i64())
                .map(MessageId),
        })
    }

    pub(super) fn is_change(&self) -> bool {
        ["conversation_updated", "conversation_removed"].contains(&&*self.event)
    }
}

impl ModelDatabase {
    pub(super) fn new(viewer: Caller, access: ViewerAccess) -> Self {
        let mut database = Self {
            viewer,
            access,
            conversations: BTreeMap::new(),
            log: Vec::new(),
            access_changed_at: Seq(0),
            removed: HashSet::new(),
        };
        // All conversations exist at the begin except the last one.
        for id in 1..CONVERSATIONS {
            database.insert_conversation(ConversationId(id));
        }
        database
    }

    fn insert_conversation(&mut self, id: ConversationId) {
        let (hotel, guest) = (self.viewer.hotel, GuestId(id.0));
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
        self.conversations.insert(id, stored.try_into().unwrap());
    }

    fn record(&mut self, kind: EventKind) {
        let seq = Seq(self.log.len() as i64 + 1);
        self.log.push(Event { hotel: self.viewer.hotel, seq, at: time(), kind });
    }

    fn record_change(&mut self, conversation: ConversationId, before: Option<DepartmentId>, only_message: bool) {
        let after = self.conversations[&conversation].department();
        let change = ConversationChange { conversation, stay: None, before, after, only_message };
        self.record(EventKind::ConversationUpdated(change));
    }

    /// Records the events of a commit in the model's log, as desk does.
    pub(super) fn commit(&mut self, step: &CommitStep) {
        match step {
            CommitStep::Create(id) => {
                if !self.conversations.contains_key(id) {
                    self.insert_conversation(*id);
                    self.record(EventKind::NewConversation { conversation: *id, stay: None, department: None });
                }
            }
            CommitStep::SendMessage { conversation, author, has_client_ref } => {
                if let Some(department) = self.department(*conversation) {
                    let message = Box::new(self.message(*conversation, *author, *has_client_ref));
                    self.record(EventKind::Message(message));
                    self.record_change(*conversation, department, true);
                }
            }
            CommitStep::ChangeDelivery(conversation) => {
                if self.conversations.contains_key(conversation) {
                    let (message, delivery) = (MessageId(1), Delivery::Read);
                    let (conversation, stay, failure) = (*conversation, None, None);
                    let change = StatusChange { conversation, stay, message, delivery, failure };
                    self.record(EventKind::MessageStatus(change));
                }
            }
            CommitStep::UpdateMessage(conversation) => {
                if let Some(message) = self.newest_message(*conversation) {
                    self.record(EventKind::MessageUpdated(Box::new(message)));
                    self.record_change(*conversation, self.conversations[conversation].department(), true);
                }
            }
            CommitStep::RemoveMessage(conversation) => {
                if let Some(message) = self.newest_message(*conversation) {
                    self.removed.insert(message.id);
                    let (conversation, stay, message) = (*conversation, None, message.id);
                    self.record(EventKind::MessageRemoved { conversation, stay, message });
                    self.record_change(conversation, self.conversations[&conversation].department(), true);
                }
            }
            CommitStep::Route(id, department) => self.route(*id, *department),
            CommitStep::Close(id) => {
                if let Some(conversation) = self.conversations.get_mut(id) {
                    conversation.close();
                    let department = conversation.department();
                    self.record_change(*id, department, false);
                }
            }
            CommitStep::AddHistory(conversation) => {
                if self.conversations.contains_key(conversation) {
                    let (conversation, stay, entry) = (*conversation, None, HistoryEntryId(conversation.0));
                    self.record(EventKind::HistoryAdded { conversation, stay, entry });
                }
            }
            CommitStep::Schedule(conversation) => {
                if self.conversations.contains_key(conversation) {
                    let (conversation, stay, scheduled) = (*conversation, None, ScheduledMessageId(conversation.0));
                    self.record(EventKind::ScheduledUpdated { conversation, stay, scheduled });
                }
            }
            CommitStep::RaiseAlarm(id) => {
                if let Some(conversation) = self.conversations.get(id) {
                    let department = conversation.department().unwrap_or(DepartmentId(1));
                    let (conversation, waiting_since) = (*id, DateTime::UNIX_EPOCH);
                    let overdue = OverdueResponse { conversation, stay: None, department, waiting_since };
                    self.record(EventKind::ResponseOverdue(overdue));
                }
            }
            CommitStep::ChangeStay(id) => self.record(EventKind::StayUpdated { stay: StayId(id.0) }),
            CommitStep::ChangeDirectory(staff) => {
                let what = if staff.is_some() { DirectoryPart::Reach } else { DirectoryPart::Labels };
                self.record(EventKind::DirectoryUpdated { what, staff: *staff });
            }
            CommitStep::ChangeViewer(access) => self.change_viewer(access),
            CommitStep::ChangeColleague => self.record(EventKind::StaffChanged { staff: COLLEAGUE }),
        }
    }

    fn route(&mut self, id: ConversationId, department: Option<DepartmentId>) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        let before = conversation.department();
        if before == department {
            return;
        }
        conversation.reopen(None);
        match department {
            Some(department) => conversation.start_relay(department, None).unwrap(),
            None => conversation.end_relay().unwrap(),
        }
        if department.is_some() {
            self.record(EventKind::NewConversation { conversation: id, stay: None, department });
        }
        self.record_change(id, before, false);
    }

    fn change_viewer(&mut self, access: &ViewerAccess) {
        let visible_before = self.visible();
        let staff = self.viewer.staff;
        let has_changed = self.access != *access;
        self.access = access.clone();
        self.record(EventKind::StaffChanged { staff });
        if has_changed {
            self.access_changed_at = self.head();
        }
        for conversation in visible_before.difference(&self.visible()).copied().collect::<Vec<_>>() {
            self.record(EventKind::ConversationRemoved { conversation, stay: None, staff });
        }
    }

    fn message(&self, conversation: ConversationId, author: Option<StaffId>, has_client_ref: bool) -> Message {
        Message {
            id: MessageId(self.log.len() as i64),
            conversation,
            stay: None,
            content: "Towels, please".to_owned(),
            sender_type: if author.is_some() { SenderType::Staff } else { SenderType::Guest },
            author,
            sender_name: "Ana".to_owned(),
            at: time(),
            delivery: None,
            failure: None,
            attachments: vec![],
            internal: false,
            client_ref: has_client_ref.then(|| ClientRef::parse("ref").unwrap()),
            reply_to: None,
            reactions: vec![],
            send_at: None,
            is_removed: false,
        }
    }

    fn newest_message(&self, conversation: ConversationId) -> Option<Message> {
        let messages = self.log.iter().rev().filter_map(|event| match &event.kind {
            EventKind::Message(message) if message.conversation == conversation => Some(message),
            _ => None,
        });
        messages.map(|message| (**message).clone()).find(|message| !self.removed.contains(&message.id))
    }

    /// Returns the log as it is read: with the messages as they are now.
    pub(super) fn read_log(&self) -> Vec<Event> {
        let mut events = self.log.clone();
        for event in &mut events {
            if let EventKind::Message(message) | EventKind::MessageUpdated(message) = &mut event.kind {
                message.is_removed = self.removed.contains(&message.id);
            }
        }
        events
    }

    fn head(&self) -> Seq {
        Seq(self.log.len() as i64)
    }

    /// Returns the conversation's current department; the outer `None` means that there is no such conversation.
    fn department(&self, conversation: ConversationId) -> Option<Option<DepartmentId>> {
        self.conversations.get(&conversation).map(|conversation| conversation.department())
    }

    pub(super) fn visible(&self) -> HashSet<ConversationId> {
        let reach = self.session().staff.reach();
        let conversations = self.conversations.values();
        let visible = conversations.filter(|it| reach.covers(self.viewer.hotel, it.department()));
        visible.map(|conversation| conversation.id()).collect()
    }

    pub(super) fn session(&self) -> LiveSession {
        let staff = Staff {
            id: self.viewer.staff,
            hotel: self.viewer.hotel,
            username: "viewer".to_owned(),
            name: "Viewer".to_owned(),
            role: self.access.role,
            departments: self.access.departments.clone(),
            active: true,
        };
        let ends_at = time() + TimeDelta::days(1);
        LiveSession {
            id: self.viewer.session,
            staff,
            generation: 1,
            superseded: None,
            last_used_at: time(),
            ends_at,
            is_remembered: true,
            must_change_password: false,
        }
    }

    fn seen(&self, query: SessionQuery) -> SessionView {
        let visible = self.visible();
        let find = |which: &ConversationRef| match which {
            ConversationRef::Conversation(id) if visible.contains(id) => self.conversations.get(id).cloned(),
            _ => None,
        };
        let conversations = query.conversations.iter().map(find).collect();
        SessionView { live: self.session(), requested: query.conversations, conversations }
    }

    fn loaded(&self) -> LoadedObjects {
        let stays = (1..=CONVERSATIONS).map(|id| {
            let conversation = self.department(ConversationId(id)).map(|department| (ConversationId(id), department));
            (StayId(id), StayWithConversation { stay: stay(StayId(id), self.viewer), conversation })
        });
        LoadedObjects {
            views: self.conversations.values().map(|conversation| (conversation.id(), view(conversation))).collect(),
            stays: stays.collect(),
            history: self.conversations.keys().map(|id| (HistoryEntryId(id.0), history_entry(*id))).collect(),
            scheduled: self.conversations.keys().map(|id| (ScheduledMessageId(id.0), scheduled(*id))).collect(),
        }
    }

    /// Fails if a frame shows a stay with a conversation that is invisible, or without a visible one.
    pub(super) fn check_stay_frame(&self, frame: &str) {
        let json: Value = serde_json::from_str(frame).unwrap();
        if json["type"] == "stay_updated" {
            let id = ConversationId(json["stay"]["id"].as_i64().unwrap());
            let shown = json["stay"]["conversation_id"].as_i64().map(ConversationId);
            assert_eq!(shown, self.visible().contains(&id).then_some(id));
        }
    }

    pub(super) fn context(&self, socket: &SocketHandle) -> EventContext {
        EventContext {
            loaded: self.loaded(),
            seen: HashMap::from([(socket.id, Some(self.seen(socket.session_query())))]),
        }
    }

    /// Reads the log after the last change of the viewer's access, through the event filter of a socket.
    pub(super) fn replay(
        &self,
        socket: &SocketHandle,
        named: &HashSet<ConversationId>,
        inbox: bool,
    ) -> Vec<ReceivedEvent> {
        let mut query = socket.session_query();
        query.conversations.extend(named.iter().map(|id| ConversationRef::Conversation(*id)));
        let events = self.read_log().into_iter().filter(|event| event.seq > self.access_changed_at).collect();
        let snapshot = FeedSnapshot {
            epoch: "epoch".to_owned(),
            head: self.head(),
            sessions: vec![],
            log: LogPage { events, first: Seq(1) },
            loaded: self.loaded(),
        };
        let selected = EventFilter::for_socket(socket, &self.seen(query), inbox).select(&snapshot);
        let frames: Vec<_> = selected.into_iter().map(frames::logged).collect();
        frames.iter().for_each(|frame| self.check_stay_frame(frame));
        frames.iter().filter_map(|frame| ReceivedEvent::parse(frame)).collect()
    }
}

fn time() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn view(conversation: &Conversation) -> ConversationView {
    ConversationView {
        conversation: conversation.clone(),
        guest_name: "Ana".to_owned(),
        guest_phone: None,
        room_number: None,
        days: None,
        department_name: None,
        assignee: None,
        last_message: None,
        guest_messages: 0,
        read_guest_messages: 0,
        has_draft: false,
        last_guest_message_at: None,
        window_opened_at: None,
        on_whatsapp: false,
        labels: vec![],
        waiting_since: None,
        response_due_at: None,
        unsent: Default::default(),
        current_step: String::new(),
        context_data: "{}".to_owned(),
        created_at: time(),
        updated_at: time(),
    }
}

fn stay(id: StayId, viewer: Caller) -> Stay {
    let name = Name::parse("x").unwrap();
    Stay {
        id,
        hotel: viewer.hotel,
        guest: Some(GuestId(id.0)),
        link: None,
        reservation_code: name.clone(),
        part: BookingPart::FIRST,
        guest_name: name.clone(),
        guest_phone: PhoneNumber::parse("+34600000001").ok(),
        room_number: Some(name),
        days: domain::stay::StayDays::nights(time().date_naive(), 0),
        email: None,
        language: None,
        note: None,
        checked_in_at: None,
        checked_out_at: None,
        cancellation: None,
    }
}

fn scheduled(conversation: ConversationId) -> ScheduledMessage {
    ScheduledMessage {
        id: ScheduledMessageId(conversation.0),
        hotel: HotelId(1),
        conversation,
        stay: None,
        guest: GuestId(1),
        author: Person { id: StaffId(1), name: "Ann".to_owned() },
        content: ScheduledContent::Template { template: TemplateId(1), variables: BTreeMap::new() },
        send_at: time(),
        if_guest_writes: IfGuestWrites::Review,
        state: ScheduledState::Pending,
        answered_guest_messages: 0,
        created_at: time(),
        approved_at: time(),
    }
}

fn history_entry(conversation: ConversationId) -> HistoryEntry {
    let (id, kind) = (HistoryEntryId(conversation.0), HistoryKind::Closed);
    HistoryEntry { id, conversation, at: time(), kind, by: None, from: None, to: None, note: None }
}
