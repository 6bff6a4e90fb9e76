//! Bodies of REST calls: the first byte says of which.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{
    AddNote, Assign, ChangeDepartment, ChangeStaff, GuestMessage, Input, Login, MarkRead, NewDepartment, NewStaff,
    Nothing, PasswordChange, Refresh, SendMessage, StartRelay,
};

fn read<T: Input>(bytes: &[u8]) {
    if let Ok(it) = wire::parse::<T>(bytes) {
        it.fingerprint();
    }
}

const READERS: [fn(&[u8]); 14] = [
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
    read::<Login>,
    read::<Refresh>,
    read::<PasswordChange>,
];

fuzz_target!(|bytes: &[u8]| {
    if let [which, body @ ..] = bytes {
        READERS[usize::from(*which) % READERS.len()](body);
    }
});
