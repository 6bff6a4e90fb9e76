//! A PostgreSQL of the soak's own: it has to be stopped, which no other test would bear.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use acceptance::Port;

/// A PostgreSQL. Dropped, it is stopped.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: Port,
    /// Stops the server, should this process die first.
    guard: Child,
}

impl Postgres {
    /// Makes an empty one in this folder and starts it.
    pub fn start(folder: &Path) -> Self {
        let programs = programs();
        let folder = folder.join("postgres");
        fs::create_dir(&folder).unwrap();
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(&folder).status().unwrap().success());
        }
        let data = folder.join("data");
        run(as_postgres(&programs.join("initdb")).arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]));
        let script = "cat >/dev/null; kill -INT \"$(head -n 1 \"$0\")\" 2>/dev/null; sleep 1; rm -rf \"$1\"";
        let guard = Command::new("sh")
            .args(["-c", script])
            .args([&data.join("postmaster.pid"), &folder])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let it = Self { programs, folder, port: Port::free(), guard };
        it.begin();
        it
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.port.address())
    }

    /// Starts it again.
    pub fn begin(&self) {
        // Killed nodes leave nothing behind that would need what was not flushed: without fsync it is faster.
        let (port, folder) = (self.port.number, self.folder.display());
        let options = format!("-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=200");
        let data = self.folder.join("data");
        let log = self.folder.join("log");
        run(as_postgres(&self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(data)
            .arg("-l")
            .arg(log)
            .args(["-o", &options, "-w", "start"]));
    }

    /// Stops it: connections are cut.
    pub fn end(&self) {
        run(as_postgres(&self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-m", "fast", "-w", "stop"]));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// The folder of PostgreSQL's programs: the newest of Debian's.
fn programs() -> PathBuf {
    if let Some(psql) = std::env::var_os("MM_TEST_PSQL") {
        return Path::new(&psql).parent().unwrap().to_owned();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is missing: apt-get install postgresql");
    let mut folders: Vec<PathBuf> = versions.map(|it| it.unwrap().path().join("bin")).collect();
    folders.sort();
    folders.pop().expect("PostgreSQL is missing: apt-get install postgresql")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)
}

/// PostgreSQL refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    // Not to a pipe: the server keeps it open, and nobody would ever see its end.
    let done = command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(done.success(), "{command:?}");
}
