//! Bodies of REST calls: the first byte says of which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    AddNote, Assign, ChangeDepartment, ChangeHotel, ChangeStaff, ChangeStay, ChangeTemplate, GuestMessage, Input,
    Login, MarkRead, NewDepartment, NewStaff, NewStay, NewTemplate, Nothing, PasswordChange, Refresh, SendMessage,
    StartRelay,
};

fn read<T: Input>(bytes: &[u8]) {
    if let Ok(it) = wire::parse::<T>(bytes) {
        it.fingerprint();
    }
}

const READERS: [fn(&[u8]); 19] = [
    read::<SendMessage>,
    read::<AddNote>,
    read::<StartRelay>,
    read::<Assign>,
    read::<MarkRead>,
    read::<Nothing>,
    read::<GuestMessage>,
    read::<NewDepartment>,
    read::<ChangeDepartment>,
    read::<NewStaff>,
    read::<ChangeStaff>,
    read::<ChangeHotel>,
    read::<NewStay>,
    read::<ChangeStay>,
    read::<NewTemplate>,
    read::<ChangeTemplate>,
    read::<Login>,
    read::<Refresh>,
    read::<PasswordChange>,
];

fuzz_target!(|bytes: &[u8]| {
    if let [which, body @ ..] = bytes {
        READERS[usize::from(*which) % READERS.len()](body);
    }
});
