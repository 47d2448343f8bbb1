//! Ends a process group when the test process itself is gone, however it went.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::Pid;

/// Waits for the end of its input, which the kernel brings about when the test process dies, and
/// then kills the group.
const SCRIPT: &str = r#"read -r _; kill -s KILL -- "-$1""#;

/// Watches over one process group until dropped.
#[derive(Debug)]
pub(super) struct Guard(Child);

impl Guard {
    pub(super) fn watch(group: Pid) -> io::Result<Self> {
        let group = group.as_raw_nonzero().to_string();
        Command::new("/bin/sh")
            .args(["-c", SCRIPT, "guard", &group])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(Self)
    }

    /// What the kernel does when the test process dies.
    #[cfg(test)]
    pub(super) fn close_input(&mut self) {
        drop(self.0.stdin.take());
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The input stays open until the shell is gone, so it never gets to its second command.
        let _ = self.0.kill();
        let input = self.0.stdin.take();
        let _ = self.0.wait();
        drop(input);
    }
}
