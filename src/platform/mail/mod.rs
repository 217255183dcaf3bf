//! The port for mails: hands one to whoever delivers it.
//!
//! Whoever takes a mail may take it twice, when an answer is lost and it is sent again: both times it has
//! the same id, so that it can be known for the same.

#[cfg(any(test, target_arch = "wasm32"))]
mod mime;
#[cfg(any(test, target_arch = "wasm32"))]
pub(super) mod provider;

use std::fmt;

use super::BoxFuture;
use crate::time::Timestamp;

#[cfg(target_arch = "wasm32")]
pub(super) use mime::mime;

/// The name and address that mails come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The name shown; empty if there is none.
    pub name: String,
    /// The address.
    pub address: String,
}

/// The address as RFC 5322 writes it in `From`, the name in quotes if there is one.
impl fmt::Display for Sender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address } = self;
        if name.is_empty() {
            return formatter.write_str(address);
        }
        // `Sender::parse` lets neither of the two characters in that would need an escape.
        write!(formatter, "\"{name}\" <{address}>")
    }
}

impl Sender {
    /// Reads `Name <address>` or an address alone. `None` if it is neither, or if a character in it could
    /// end the header that it will stand in, or the name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(named) => named.split_once('<')?,
            None => ("", text),
        };
        let name = name.trim();
        let unfit = |character: char| character.is_control() || "\"\\<>".contains(character);
        if name.contains(unfit) || !is_address(address) {
            return None;
        }
        Some(Self {
            name: name.to_owned(),
            address: address.to_owned(),
        })
    }

    /// What stands behind the `@` of the address.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.rsplit('@').next().unwrap_or_default()
    }
}

/// Whether a text is an address that may stand in a header as it is.
fn is_address(text: &str) -> bool {
    let ends_it = |character: char| {
        character.is_control() || character.is_whitespace() || "<>,;:\"\\()[]".contains(character)
    };
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    }) && text.is_ascii()
        && !text.contains(ends_it)
}

/// Who delivers the mails of a deployment.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
    /// The platform itself.
    Binding,
    /// A provider that takes them over HTTP.
    Http {
        /// Where it takes them.
        url: String,
        /// What shows that Kith may send; a secret.
        key: String,
    },
}

/// A mail on its way. It holds what opens an account, so nothing shows it but a test.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct OutgoingMail {
    /// The letter's own id: the same each time that it is sent.
    pub id: String,
    /// Its `Message-ID`, without the brackets: likewise.
    pub message_id: String,
    /// Whom it comes from.
    pub from: Sender,
    /// The one address that it goes to.
    pub to: String,
    /// When it is sent.
    pub date: Timestamp,
    /// What it is about, in one line.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// The same with markup.
    pub html: String,
}

impl OutgoingMail {
    /// Refuses a mail with something in its head that could begin another header or add a recipient. Kith
    /// composes none: this is the last door, and every adapter goes through it.
    ///
    /// # Errors
    /// [`MailError::Refused`].
    pub fn check(&self) -> Result<(), MailError> {
        let lines = [&self.subject, &self.from.name];
        let breaks = lines.iter().any(|line| line.contains(char::is_control));
        let addresses = [&self.to, &self.from.address, &self.message_id];
        if breaks || !addresses.into_iter().all(|address| is_address(address)) {
            return Err(MailError::Refused("its head is not sound".to_owned()));
        }
        Ok(())
    }
}

/// Why a mail was not taken. The text is for the log: it says nothing that stands in the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailError {
    /// It will never be taken.
    Refused(String),
    /// It may be taken later, or was taken and the answer is lost.
    Unavailable(String),
    /// Whoever takes mails has too many at present.
    Busy(String),
}

impl fmt::Display for MailError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(cause) => write!(formatter, "mail refused: {cause}"),
            Self::Unavailable(cause) => write!(formatter, "mail not taken: {cause}"),
            Self::Busy(cause) => write!(formatter, "mail not taken yet: {cause}"),
        }
    }
}

/// Sends mails, each at least once, and answers within a bounded time.
pub trait Mail: Send + Sync {
    /// Hands a mail over.
    ///
    /// # Errors
    /// When it was not taken, or may not have been.
    fn send<'a>(
        &'a self,
        by: &'a Transport,
        mail: &'a OutgoingMail,
    ) -> BoxFuture<'a, Result<(), MailError>>;
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::platform) fn example() -> OutgoingMail {
        OutgoingMail {
            id: "01890000-0000-7000-8000-000000000001".into(),
            message_id: "01890000-0000-7000-8000-000000000001@kith.example".into(),
            from: Sender::parse("Kith <no-reply@kith.example>").unwrap(),
            to: "asha@example.com".into(),
            date: Timestamp::from_millis(1_795_162_020_000),
            subject: "Grüße".into(),
            text: "Hello – https://kith.example/verify-email#token=abc\r\n".into(),
            html: "<p>Hello – <a href=\"https://kith.example/verify-email#token=abc\">go</a></p>\n"
                .into(),
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        let read = |text| Sender::parse(text).map(|sender| sender.to_string());
        assert_eq!(read("a@b.example").unwrap(), "a@b.example");
        assert_eq!(read(" <a@b.example>").unwrap(), "a@b.example");
        assert_eq!(
            read("Käth <a@b.example>").unwrap(),
            "\"Käth\" <a@b.example>"
        );
        for unfit in [
            "",
            "Kith",
            "Kith <>",
            "Kith <a@b.example",
            "Kith <a@>",
            "Kith <@b>",
            "Kith <a@b> c@d",
            "Ki\r\nBcc: x@y.example <a@b.example>",
            "Ki\"th <a@b.example>",
            "Ki\\ <a@b.example>",
            "Kith <a@b, c@d>",
            "Kith <a @b>",
            "a@b\n",
            "a\n@b",
        ] {
            let read = Sender::parse(unfit);
            assert_eq!(read.is_some(), unfit == "a@b\n", "{unfit:?}");
        }
    }

    #[test]
    fn a_mail_whose_head_could_say_more_is_refused() {
        assert_eq!(example().check(), Ok(()));
        let changes: [fn(&mut OutgoingMail); 7] = [
            |mail| mail.to = "asha@example.com\r\nBcc: ben@example.com".into(),
            |mail| mail.to = "asha@example.com, ben@example.com".into(),
            |mail| mail.to = "asha".into(),
            |mail| mail.subject.push('\n'),
            |mail| mail.from.name.push('\r'),
            |mail| mail.from.address.push('\0'),
            |mail| mail.message_id.push_str(">\r\nX: <a@b"),
        ];
        for change in changes {
            let mut mail = example();
            change(&mut mail);
            assert!(matches!(mail.check(), Err(MailError::Refused(_))));
        }
    }
}
