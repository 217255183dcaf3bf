//! A mail as RFC 5322 and the MIME standards write it, for who takes it in that form: what Kith needs of
//! them, which is two texts and a short head.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::OutgoingMail;

/// The longest line of a quoted-printable text, without its break (RFC 2045, section 6.7).
const LINE: usize = 76;

/// The bytes that one encoded word holds at most: 52 characters of base64, so that a line holds them, what is
/// around them and the name of a header (RFC 2047, section 2).
const WORD: usize = 39;

/// The whole message, in ASCII with CRLF. Its two versions say the same, the richer one last (RFC 2046,
/// section 5.1.4). The same mail gives the same bytes each time.
pub(in crate::platform) fn mime(mail: &OutgoingMail) -> String {
    let OutgoingMail {
        id,
        message_id,
        from,
        to,
        ..
    } = mail;
    let name = phrase(&from.name);
    let head = [
        ("From", format!("{name}<{}>", one_line(&from.address))),
        ("To", format!("<{}>", one_line(to))),
        ("Subject", unstructured(&mail.subject)),
        ("Date", mail.date.in_mail()),
        ("Message-ID", format!("<{}>", one_line(message_id))),
        // Who delivers may put an id of its own in place of the one above; this one stays.
        ("X-Entity-Ref-ID", id.clone()),
        ("MIME-Version", "1.0".to_owned()),
        // `=_` stands in no quoted-printable text, so no line of a body can be taken for the boundary.
        (
            "Content-Type",
            format!("multipart/alternative;\r\n boundary=\"=_{id}\""),
        ),
    ];
    let mut message = String::new();
    for (name, value) in head {
        push(&mut message, &[name, ": ", &value, "\r\n"]);
    }
    for (kind, body) in [("text/plain", &mail.text), ("text/html", &mail.html)] {
        let encoded = quoted_printable(body);
        let part = [
            "\r\n--=_",
            id,
            "\r\nContent-Type: ",
            kind,
            "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
            &encoded,
        ];
        push(&mut message, &part);
    }
    push(&mut message, &["\r\n--=_", id, "--\r\n"]);
    message
}

fn push(message: &mut String, texts: &[&str]) {
    message.extend(texts.iter().copied());
}

/// A text that ends no header. [`OutgoingMail::check`] has refused any other before.
fn one_line(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

/// A name before an address, with a space after it if there is one.
fn phrase(name: &str) -> String {
    let name = one_line(name);
    match name.as_str() {
        "" => name,
        // `Sender::parse` lets no quote in.
        _ if name.is_ascii() && name.len() <= WORD => {
            format!("\"{}\" ", name.replace(['"', '\\'], ""))
        }
        _ => format!("{}\r\n ", encoded_words(&name)),
    }
}

/// The text of a header that is for people.
fn unstructured(text: &str) -> String {
    let text = one_line(text);
    if text.is_ascii() && text.len() <= WORD && !text.contains("=?") {
        return text;
    }
    encoded_words(&text)
}

/// A text as encoded words, each on a line of its own (RFC 2047).
fn encoded_words(text: &str) -> String {
    let mut words = vec![String::new()];
    for character in text.chars() {
        let full = words
            .last()
            .is_none_or(|word| word.len().saturating_add(character.len_utf8()) > WORD);
        if full {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    let encoded = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    let words: Vec<_> = words.iter().map(encoded).collect();
    words.join("\r\n ")
}

/// A text as quoted-printable (RFC 2045, section 6.7), with its line breaks as CRLF.
fn quoted_printable(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for (place, line) in text.lines().enumerate() {
        if place > 0 {
            encoded.push_str("\r\n");
        }
        let mut length = 0_usize;
        let mut bytes = line.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let at_the_end = bytes.peek().is_none();
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~')
                || (matches!(byte, b' ' | b'\t') && !at_the_end);
            let piece = if plain {
                char::from(byte).to_string()
            } else {
                format!("={byte:02X}")
            };
            // One is kept free for the soft break.
            if length.saturating_add(piece.len()) >= LINE {
                encoded.push_str("=\r\n");
                length = 0;
            }
            length = length.saturating_add(piece.len());
            encoded.push_str(&piece);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    /// The head, its folded lines unfolded, and the body.
    fn parts(message: &str) -> (Vec<String>, String) {
        let (head, body) = message.split_once("\r\n\r\n").unwrap();
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ");
        (head.split("\r\n").map(str::to_owned).collect(), body.into())
    }

    #[test]
    fn a_message_has_each_header_once_and_both_versions() {
        let message = mime(&example());
        let (mut head, body) = parts(&message);
        head.sort();
        assert_eq!(
            head,
            [
                "Content-Type: multipart/alternative; boundary=\"=_01890000-0000-7000-8000-000000000001\"",
                "Date: Fri, 20 Nov 2026 08:07:00 +0000",
                "From: \"Kith\" <no-reply@kith.example>",
                "MIME-Version: 1.0",
                "Message-ID: <01890000-0000-7000-8000-000000000001@kith.example>",
                "Subject: =?utf-8?B?R3LDvMOfZQ==?=",
                "To: <asha@example.com>",
                "X-Entity-Ref-ID: 01890000-0000-7000-8000-000000000001",
            ]
        );
        let boundary = "--=_01890000-0000-7000-8000-000000000001";
        let versions: Vec<_> = body.split(boundary).collect();
        assert_eq!(versions.len(), 4, "{body}");
        for (version, kind) in versions[1..].iter().zip(["text/plain", "text/html"]) {
            let (head, text) = version.split_once("\r\n\r\n").unwrap();
            assert!(
                head.contains(&format!("Content-Type: {kind}; charset=")),
                "{head}"
            );
            assert!(
                head.contains("Content-Transfer-Encoding: quoted-printable"),
                "{head}"
            );
            assert!(text.contains("Hello =E2=80=93"), "{text}");
            assert!(text.contains("#token=3Dabc"), "{text}");
        }
        assert_eq!(versions[3].trim_end(), "--");
        assert_eq!(mime(&example()), message);
    }

    #[test]
    fn a_message_is_ascii_in_lines_that_every_server_takes() {
        let mut mail = example();
        mail.subject = "ü".repeat(300);
        mail.from.name = "Käth".repeat(30);
        mail.text = format!(
            "{}\n.\nFrom here\n{}",
            "long ".repeat(500),
            "\u{1f40e}".repeat(500)
        );
        let message = mime(&mail);
        assert!(message.is_ascii());
        for line in message.split("\r\n") {
            assert!(line.len() <= 78, "{line}");
            assert!(!line.contains(['\r', '\n']), "{line:?}");
        }
    }

    #[test]
    fn no_text_makes_a_header_or_ends_its_part() {
        let boundary = "\r\n--=_01890000-0000-7000-8000-000000000001--\r\n";
        let mut mail = example();
        mail.subject = "Hi\r\nBcc: ben@example.com\r\n\r\nbody".into();
        mail.from.name = "Kith\r\nBcc: ben@example.com".into();
        mail.to = "asha@example.com\r\nBcc: ben@example.com".into();
        mail.text = format!("{boundary}Bcc: ben@example.com");
        let message = mime(&mail);
        let (head, body) = parts(&message);
        assert!(head.iter().all(|line| !line.starts_with("Bcc")), "{head:?}");
        let ends = body.matches("\r\n--=_01890000").count();
        // Before the second part and after it.
        assert_eq!(ends, 2, "{body}");
    }
}
