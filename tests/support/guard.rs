//! Guards: small processes that clean up after a test process that was killed.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
};

/// Runs a shell script when the process that created the guard ends, even by SIGKILL.
///
/// The guard is a shell that waits for the end of its standard input, whose other end only the creator holds. It has a
/// process group of its own: Ctrl-C, or a signal to the whole group of the tests, must not end it first. A drop dismisses
/// it: the script does not run.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Guard {
    /// The script gets the arguments as `$0`, `$1`, and so on.
    pub fn new<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Self {
        let mut shell = Command::new("sh")
            .args(["-c", &format!("cat >/dev/null; {script}")])
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let input = shell.stdin.take();
        Self { shell, input }
    }

    /// Kills a server process and removes its folder.
    pub fn of_server(process_id: u32, folder: &std::path::Path) -> Self {
        let process_id = process_id.to_string();
        Self::new("kill -KILL \"$0\"; sleep 0.2; rm -rf \"$1\"", &[process_id.as_ref(), folder.as_os_str()])
    }

    /// Runs the script now and waits for its end.
    pub fn run(mut self) {
        drop(self.input.take());
        let _ = self.shell.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}
