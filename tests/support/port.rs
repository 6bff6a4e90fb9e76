//! A port for a server that comes and goes.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A port of this machine that no other test takes, also while its server is stopped.
///
/// It is below the range that the system hands out to clients, and its number is held for UDP, which no
/// server here uses.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    _held: UdpSocket,
}

impl Port {
    /// One that nobody listens on.
    pub fn free() -> Self {
        let numbers = std::iter::repeat_with(|| rand::random_range(20_000..30_000)).take(100);
        numbers.into_iter().find_map(Self::hold).expect("no free port")
    }

    fn hold(number: u16) -> Option<Self> {
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok().then_some(Self { number, _held: held })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}
