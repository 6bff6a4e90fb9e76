//! The PostgreSQL server of a soak, which is stopped and started while nodes use it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use acceptance::{Guard, Port};

/// Stops every server of the folder `$0` and removes it. A server that is just starting has no process id file yet, so
/// processes are found by their command line. SIGINT is the fast shutdown.
const CLEAN_UP: &str = r#"
for n in $(seq 1 100); do
    processes=$(grep -las -- "$0/dat[a]" /proc/[0-9]*/cmdline) || break
    for process in $processes; do
        folder=$(dirname "$process")
        if [ "$(cat "$folder/comm")" = postgres ]; then kill -INT "$(basename "$folder")"; fi
    done
    sleep 0.1
done
rm -rf "$0"
"#;

/// A PostgreSQL server with an empty database. A drop stops it; so does the end of this process, even by SIGKILL.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: Port,
    /// `None` only during the drop.
    guard: Option<Guard>,
}

impl Postgres {
    /// Creates a database cluster below this folder and starts it.
    pub fn start(folder: &Path) -> Self {
        let programs = programs();
        let folder = folder.join("postgres");
        fs::create_dir(&folder).unwrap();
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(&folder).status().unwrap().success());
        }
        let guard = Some(Guard::new(CLEAN_UP, &[&folder]));
        run(as_postgres(&programs.join("initdb")).arg("-D").arg(folder.join("data")).args([
            "-U",
            "postgres",
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]));
        let postgres = Self { programs, folder, port: Port::free(), guard };
        postgres.start_again();
        postgres
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/postgres", self.port.address())
    }

    /// Starts the server at the same address as before.
    pub fn start_again(&self) {
        // Without fsync it is faster. Killed nodes do not need it: only a crash of the machine loses what was not flushed.
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

    /// Stops the server and cuts all connections.
    pub fn stop(&self) {
        run(as_postgres(&self.programs.join("pg_ctl"))
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(["-m", "fast", "-w", "stop"]));
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.run();
        }
    }
}

/// The folder of PostgreSQL's programs: the newest version of Debian's packages.
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
    // Not to a pipe: the server inherits it and would keep it open.
    let status = command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
}
