//! Reserves a port for a server that is stopped and started again.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A TCP port of loopback that no other test takes, even while its server is stopped.
///
/// It is below the range that the system assigns to clients. The UDP port of the same number, which no server here uses,
/// is bound until the drop and so reserves it.
#[derive(Debug)]
pub struct Port {
    pub number: u16,
    _reservation: UdpSocket,
}

impl Port {
    /// Reserves a port without a listener.
    pub fn free() -> Self {
        let numbers = std::iter::repeat_with(|| rand::random_range(20_000..30_000)).take(100);
        numbers.into_iter().find_map(Self::reserve).expect("no free port")
    }

    fn reserve(number: u16) -> Option<Self> {
        let reservation = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        let is_free = TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok();
        is_free.then_some(Self { number, _reservation: reservation })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}
