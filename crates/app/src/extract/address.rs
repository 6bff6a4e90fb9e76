//! From where a request comes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The client's address: the peer's; where that is a trusted proxy, what it says of whom it had
/// the request from, back to the first that is none.
pub fn client_address(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |it| it.ip());
    let told = request.headers().get_all("X-Forwarded-For").filter_map(|it| it.to_str().ok());
    let hops: Vec<&str> = told.flat_map(|it| it.split(',')).collect();
    behind(peer, &hops, trusted)
}

/// The rightmost hop that is no trusted proxy. What stands left of it anybody may have written.
fn behind(peer: IpAddr, hops: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    for hop in hops.iter().rev() {
        if !trusted.iter().any(|net| net.contains(&address)) {
            break;
        }
        let Some(next) = read(hop.trim()) else { break };
        address = next.to_canonical();
    }
    address
}

/// Some proxies write the port, too.
fn read(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|it| it.ip()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(peer: &str, hops: &[&str], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|it| it.parse().unwrap()).collect();
        behind(peer.parse().unwrap(), hops, &trusted).to_string()
    }

    #[test]
    fn nobody_but_a_trusted_proxy_is_believed() {
        assert_eq!(address("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(address("203.0.113.9", &["10.0.0.1"], &["192.0.2.0/24"]), "203.0.113.9");
        assert_eq!(address("192.0.2.1", &["203.0.113.9"], &["192.0.2.0/24"]), "203.0.113.9");
    }

    #[test]
    fn the_rightmost_untrusted_hop_counts() {
        let proxies = ["192.0.2.0/24", "10.0.0.0/8"];
        assert_eq!(address("192.0.2.1", &["1.1.1.1", " 203.0.113.9", "10.0.0.7 "], &proxies), "203.0.113.9");
        assert_eq!(address("192.0.2.1", &["10.0.0.8", "10.0.0.7"], &proxies), "10.0.0.8");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        assert_eq!(address("192.0.2.1", &["1.1.1.1", "unknown"], &["192.0.2.0/24"]), "192.0.2.1");
        assert_eq!(address("192.0.2.1", &[], &["192.0.2.0/24"]), "192.0.2.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        let trusted = ["192.0.2.0/24"];
        assert_eq!(address("::ffff:192.0.2.1", &["203.0.113.9:4711"], &trusted), "203.0.113.9");
        assert_eq!(address("192.0.2.1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
        assert_eq!(address("192.0.2.1", &["[2001:db8::1]"], &trusted), "2001:db8::1");
    }

    proptest! {
        #[test]
        fn whatever_is_said_without_trust_counts_for_nothing(hops in proptest::collection::vec(any::<String>(), 0..4)) {
            let hops: Vec<&str> = hops.iter().map(String::as_str).collect();
            prop_assert_eq!(address("203.0.113.9", &hops, &["192.0.2.0/24"]), "203.0.113.9");
            // With it, nothing makes it panic.
            let _ = address("192.0.2.1", &hops, &["0.0.0.0/0", "::/0"]);
        }
    }
}
