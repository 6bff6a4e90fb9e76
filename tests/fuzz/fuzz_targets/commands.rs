//! Text messages of the WebSocket.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(refused) = wire::parse_command(text) {
        assert_eq!(refused.code == "invalid", refused.errors.is_some());
    }
});
