use proptest::prelude::*;

use super::{Status::*, *};
use crate::staff::Role;

fn stored(status: Status, stay: Option<i64>, department: Option<i64>) -> UncheckedConversation {
    UncheckedConversation {
        id: ConversationId(1),
        hotel: HotelId(1),
        guest: GuestId(1),
        stay: stay.map(StayId),
        status,
        department: department.map(DepartmentId),
        assignee: None,
        snoozed_until: None,
    }
}

fn a_conversation(status: Status, stay: Option<i64>, department: Option<i64>) -> Conversation {
    stored(status, stay, department).try_into().unwrap()
}

#[test]
fn contradictory_parts_are_refused() {
    use ImpossibleConversation::*;
    let id = ConversationId(1);
    let snoozed = |it| UncheckedConversation { snoozed_until: Some(DateTime::UNIX_EPOCH), ..it };
    for (parts, expected) in [
        (stored(Demo, None, None), Ok(())),
        (stored(Demo, Some(1), None), Err(DemoWithStay(id))),
        (stored(Demo, None, Some(3)), Err(DepartmentWithoutRelay(id))),
        (stored(Checkin, Some(1), None), Ok(())),
        (stored(Checkin, None, None), Err(StayMissing(id))),
        (stored(Checkin, Some(1), Some(3)), Err(DepartmentWithoutRelay(id))),
        (snoozed(stored(Active, Some(1), None)), Ok(())),
        (stored(Active, None, None), Err(StayMissing(id))),
        (stored(Active, Some(1), Some(3)), Err(DepartmentWithoutRelay(id))),
        (snoozed(stored(Relay, None, Some(3))), Ok(())),
        (stored(Relay, Some(1), None), Err(RelayWithoutDepartment(id))),
        (stored(Closed, None, None), Ok(())),
        (stored(Closed, Some(1), Some(3)), Ok(())),
        (snoozed(stored(Closed, Some(1), Some(3))), Err(ClosedAndSnoozed(id))),
    ] {
        assert_eq!(Conversation::try_from(parts.clone()).map(|_| ()), expected, "{parts:?}");
    }
}

/// Every transition, with arguments from a few choices.
fn transitions() -> impl Strategy<Value = fn(&mut Conversation)> {
    let all: Vec<fn(&mut Conversation)> = vec![
        |it| _ = it.start_relay(DepartmentId(3), None),
        |it| _ = it.end_relay(),
        Conversation::close,
        |it| it.replace_inactive_department(None),
        |it| it.replace_inactive_department(Some(DepartmentId(4))),
        |it| it.reopen(None),
        |it| _ = it.assign(Some(&reach(7, Role::Staff, &[3]))),
        |it| _ = it.snooze(at(11), at(10)),
        Conversation::unsnooze,
        |it| _ = it.take_over(&reach(7, Role::Staff, &[3]), Some(DepartmentId(3)), None),
        |it| it.receive_guest_message(false),
        |it| it.receive_guest_message(true),
        Conversation::begin_stay,
        |it| it.record_check_in(None),
        |it| it.attach_stay(StayId(2), false),
        |it| it.attach_stay(StayId(2), true),
        Conversation::detach_stay,
        |it| it.give_to_guest(GuestId(2)),
        |it| it.clear_assignee_without_access(None),
    ];
    prop::sample::select(all)
}

proptest! {
    #[test]
    fn every_transition_keeps_the_rules(steps in prop::collection::vec(transitions(), 1..12)) {
        let mut conversation = a_conversation(Demo, None, None);
        for step in steps {
            step(&mut conversation);
            prop_assert_eq!(UncheckedConversation::from(conversation.clone()).check(), Ok(()));
        }
    }
}

fn reach(staff: i64, role: Role, departments: &[i64]) -> Reach {
    let departments = departments.iter().copied().map(DepartmentId).collect();
    Reach { staff: StaffId(staff), hotel: HotelId(1), role, departments }
}

#[test]
fn a_reply_takes_over_an_unrouted_conversation() {
    let mut conversation = a_conversation(Active, Some(1), None);
    conversation.take_over(&reach(7, Role::Staff, &[3, 4]), Some(DepartmentId(3)), Some(DepartmentId(9))).unwrap();
    assert_eq!(
        (conversation.status, conversation.department, conversation.assignee),
        (Relay, Some(DepartmentId(3)), Some(StaffId(7)))
    );
}

#[test]
fn only_a_manager_without_department_takes_over_into_the_default_one() {
    let mut conversation = a_conversation(Demo, None, None);
    assert_eq!(
        conversation.take_over(&reach(7, Role::Staff, &[]), None, Some(DepartmentId(9))),
        Err(NoDepartment(StaffId(7)))
    );
    conversation.take_over(&reach(8, Role::Manager, &[]), None, Some(DepartmentId(9))).unwrap();
    assert_eq!((conversation.status, conversation.department), (Relay, Some(DepartmentId(9))));
}

#[test]
fn a_reply_keeps_the_assignee_of_a_routed_conversation() {
    let mut conversation = a_conversation(Relay, Some(1), Some(3));
    conversation.take_over(&reach(7, Role::Manager, &[]), None, None).unwrap();
    conversation.take_over(&reach(8, Role::Staff, &[3]), Some(DepartmentId(3)), None).unwrap();
    assert_eq!((conversation.department, conversation.assignee), (Some(DepartmentId(3)), Some(StaffId(7))));
}

#[test]
fn a_transfer_clears_an_assignee_without_access() {
    let assignee = reach(7, Role::Staff, &[3]);
    let mut conversation = a_conversation(Relay, Some(1), Some(3));
    conversation.assign(Some(&assignee)).unwrap();
    conversation.start_relay(DepartmentId(3), Some(&assignee)).unwrap();
    assert_eq!(conversation.assignee, Some(StaffId(7)));
    conversation.start_relay(DepartmentId(4), Some(&assignee)).unwrap();
    assert_eq!(conversation.assignee, None);
}

#[test]
fn a_detached_stay_takes_only_its_own_status_away() {
    let cases = [(Checkin, None, Demo), (Active, None, Demo), (Relay, Some(3), Relay), (Closed, None, Closed)];
    for (status, department, expected) in cases {
        let mut conversation = a_conversation(status, Some(1), department);
        conversation.detach_stay();
        assert_eq!((conversation.stay, conversation.status), (None, expected), "{status:?}");
        assert_eq!(conversation.department, department.map(DepartmentId));
    }
}

#[test]
fn check_in_activates_a_conversation_without_department() {
    for status in [Checkin, Active, Closed] {
        let mut conversation = a_conversation(status, Some(1), None);
        conversation.record_check_in(None);
        assert_eq!(conversation.status, Active);
    }
    for status in [Relay, Closed] {
        let mut conversation = a_conversation(status, Some(1), Some(3));
        conversation.record_check_in(None);
        assert_eq!((conversation.status, conversation.department), (status, Some(DepartmentId(3))));
    }
}

#[test]
fn end_relay_clears_the_routing_and_requires_a_relay() {
    for (stay, unrouted) in [(Some(1), Active), (None, Demo)] {
        let mut conversation = a_conversation(Relay, stay, Some(3));
        conversation.assignee = Some(StaffId(7));
        conversation.end_relay().unwrap();
        assert_eq!((conversation.status, conversation.department, conversation.assignee), (unrouted, None, None));
    }
    for (status, stay) in [(Demo, None), (Checkin, Some(1)), (Active, Some(1)), (Closed, None)] {
        assert_eq!(a_conversation(status, stay, None).end_relay(), Err(NotInRelay(ConversationId(1))));
    }
}

#[test]
fn close_keeps_the_department_and_reopen_restores_the_relay() {
    for (status, department, restored) in [(Relay, Some(3), Relay), (Active, None, Active), (Checkin, None, Active)] {
        let mut conversation = a_conversation(status, Some(1), department);
        conversation.close();
        assert_eq!((conversation.status, conversation.department), (Closed, department.map(DepartmentId)));
        assert!(conversation.start_relay(DepartmentId(1), None).is_err());
        conversation.reopen(None);
        assert_eq!((conversation.status, conversation.department), (restored, department.map(DepartmentId)));
    }
    let mut open = a_conversation(Checkin, Some(1), None);
    open.reopen(None);
    assert_eq!(open.status, Checkin);
}

#[test]
fn reopening_keeps_only_an_assignee_with_access() {
    let sees = reach(7, Role::Staff, &[3]);
    for (assignee, kept) in [(Some(&sees), Some(StaffId(7))), (None, None)] {
        let mut conversation = a_conversation(Closed, Some(1), Some(3));
        conversation.assignee = Some(StaffId(7));
        conversation.reopen(assignee);
        assert_eq!((conversation.status, conversation.assignee), (Relay, kept));
        conversation.reopen(None);
        assert_eq!(conversation.assignee, kept, "no effect on an open conversation");
        let mut unrouted = a_conversation(Closed, Some(1), None);
        unrouted.assignee = Some(StaffId(7));
        unrouted.record_check_in(assignee);
        assert_eq!((unrouted.status, unrouted.assignee), (Active, kept));
    }
    let mut moved = a_conversation(Closed, Some(1), Some(4));
    moved.assignee = Some(StaffId(7));
    moved.reopen(Some(&sees));
    assert_eq!(moved.assignee, None);
}

#[test]
fn a_guest_message_reopens_a_closed_conversation_without_department() {
    let mut conversation = a_conversation(Closed, Some(1), Some(3));
    conversation.assignee = Some(StaffId(7));
    conversation.receive_guest_message(true);
    assert_eq!((conversation.status, conversation.department, conversation.assignee), (Active, None, None));
    let mut before = a_conversation(Checkin, Some(1), None);
    before.receive_guest_message(false);
    assert_eq!(before.status, Checkin);
    before.receive_guest_message(true);
    assert_eq!(before.status, Active);
}

fn at(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(day)
}

#[test]
fn a_snooze_has_bounds_and_needs_an_open_conversation() {
    let open = [(Demo, None, None), (Checkin, Some(1), None), (Active, Some(1), None), (Relay, Some(1), Some(3))];
    for (status, stay, department) in open {
        let mut conversation = a_conversation(status, stay, department);
        let before = conversation.clone();
        for bad in [at(9), at(10), at(100) + TimeDelta::microseconds(1)] {
            assert_eq!(conversation.snooze(bad, at(10)), Err(SnoozeRefused::TimeOutOfRange), "{bad}");
            assert_eq!(conversation, before);
        }
        conversation.snooze(at(100), at(10)).unwrap();
        conversation.snooze(at(11), at(10)).unwrap();
        assert_eq!(conversation, Conversation { snoozed_until: Some(at(11)), ..before.clone() });
        conversation.end_due_snooze(at(11) - TimeDelta::microseconds(1));
        assert_eq!(conversation.snoozed_until, Some(at(11)));
        conversation.end_due_snooze(at(11));
        assert_eq!(conversation, before);
    }
    let closed = a_conversation(Closed, Some(1), None).snooze(at(11), at(10));
    assert_eq!(closed, Err(SnoozeRefused::Closed(ConversationClosed(ConversationId(1)))));
}

#[test]
fn nobody_is_handed_a_snoozed_conversation() {
    type Step = (&'static str, fn(&mut Conversation));
    let ends: [Step; 7] = [
        ("start_relay", |it| it.start_relay(DepartmentId(4), None).unwrap()),
        ("end_relay", |it| it.end_relay().unwrap()),
        ("close", Conversation::close),
        ("assign", |it| it.assign(Some(&reach(7, Role::Staff, &[3]))).unwrap()),
        ("clear the assignee", |it| it.assign(None).unwrap()),
        ("guest message", |it| it.receive_guest_message(true)),
        ("unsnooze", Conversation::unsnooze),
    ];
    let snoozed = || Conversation { snoozed_until: Some(at(1)), ..a_conversation(Relay, Some(1), Some(3)) };
    for (name, step) in ends {
        let mut conversation = snoozed();
        step(&mut conversation);
        assert_eq!(conversation.snoozed_until, None, "{name}");
    }
    let keeps: [Step; 3] = [
        ("answer", |it| it.take_over(&reach(7, Role::Staff, &[3]), None, None).unwrap()),
        ("check-in", |it| it.record_check_in(None)),
        ("reopen", |it| it.reopen(None)),
    ];
    for (name, step) in keeps {
        let mut conversation = snoozed();
        step(&mut conversation);
        assert_eq!(conversation.snoozed_until, Some(at(1)), "{name}");
    }
}

#[test]
fn assigning_requires_access() {
    let mut conversation = a_conversation(Relay, Some(1), Some(3));
    assert_eq!(conversation.assign(Some(&reach(7, Role::Staff, &[4]))), Err(AssigneeOutOfReach(StaffId(7))));
    assert!(conversation.assign(Some(&reach(7, Role::Staff, &[3]))).is_ok());
    assert!(conversation.assign(None).is_ok());
    assert_eq!(conversation.assignee, None);
}
