//! Whoever takes mails, in memory: it can refuse, fail before or after it took one, and be slow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Timeline;
use crate::platform::{BoxFuture, Mail, MailError, OutgoingMail, Transport};

/// What becomes of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// It is taken.
    Taken,
    /// It is taken, after a while.
    Late(Duration),
    /// It is not taken, and may be later.
    Failed,
    /// It is taken, and nobody learns of it.
    Lost,
    /// It will never be taken.
    Refused,
}

/// A mailbox for all addresses.
pub struct MemoryMailbox {
    timeline: Arc<Timeline>,
    reception: Box<dyn Fn(&OutgoingMail) -> Reception + Send + Sync>,
    taken: Mutex<Vec<OutgoingMail>>,
}

impl MemoryMailbox {
    /// A mailbox in which each mail meets the reception that `reception` draws for it.
    #[must_use]
    pub fn new(
        timeline: Arc<Timeline>,
        reception: impl Fn(&OutgoingMail) -> Reception + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            timeline,
            reception: Box::new(reception),
            taken: Mutex::default(),
        })
    }

    /// Every mail that was taken, in that order; one that came twice stands here twice.
    #[must_use]
    pub fn taken(&self) -> Vec<OutgoingMail> {
        self.mails().clone()
    }

    fn mails(&self) -> MutexGuard<'_, Vec<OutgoingMail>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mail for MemoryMailbox {
    fn send<'a>(
        &'a self,
        _: &'a Transport,
        mail: &'a OutgoingMail,
    ) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            mail.check()?;
            let reception = (self.reception)(mail);
            if let Reception::Late(delay) = reception {
                self.timeline.sleep(delay).await;
            }
            let unavailable = |text: &str| Err(MailError::Unavailable(text.to_owned()));
            match reception {
                Reception::Failed => unavailable("the mailbox is closed"),
                Reception::Refused => Err(MailError::Refused("nobody lives there".to_owned())),
                Reception::Taken | Reception::Late(_) => {
                    self.mails().push(mail.clone());
                    Ok(())
                }
                Reception::Lost => {
                    self.mails().push(mail.clone());
                    unavailable("the mailbox does not answer")
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::platform::mail::tests::example;

    fn send(reception: Reception) -> (Result<(), MailError>, usize) {
        let mailbox = MemoryMailbox::new(Timeline::new(), move |_| reception);
        let sent = mailbox.send(&Transport::Binding, &example()).now_or_never();
        (sent.unwrap(), mailbox.taken().len())
    }

    #[test]
    fn a_mail_is_taken_or_not_whatever_is_answered() {
        assert_eq!(send(Reception::Taken), (Ok(()), 1));
        assert!(matches!(
            send(Reception::Failed),
            (Err(MailError::Unavailable(_)), 0)
        ));
        assert!(matches!(
            send(Reception::Lost),
            (Err(MailError::Unavailable(_)), 1)
        ));
        assert!(matches!(
            send(Reception::Refused),
            (Err(MailError::Refused(_)), 0)
        ));
    }

    #[test]
    fn a_late_mail_is_taken_in_the_end() {
        let timeline = Timeline::new();
        let late = Duration::from_secs(5);
        let mailbox = MemoryMailbox::new(timeline.clone(), move |_| Reception::Late(late));
        let mail = example();
        let mut sending = mailbox.send(&Transport::Binding, &mail);
        assert_eq!((&mut sending).now_or_never(), None);
        timeline.advance(late);
        assert_eq!(sending.now_or_never(), Some(Ok(())));
        assert_eq!(mailbox.taken().len(), 1);
    }
}
