//! The way of docs/operations.md from nothing to two nodes on PostgreSQL: its commands, with other paths and ports, and with
//! stand-ins for the programs that change the machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use acceptance::{DatabaseKind, Port, Value, binary, http, json, runtime, unique};
use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    docs::{code_blocks, has_programs, page},
    layers::workspace_root,
};

/// Stands in for programs that install packages.
const NOTHING: &str = "#!/bin/sh\n";

/// Stands in for runuser, as which psql and createdb are called: the user of the tests may do everything.
const RUNUSER: &str = "#!/bin/sh\nshift 3\nexec \"$@\"\n";

/// Stands in for systemd: starts the instances of a unit with the settings and the command that the unit names.
const SYSTEMCTL: &str = r#"#!/bin/bash
set -euo pipefail
case "$*" in "enable --now "*) ;; *) exit 0 ;; esac
shift 2
for instance in "$@"; do
    unit="$ROOT/etc/systemd/system/${instance%@*}@.service"
    setting() { sed -n "s|^$1=||p" "$unit" | sed "s|%i|${instance#*@}|"; }
    mapfile -t settings < <(cat "$ROOT$(setting EnvironmentFile)"; setting Environment)
    command=$(setting ExecStart)
    env -i PATH="$PATH" "${settings[@]}" "$ROOT${command%% *}" ${command#* } >>"$ROOT/$instance.log" 2>&1 &
    echo $! >>"$ROOT/processes"
done
"#;

/// The folder in which everything is installed. A drop kills the nodes that the stand-in of systemd has started.
struct Installation(PathBuf);

impl Drop for Installation {
    fn drop(&mut self) {
        let processes = fs::read_to_string(self.0.join("processes")).unwrap_or_default();
        for process in processes.lines() {
            let _ = Command::new("kill").args(["-KILL", process]).status();
        }
    }
}

impl Installation {
    /// The folder of the stand-ins.
    fn write_stand_ins(&self) -> PathBuf {
        let folder = self.0.join("stand-ins");
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir_all(self.0.join("etc/systemd/system")).unwrap();
        for (name, script) in [("apt-get", NOTHING), ("runuser", RUNUSER), ("systemctl", SYSTEMCTL)] {
            let file = folder.join(name);
            fs::write(&file, script).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }
}

/// Replaces texts, each of which must occur.
fn replace_all(script: String, replacements: &[(&str, &str)]) -> String {
    replacements.iter().fold(script, |script, (text, by)| {
        assert!(script.contains(text), "{text} is not in the commands");
        script.replace(text, by)
    })
}

#[test]
fn the_commands_of_operations_lead_from_nothing_to_two_nodes_on_postgresql() {
    let programs = ["bash", "curl", "openssl", "objcopy", "sed"];
    if !DatabaseKind::Postgres.is_available() || !has_programs(&programs) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let installation = Installation(folder.path().to_owned());
    let (root, sources) = (folder.path().display().to_string(), workspace_root().display().to_string());
    let postgres = std::env::var("MM_TEST_POSTGRES_URL").unwrap();
    let postgres = postgres.split_once('@').unwrap().1.split('/').next().unwrap();
    let (host, port) = postgres.split_once(':').unwrap();
    let (one, other) = (Port::free(), Port::free());
    let (database, role) = (unique("mm_two_nodes").replace('-', "_"), unique("mm_role").replace('-', "_"));
    let install = format!("DESTDIR={root} {sources}/docs/deploy/install.sh {}", binary().display());
    let script = replace_all(
        code_blocks(&page("docs/operations.md"), "bash"),
        &[
            ("cp docs/deploy/", &format!("cp {sources}/docs/deploy/")),
            ("make install", &install),
            ("/etc/", &format!("{root}/etc/")),
            ("ROLE message_manager ", &format!("ROLE {role} ")),
            ("--owner=message_manager message_manager", &format!("--owner={role} {database}")),
            ("postgres://message_manager:", &format!("postgres://{role}:")),
            ("@127.0.0.1:5432/message_manager", &format!("@{postgres}/{database}")),
            ("8081", &one.number.to_string()),
            ("8082", &other.number.to_string()),
        ],
    );
    let psql = PathBuf::from(std::env::var("MM_TEST_PSQL").unwrap());
    let path = [
        installation.write_stand_ins(),
        folder.path().join("usr/local/bin"),
        psql.parent().unwrap().to_owned(),
        "/usr/local/bin".into(),
        "/usr/bin".into(),
        "/bin".into(),
    ];
    let finished = Command::new("bash")
        .args(["-c", &format!("set -euo pipefail\n{script}\necho\necho \"RESULT $TOKEN $CONVERSATION\"")])
        .current_dir(folder.path())
        .env_clear()
        .envs([("ROOT", root.as_str()), ("PGHOST", host), ("PGPORT", port), ("PGUSER", "postgres")])
        .env("PATH", std::env::join_paths(&path).unwrap())
        .output()
        .unwrap();
    let (text, faults) = (String::from_utf8_lossy(&finished.stdout), String::from_utf8_lossy(&finished.stderr));
    assert!(finished.status.success(), "{}\n{text}\n{faults}", finished.status);
    assert!(text.contains(r#""username":"ann","name":"Ann Smith""#), "{text}");
    assert!(text.matches(r#""content":"Your room is ready.""#).count() == 2, "{text}");
    check_installed_files(folder.path());
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT ")).unwrap();
    let (token, conversation) = result.split_once(' ').unwrap();
    runtime().block_on(assert_messages_cross(&one, &other, token, conversation.parse().unwrap()));
}

/// The program is stripped and finds its debug symbols; the settings are for their owner only.
fn check_installed_files(root: &Path) {
    let size = |name: &str| fs::metadata(root.join("usr/local/bin").join(name)).unwrap().len();
    let (program, symbols) = (size("message-manager"), size(".debug/message-manager.debug"));
    assert!(program + symbols / 2 < fs::metadata(binary()).unwrap().len(), "the program is not stripped");
    assert!(symbols > 1024 * 1024, "the debug symbols are missing");
    let mode = fs::metadata(root.join("etc/message-manager.env")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Follows a conversation on one node while a message is sent on the other.
async fn assert_messages_cross(sender: &Port, receiver: &Port, token: &str, conversation: i64) {
    let mut request = format!("ws://{}/ws/staff/", receiver.address()).into_client_request().unwrap();
    request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().unwrap());
    let (mut socket, _) = connect_async(request).await.unwrap();
    let subscribe =
        json!({ "command": "subscribe_to_conversation", "conversation_id": conversation, "request_id": "s" });
    socket.send(Message::text(subscribe.to_string())).await.unwrap();
    let mut next = async |wanted: &str| -> Value {
        loop {
            let received = timeout(Duration::from_secs(30), socket.next()).await.expect("no event");
            let Message::Text(text) = received.unwrap().unwrap() else { continue };
            let event: Value = serde_json::from_str(&text).unwrap();
            if event["type"] == wanted {
                return event;
            }
        }
    };
    next("ack").await;
    let url = format!("http://{}/api/message_manager/conversations/{conversation}/send_message/", sender.address());
    let body = json!({ "text": "Crossing nodes." });
    let response = http().no_proxy().build().unwrap().post(url).bearer_auth(token).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(next("new_message").await["content"], "Crossing nodes.");
}
