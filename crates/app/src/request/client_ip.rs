//! IP address of the client, also behind trusted proxies (`X-Forwarded-For`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// Returns the IP address of the client: the address of the TCP peer or, if the peer is a trusted proxy, the last
/// address in `X-Forwarded-For` that is not a trusted proxy.
pub fn client_ip(request: &HttpRequest, trusted_proxies: &[IpNet]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |it| it.ip());
    let forwarded = request.headers().get_all("X-Forwarded-For").filter_map(|it| it.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|it| it.split(',')).collect();
    first_untrusted(peer, &hops, trusted_proxies)
}

/// Walks the addresses in `X-Forwarded-For` from right to left until one is not a trusted proxy. Addresses left of it
/// can be forged.
fn first_untrusted(peer: IpAddr, hops: &[&str], trusted_proxies: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    for hop in hops.iter().rev() {
        if !trusted_proxies.iter().any(|net| net.contains(&address)) {
            break;
        }
        let Some(next) = parse_hop(hop.trim()) else { break };
        address = next.to_canonical();
    }
    address
}

/// Parses one address in `X-Forwarded-For`, to which some proxies add a port or brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|it| it.ip()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(peer: &str, hops: &[&str], trusted: &[&str]) -> String {
        let trusted: Vec<IpNet> = trusted.iter().map(|it| it.parse().unwrap()).collect();
        first_untrusted(peer.parse().unwrap(), hops, &trusted).to_string()
    }

    #[test]
    fn forwarded_addresses_count_only_behind_a_trusted_proxy() {
        assert_eq!(address("203.0.113.9", &["10.0.0.1"], &[]), "203.0.113.9");
        assert_eq!(address("203.0.113.9", &["10.0.0.1"], &["192.0.2.0/24"]), "203.0.113.9");
        assert_eq!(address("192.0.2.1", &["203.0.113.9"], &["192.0.2.0/24"]), "203.0.113.9");
    }

    #[test]
    fn the_last_untrusted_address_is_the_client() {
        let proxies = ["192.0.2.0/24", "10.0.0.0/8"];
        assert_eq!(address("192.0.2.1", &["1.1.1.1", " 203.0.113.9", "10.0.0.7 "], &proxies), "203.0.113.9");
        assert_eq!(address("192.0.2.1", &["10.0.0.8", "10.0.0.7"], &proxies), "10.0.0.8");
    }

    #[test]
    fn an_invalid_address_ends_the_chain() {
        assert_eq!(address("192.0.2.1", &["1.1.1.1", "unknown"], &["192.0.2.0/24"]), "192.0.2.1");
        assert_eq!(address("192.0.2.1", &[], &["192.0.2.0/24"]), "192.0.2.1");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_parsed() {
        let trusted = ["192.0.2.0/24"];
        assert_eq!(address("::ffff:192.0.2.1", &["203.0.113.9:4711"], &trusted), "203.0.113.9");
        assert_eq!(address("192.0.2.1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
        assert_eq!(address("192.0.2.1", &["[2001:db8::1]"], &trusted), "2001:db8::1");
    }

    proptest! {
        #[test]
        fn without_a_trusted_proxy_the_header_is_ignored(hops in proptest::collection::vec(any::<String>(), 0..4)) {
            let hops: Vec<&str> = hops.iter().map(String::as_str).collect();
            prop_assert_eq!(address("203.0.113.9", &hops, &["192.0.2.0/24"]), "203.0.113.9");
            // If every address is a trusted proxy, no `X-Forwarded-For` may cause a panic.
            let _ = address("192.0.2.1", &hops, &["0.0.0.0/0", "::/0"]);
        }
    }
}
