//! Bodies of REST calls: the first byte says of which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    JsonBody,
    request::{
        AddNoteBody, AssignBody, ChangeDepartmentBody, ChangeHotelBody, ChangeStaffBody, ChangeStayBody,
        ChangeTemplateBody, EmptyBody, GuestMessageBody, LoginBody, MarkReadBody, NewDepartmentBody, NewStaffBody,
        NewStayBody, NewTemplateBody, PasswordChangeBody, RefreshBody, SendMessageBody, StartRelayBody,
    },
};

fn read<T: JsonBody>(bytes: &[u8]) {
    if let Ok(it) = wire::parse_body::<T>(bytes) {
        it.canonical_json();
    }
}

const READERS: [fn(&[u8]); 19] = [
    read::<SendMessageBody>,
    read::<AddNoteBody>,
    read::<StartRelayBody>,
    read::<AssignBody>,
    read::<MarkReadBody>,
    read::<EmptyBody>,
    read::<GuestMessageBody>,
    read::<NewDepartmentBody>,
    read::<ChangeDepartmentBody>,
    read::<NewStaffBody>,
    read::<ChangeStaffBody>,
    read::<ChangeHotelBody>,
    read::<NewStayBody>,
    read::<ChangeStayBody>,
    read::<NewTemplateBody>,
    read::<ChangeTemplateBody>,
    read::<LoginBody>,
    read::<RefreshBody>,
    read::<PasswordChangeBody>,
];

fuzz_target!(|bytes: &[u8]| {
    if let [which, body @ ..] = bytes {
        READERS[usize::from(*which) % READERS.len()](body);
    }
});
