//! Origins: those whose pages may call Kith from a browser, and those that addresses begin with.

/// An allow-list of origins (RFC 6454), in the form in which a browser sends them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// This origin.
    Exact(String),
    /// This origin, up to and with the colon, at any port.
    AnyPort(String),
}

/// The hosts whose port may be left open: whoever holds a port there holds the machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl AllowedOrigins {
    /// Reads `https://app.example, http://localhost:*`. `None` if an entry is no origin, or leaves the
    /// port of another host than this machine open.
    #[must_use]
    pub fn parse(list: &str) -> Option<Self> {
        let entries = list.split(',').map(str::trim);
        let entries = entries.filter(|entry| !entry.is_empty()).map(Entry::parse);
        entries.collect::<Option<_>>().map(Self)
    }

    /// Whether pages of this origin may call.
    #[must_use]
    pub fn allow(&self, origin: &str) -> bool {
        self.0.iter().any(|entry| match entry {
            Entry::Exact(allowed) => allowed == origin,
            Entry::AnyPort(allowed) => origin.strip_prefix(allowed.as_str()).is_some_and(is_port),
        })
    }
}

impl Entry {
    fn parse(entry: &str) -> Option<Self> {
        let (scheme, authority) = entry.split_once("://")?;
        if !["http", "https"].contains(&scheme) {
            return None;
        }
        let ported = authority.rsplit_once(':');
        // The colons of an IPv6 address stand in brackets.
        let ported = ported.filter(|(_, port)| !port.ends_with(']'));
        let (host, port) = ported.map_or((authority, None), |(host, port)| (host, Some(port)));
        match port {
            Some("*") if LOOPBACK.contains(&host) => {
                Some(Self::AnyPort(format!("{scheme}://{host}:")))
            }
            // A browser leaves out the port that a scheme has anyway.
            Some("80") if scheme == "http" => None,
            Some("443") if scheme == "https" => None,
            Some(port) if !is_port(port) => None,
            _ => is_host(host).then(|| Self::Exact(entry.to_owned())),
        }
    }
}

/// An address of the web without a query: an origin, and a path perhaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebAddress<'a> {
    scheme: &'a str,
    /// The host, without a port.
    pub host: &'a str,
    /// Empty, or a slash and more.
    path: &'a str,
}

impl<'a> WebAddress<'a> {
    /// Reads `https://kith.example/app`. `None` if it is anything else.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest
            .find('/')
            .map_or((rest, ""), |slash| rest.split_at(slash));
        let origin = text.strip_suffix(path)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
        let is_exact = matches!(Entry::parse(origin), Some(Entry::Exact(_)));
        if !is_exact || !path.bytes().all(plain) {
            return None;
        }
        let ported = authority.rsplit_once(':');
        let ported = ported.filter(|(_, port)| !port.ends_with(']'));
        let host = ported.map_or(authority, |(host, _)| host);
        Some(Self { scheme, host, path })
    }

    /// Whether more can be written after it: it does not end in a slash.
    #[must_use]
    pub fn is_base(&self) -> bool {
        !self.path.ends_with('/')
    }

    /// Whether a secret may go there: nobody on the way can read it.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.scheme == "https" || LOOPBACK.contains(&self.host)
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && !text.starts_with('0')
        && text.parse::<u16>().is_ok()
}

/// A host as a browser writes it: lower case, in ASCII.
fn is_host(text: &str) -> bool {
    let inner = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_address_is_an_origin_with_a_path_or_without() {
        for (text, host, is_base, is_private) in [
            ("https://kith.example", "kith.example", true, true),
            ("https://kith.example/", "kith.example", false, true),
            ("http://kith.example:8080/a/b", "kith.example", true, false),
            ("http://localhost:8787", "localhost", true, true),
            ("http://[::1]:8025/emails", "[::1]", true, true),
            ("http://127.0.0.1/emails", "127.0.0.1", true, true),
            (
                "http://localhost.evil.example",
                "localhost.evil.example",
                true,
                false,
            ),
        ] {
            let address = WebAddress::parse(text).unwrap();
            let read = (address.host, address.is_base(), address.is_private());
            assert_eq!(read, (host, is_base, is_private), "{text}");
        }
        for text in [
            "",
            "kith",
            "kith.example",
            "https://",
            "https:///path",
            "ftp://kith.example",
            "https://asha@kith.example",
            "https://kith.example?to=x",
            "https://kith.example/#x",
            "https://kith.example/a b",
            "https://kith.example/\"><script>",
            "https://kith.example:443",
            "http://localhost:*",
            "https://kith.example\n",
        ] {
            assert_eq!(WebAddress::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_listed_is_allowed_and_nothing_that_looks_like_it() {
        let origins = AllowedOrigins::parse("https://app.example, https://b.example:8443").unwrap();
        assert!(origins.allow("https://app.example"));
        assert!(origins.allow("https://b.example:8443"));
        for other in [
            "http://app.example",
            "https://app.example:444",
            "https://app.example.evil.example",
            "https://evil-app.example",
            "https://sub.app.example",
            "https://APP.example",
            "https://b.example",
            "null",
            "",
        ] {
            assert!(!origins.allow(other), "{other}");
        }
        assert!(!AllowedOrigins::default().allow("https://app.example"));
    }

    #[test]
    fn this_machine_may_be_allowed_at_any_port() {
        let origins = AllowedOrigins::parse("http://localhost:*,http://[::1]:*").unwrap();
        assert!(origins.allow("http://localhost:5173"));
        assert!(origins.allow("http://[::1]:3000"));
        for other in [
            "http://localhost",
            "http://localhost:",
            "http://localhost:5173.evil.example",
            "http://localhost:99999",
            "http://localhost.evil.example:80",
            "https://localhost:5173",
        ] {
            assert!(!origins.allow(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for list in [
            "*",
            "app.example",
            "https://",
            "https://*",
            "https://*.example",
            "https://app.example/",
            "https://app.example:*",
            "https://app.example:443",
            "http://app.example:0",
            "https://App.example",
            "https://user@app.example",
            "file://app",
            "https://app.example b.example",
            "null",
        ] {
            assert_eq!(AllowedOrigins::parse(list), None, "{list}");
        }
        assert_eq!(
            AllowedOrigins::parse(" , "),
            Some(AllowedOrigins::default())
        );
    }
}
