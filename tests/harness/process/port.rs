//! Port numbers that no other test run on this machine will take.
//!
//! A process under test binds its own port, and again after it was killed, so a number must stay ours
//! while nothing listens on it. Asking the kernel for any free port doesn't give that: the moment the
//! probe closes, the next asker, or an outgoing connection, may get the same one. So:
//! 1. numbers come from below the range that the kernel hands out by itself (from 32768 on Linux);
//! 2. each is claimed with a lock on a file named by it, which the kernel lets go with its holder;
//! 3. only then is it tried, so that a foreign listener is noticed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail};

const NUMBERS: Range<u16> = 20_000..30_000;

/// A port of 127.0.0.1, reserved while this value lives: keep it as long as anything may bind it.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _claim: File,
}

impl Port {
    /// The port number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// 127.0.0.1 with this port.
    pub fn address(&self) -> SocketAddr {
        loopback(self.number)
    }
}

/// Reserves a free port of 127.0.0.1.
///
/// # Errors
/// All are taken, or the folder of claims can't be written.
pub fn free_port() -> Result<Port> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let user = rustix::process::getuid().as_raw();
    let claims = std::env::temp_dir().join(format!("smarthome-test-ports-{user}"));
    fs::create_dir_all(&claims).with_context(|| format!("create {}", claims.display()))?;

    let count = usize::from(NUMBERS.end - NUMBERS.start);
    // Runs start at different places, so that they seldom meet.
    let start = std::process::id() as usize * 37;
    for _ in 0..count {
        let next = usize::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let number = NUMBERS.clone().nth((start + next) % count);
        if let Some(number) = number
            && let Some(port) = claim(claims.join(number.to_string()), number)?
        {
            return Ok(port);
        }
    }
    bail!("no port from {NUMBERS:?} is free: end some of the processes that listen there")
}

fn claim(file: PathBuf, number: u16) -> Result<Option<Port>> {
    let claim = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .with_context(|| format!("open {}", file.display()))?;
    match claim.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("lock {}", file.display()));
        }
    }
    let free = TcpListener::bind(loopback(number)).is_ok();
    Ok(free.then_some(Port {
        number,
        _claim: claim,
    }))
}

fn loopback(number: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_while_it_is_held() {
        let ports: Vec<_> = (0..50).map(|_| free_port().unwrap()).collect();
        let numbers: HashSet<_> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), ports.len());
        TcpListener::bind(ports[0].address()).unwrap();
    }

    #[test]
    fn a_claimed_or_occupied_port_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let held = free_port().unwrap();
        let number = held.number();

        let first = claim(dir.path().join("x"), number).unwrap();
        assert!(first.is_some());
        assert!(claim(dir.path().join("x"), number).unwrap().is_none());
        drop(first);

        let _listener = TcpListener::bind(held.address()).unwrap();
        assert!(claim(dir.path().join("x"), number).unwrap().is_none());
    }
}
