//! Clients that are generated from the OpenAPI document, in TypeScript and Python, compile and work.

use std::{path::Path, process::Command};

use acceptance::{DatabaseKind, PASSWORD, TestHotel, binary, in_hotel};

/// Returns `true` if a shell command succeeds. If not, the test is skipped, or fails with `REQUIRE_ALL=1`.
fn is_available(program: &str, check: &str) -> bool {
    let works = Command::new("sh").args(["-c", check]).output().is_ok_and(|it| it.status.success());
    if !works {
        assert!(std::env::var("REQUIRE_ALL").as_deref() != Ok("1"), "{program} is missing");
        println!("skipped: {program} is missing");
    }
    works
}

#[test]
fn generated_clients_sign_in_list_send_upload_and_follow() {
    let has_node = is_available("Node 20 with npm", "node --version && npm --version");
    let has_python = is_available("Python 3 with venv (apt-get install python3-venv)", "python3 -c 'import ensurepip'");
    if !has_node || !has_python {
        return;
    }
    in_hotel(DatabaseKind::Sqlite, async |hotel: TestHotel| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/run.sh");
        let folder = tempfile::tempdir().unwrap();
        let username = hotel.member_of(0).username;
        let arguments = [&hotel.world.base(), &username, PASSWORD].map(str::to_owned);
        let output = tokio::process::Command::new(script).arg(binary()).args(arguments).arg(folder.path()).output();
        let output = output.await.unwrap();
        let (text, faults) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{text}\n{faults}");
        assert_eq!(text, "TypeScript\nok\nPython\nok\n", "{faults}");
    });
}
