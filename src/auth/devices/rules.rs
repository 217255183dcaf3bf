//! What makes two sign-ins one device's. Pure: no database, no clock.

/// The network of a client whose address, as limits tell addresses apart, is `client`: 16 bits of an IPv4
/// address, 32 of an IPv6 address. That is about one provider in one region, so that a phone on its way, or a home whose
/// address changes each night, stays what it is.
pub(super) fn network(client: &str) -> String {
    let separator = if client.contains(':') { ':' } else { '.' };
    let mut parts = client.split(separator);
    match (parts.next(), parts.next()) {
        (Some(one), Some(two)) => format!("{one}{separator}{two}"),
        // Whoever has no address is in one network, as they have one quota.
        _ => client.to_owned(),
    }
}

/// What a program calls itself (RFC 9110, section 10.1.5), without its versions: an update makes no new
/// device of it.
pub(super) fn family(user_agent: &str) -> String {
    let mut family = String::with_capacity(user_agent.len());
    let mut is_version = false;
    for character in user_agent.chars() {
        if character == '/' {
            is_version = true;
        } else if character.is_whitespace() || matches!(character, ';' | ',' | '(' | ')') {
            is_version = false;
        }
        let tells = character.is_alphabetic() || matches!(character, ';' | ',' | '(' | ')' | ' ');
        if !is_version && tells {
            family.extend(character.to_lowercase());
        }
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_what_a_provider_gives_a_region() {
        assert_eq!(network("203.0.113.7"), "203.0");
        assert_eq!(network("203.0.9.1"), "203.0");
        assert_ne!(network("203.1.113.7"), "203.0");
        assert_eq!(network("2001:db8:0:1::/64"), "2001:db8");
        assert_eq!(network("2001:db8:ffff:1::/64"), "2001:db8");
        assert_ne!(network("2001:db9:0:1::/64"), "2001:db8");
        assert_eq!(network("unknown"), "unknown");
    }

    #[test]
    fn an_update_makes_no_new_device() {
        let same = [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0.1 Mobile/22A3370 Safari/604.1",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/119.0",
                "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0b9",
            ),
            ("kith-ios/2.4.1", "kith-ios/3.0.0-beta+77"),
            ("Kith 1.0", "kith 2"),
        ];
        for (before, after) in same {
            assert_eq!(family(before), family(after));
        }
    }

    #[test]
    fn another_program_or_system_is_another_device() {
        let firefox =
            |system: &str| format!("Mozilla/5.0 ({system}; rv:130.0) Gecko/20100101 Firefox/130.0");
        let programs = [
            firefox("X11; Linux x86_64"),
            firefox("Windows NT 10.0; Win64; x64"),
            firefox("Macintosh; Intel Mac OS X 10.15"),
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36".to_owned(),
            "curl/8.9.1".to_owned(),
            String::new(),
        ];
        for (place, one) in programs.iter().enumerate() {
            for other in programs.iter().skip(place + 1) {
                assert_ne!(family(one), family(other));
            }
        }
    }

    #[test]
    fn any_text_is_some_family() {
        assert_eq!(family("///"), "");
        assert_eq!(family("17.4"), "");
        assert_eq!(family("Ünïcode/1 (β; \u{130})"), "ünïcode (β; i\u{307})");
    }
}
