//! A mail as RFC 5322 and the MIME standards write it, for who takes it in that form.

use encodify::qp;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

use super::OutgoingMail;

/// The whole message, in ASCII with CRLF. Its two versions say the same, the richer one last (RFC 2046,
/// section 5.1.4). The same mail gives the same bytes each time.
pub(in crate::platform) fn mime(mail: &OutgoingMail) -> String {
    let OutgoingMail { from, to, .. } = mail;
    let name = (!from.name.is_empty()).then_some(from.name.as_str());
    // `=_` stands in no quoted-printable text, so no line of a body can be taken for the boundary.
    let boundary = format!("=_{}", mail.id);
    let parts = ContentType::new("multipart/alternative").attribute("boundary", boundary);
    let versions = [("text/plain", &mail.text), ("text/html", &mail.html)];
    let versions = versions.map(|(kind, body)| {
        let body = qp::BODY.encode(body);
        MimePart::new(kind, BodyPart::Text(body.into())).transfer_encoding("quoted-printable")
    });
    let message = MessageBuilder::new()
        .from(Address::new_address(name, from.address.as_str()))
        .to(Address::new_address(None::<&str>, to.as_str()))
        .subject(mail.subject.as_str())
        .date(mail.date.seconds())
        .message_id(mail.message_id.as_str())
        // Who delivers may put an id of its own in place of the one above; this one stays.
        .header("X-Entity-Ref-ID", Raw::new(mail.id.as_str()))
        .body(MimePart::new(parts, versions.to_vec()));
    let mut bytes = Vec::new();
    message.serialize(&mut bytes);
    // Everything that is not ASCII has been encoded, so nothing is lost here.
    String::from_utf8_lossy(&bytes).into_owned()
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
