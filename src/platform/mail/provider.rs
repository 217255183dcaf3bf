//! What a provider that takes mails over HTTP is sent, and what its answers mean.

use serde_json::json;

use super::{MailError, OutgoingMail};

/// The body of the request, as JSON.
pub(in crate::platform) fn body(mail: &OutgoingMail) -> String {
    json!({
        "from": mail.from.to_string(),
        "to": [mail.to],
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": {"Message-ID": format!("<{}>", mail.message_id)},
    })
    .to_string()
}

/// What a status says of the mail. What a provider says against this one mail it will say again; anything
/// else, such as a key that was revoked or an address that is not the provider's, somebody can mend.
pub(in crate::platform) fn taken(status: u16) -> Result<(), MailError> {
    match status {
        200..=299 => Ok(()),
        400 | 413 | 422 => Err(MailError::Refused(format!("the provider answers {status}"))),
        429 => Err(MailError::Busy("the provider answers 429".to_owned())),
        _ => Err(MailError::Unavailable(format!(
            "the provider answers {status}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn a_provider_gets_what_the_mail_says() {
        let sent: serde_json::Value = serde_json::from_str(&body(&example())).unwrap();
        let mail = example();
        assert_eq!(
            sent,
            json!({
                "from": "\"Kith\" <no-reply@kith.example>",
                "to": ["asha@example.com"],
                "subject": "Grüße",
                "text": mail.text,
                "html": mail.html,
                "headers": {
                    "Message-ID": "<01890000-0000-7000-8000-000000000001@kith.example>",
                },
            })
        );
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        for status in [200, 202, 204] {
            assert_eq!(taken(status), Ok(()));
        }
        for status in [400, 413, 422] {
            assert!(
                matches!(taken(status), Err(MailError::Refused(_))),
                "{status}"
            );
        }
        // A redirect is not followed: it could take the key, and what opens an account, elsewhere.
        for status in [0, 301, 307, 401, 403, 408, 409, 410, 500, 502, 503, 599] {
            assert!(
                matches!(taken(status), Err(MailError::Unavailable(_))),
                "{status}"
            );
        }
    }
}
