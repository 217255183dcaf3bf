//! Whom a limit takes for one client: the address that the platform names, folded.

use std::net::IpAddr;

use http::HeaderMap;

use crate::http::headers::CF_CONNECTING_IP;

/// The subject of all requests for which the platform names no address: together they have one quota.
const UNKNOWN: &str = "unknown";

/// The client's address as a subject of limits. Only the platform says it: what a client writes into
/// `X-Forwarded-For` or the like is nobody's word.
pub fn client_address(headers: &HeaderMap) -> String {
    let address = headers.get(CF_CONNECTING_IP);
    address
        .and_then(|address| address.to_str().ok())
        .map_or_else(|| UNKNOWN.to_owned(), fold)
}

/// An IPv6 address counts by its /64, which is what one household or machine is given, and could
/// otherwise take as many quotas from as there are addresses in it. One that stands for an IPv4
/// address is that.
fn fold(address: &str) -> String {
    match address.trim().parse() {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => address.to_ipv4_mapped().map_or_else(
            || {
                let [one, two, three, four, ..] = address.segments();
                format!("{one:x}:{two:x}:{three:x}:{four:x}::/64")
            },
            |address| address.to_string(),
        ),
        Err(_) => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::HeaderName;

    use super::*;

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(fold("203.0.113.7"), "203.0.113.7");
        assert_eq!(fold(" 203.0.113.7 "), "203.0.113.7");
        assert_eq!(fold("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(fold("::FFFF:cb00:7107"), "203.0.113.7");
        assert_eq!(fold("2001:DB8:0:1::1"), "2001:db8:0:1::/64");
        assert_eq!(fold("2001:db8::1:2:3:4:5"), "2001:db8:0:1::/64");
        assert_ne!(fold("2001:db8:0:2::1"), fold("2001:db8:0:1::1"));
    }

    #[test]
    fn what_is_no_address_is_one_subject() {
        for text in [
            "",
            "203.0.113.7, 198.51.100.1",
            "203.0.113.256",
            "x",
            "fe80::1%eth0",
        ] {
            assert_eq!(fold(text), UNKNOWN, "{text}");
        }
        assert_eq!(client_address(&HeaderMap::new()), UNKNOWN);
    }

    #[test]
    fn only_the_platform_says_who_it_is() {
        let header = |name: &'static str, value| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        let headers = HeaderMap::from_iter([
            header("x-forwarded-for", "198.51.100.1"),
            header("x-real-ip", "198.51.100.1"),
            header("forwarded", "for=198.51.100.1"),
            header("cf-connecting-ip", "203.0.113.7"),
        ]);
        assert_eq!(client_address(&headers), "203.0.113.7");
    }
}
