//! What becomes of mails: how a job of one goes from hand to hand, and that each comes that must, and no
//! other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kith::platform::native::Reception;
use kith::platform::{BoxFuture, Mail, MailError, OutgoingMail, Transport};
use kith::time::Timestamp;

use crate::chaos::{self, Chaos, Point};
use crate::executor::pause;
use crate::model::{Id, Job, Model, Status, Task};
use crate::ports::Parcel;
use crate::scenarios::HANDLED_BY_THE_SWEEP;
use crate::world::{Run, World};

/// How long a job is in somebody's hands.
const LEASE: Duration = Duration::from_mins(1);

/// How long a job is put off, in seconds, by how often that was so before; by chance up to a quarter more.
const WAITS: [i64; 6] = [5, 300, 1_800, 7_200, 18_000, 36_000];

/// How long the link of a mail is good, by what the mail is about.
const LINKS: [(&str, Duration); 4] = [
    ("registration", Duration::from_hours(24)),
    ("verify_email", Duration::from_hours(24)),
    ("confirm_email", Duration::from_hours(24)),
    ("reset_password", Duration::from_hours(1)),
];

/// By how much an isolate's clock may be set back, at most, while it has a mail in its hands.
const SET_BACK: Duration = Duration::from_secs(30);

/// The longest time that a mail is on its way, in milliseconds: less than a provider may take.
const SLOWEST: u64 = 9_000;

/// What may lead to a mail that comes twice.
const DOUBLING: [Point; 7] = [
    chaos::MAIL_LOST,
    chaos::CRASH_MESSAGE,
    chaos::CRASH_CHORE,
    chaos::CLOCK_AHEAD,
    chaos::CLOCK_BACK,
    chaos::TIME_PASSES,
    // To learn of a key an isolate begins anew, whatever it had in its hands.
    chaos::KEYS_KNOWN,
];

/// What becomes of a mail that is sent.
pub fn draw_reception(chaos: &Chaos) -> Reception {
    let of_points = [
        (chaos::MAIL_REFUSED, Reception::Refused),
        (chaos::MAIL_FAILS, Reception::Failed),
        (chaos::MAIL_LOST, Reception::Lost),
        (
            chaos::MAIL_SLOW,
            Reception::Late(Duration::from_millis(1 + chaos.below(SLOWEST))),
        ),
    ];
    let struck = of_points
        .into_iter()
        .find(|(point, _)| chaos.strikes(*point));
    struck.map_or(Reception::Taken, |(point, reception)| {
        chaos.struck(point);
        reception
    })
}

/// The way to the mailbox and back.
pub struct Postman(pub Arc<World>);

impl Mail for Postman {
    fn send<'a>(
        &'a self,
        by: &'a Transport,
        mail: &'a OutgoingMail,
    ) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(async move {
            let world = &self.0;
            pause().await;
            let sent = world.mailbox.send(by, mail).await;
            world.note(|| format!("  mail {}: {sent:?}", mail.id));
            world.dawdle().await;
            sent
        })
    }
}

/// A job's state as it is stored: until when it is in somebody's hands or put off, when it is due, how
/// often it was put off, and whether it is dead.
type Stored = (Option<i64>, Option<i64>, i64, bool);

/// What a batch of a run makes of a mail's job that is now `stored`; the job as it was if the run may do
/// nothing of the kind.
pub fn after_step(run: &mut Run, parcel: &Parcel, id: &str, job: &Job, stored: Stored) -> Job {
    let now = parcel.sent.millis();
    let mut next = job.clone();
    let (leased, due, failures, dead) = stored;
    let until = parcel.sent.plus(LEASE).millis();
    let free = !job.dead && job.leased_until.is_none_or(|until| until <= now);
    let holds = run
        .leases
        .get(id)
        .is_some_and(|held| Some(*held) == job.leased_until);
    if free && (leased, due, failures, dead) == (Some(until), Some(until), job.failures, false) {
        run.leases.insert(id.to_owned(), until);
        next.leased_until = leased;
        next.due_at = due;
    } else if holds && !job.dead && dead && leased.is_none() {
        next.leased_until = None;
        next.due_at = None;
        next.dead = true;
    } else if holds && !job.dead && failures == job.failures + 1 && leased == due {
        let wait = usize::try_from(job.failures)
            .ok()
            .and_then(|place| WAITS.get(place));
        let waited = leased.unwrap_or_default() - now;
        // What was drawn is added in milliseconds, to a moment that may be a little before this one.
        let right = wait.is_some_and(|wait| (wait * 990..=wait * 1_250).contains(&waited));
        if right {
            next.leased_until = leased;
            next.due_at = due;
            next.failures = failures;
        }
    }
    next
}

/// The address to which the mail of this job is to be sent, if it is to be sent as things stand.
pub fn addressee(model: &Model, job: &Job, now: Timestamp) -> Option<String> {
    let Task::Letter(letter) = &job.task else {
        return None;
    };
    let text = |name: &str| letter[name].as_str().unwrap_or_default();
    let user = || model.users.get(text("user_id"));
    let active = || user().filter(|user| user.status == Status::Active);
    match text("letter") {
        "registration" => {
            let registration = model.registrations.get(text("registration_id"));
            let waits = registration.filter(|waiting| now < waiting.expires_at())?;
            // Whoever has an account with the address by now is told so, unless they may not act.
            let mut users = model.users.values();
            let owner = users.find(|user| user.email == waits.email);
            let may_act = owner.is_none_or(|owner| owner.status == Status::Active);
            may_act.then(|| waits.email.clone())
        }
        "verify_email" => active()
            .filter(|user| user.email_verified_at.is_none())
            .map(|user| user.email.clone()),
        "confirm_email" => {
            let address = text("new_email");
            let is_free = !model.users.values().any(|user| user.email == address);
            let version = letter["credential_version"].as_i64();
            active()
                .filter(|user| is_free && Some(user.credential_version) == version)
                .map(|_| address.to_owned())
        }
        // What has happened is told to the address of the time.
        "email_changed" => active().map(|_| text("old_email").to_owned()),
        "email_change_requested" | "password_changed" | "new_device" => {
            active().map(|_| text("email").to_owned())
        }
        "reset_password" => {
            let address = text("email");
            let mut users = model.users.values();
            let user = users.find(|user| user.email == address)?;
            (user.status == Status::Active).then(|| address.to_owned())
        }
        _ => None,
    }
}

/// Whether the mail of a job must have been sent by whoever deletes it now: its link, if it has one, was
/// still good.
fn is_in_time(job: &Job, now: Timestamp) -> bool {
    let Task::Letter(letter) = &job.task else {
        return false;
    };
    let link = LINKS.iter().find(|(about, _)| letter["letter"] == *about);
    link.is_none_or(|(_, good_for)| now.plus(SET_BACK) < job.created_at.plus(*good_for))
}

impl World {
    /// Whoever has taken the job when a mail was wanted deletes it only if the mail was taken.
    pub fn check_mail_done(
        &self,
        wanted: bool,
        id: &Id,
        job: &Job,
        now: Timestamp,
    ) -> Option<String> {
        let sent = || self.mailbox.taken().iter().any(|mail| mail.id == *id);
        let missing = wanted && is_in_time(job, now) && !sent();
        missing.then(|| format!("the mail of the job {id} was never taken"))
    }

    /// What must hold of mails in the end: each belongs to a job, goes to an address that it was for, and has
    /// one id; it comes twice only after something that may lead to that; and no log line shows it.
    pub fn check_mails(&self, lines: &[String]) -> Vec<String> {
        let mails = self.mailbox.taken();
        let state = self.state();
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        let struck = self.chaos.all_struck();
        let may_double = struck.keys().any(|point| {
            let of_mails = point.is_of_mails() || point.site == HANDLED_BY_THE_SWEEP.name;
            DOUBLING.contains(point) || of_mails && point.fault.starts_with("D1")
        });
        for mail in &mails {
            let addresses = state.wanted.get(&mail.id);
            if addresses.is_none_or(|addresses| !addresses.contains(&mail.to)) {
                found.push(format!(
                    "a mail that nobody ought to have sent: {} to {}",
                    mail.id, mail.to
                ));
            }
            if mail.message_id != format!("{}@kith.example", mail.id) {
                found.push(format!(
                    "the mail {} is called {}",
                    mail.id, mail.message_id
                ));
            }
            if !seen.insert(&mail.id) && !may_double {
                found.push(format!("the mail {} has come twice", mail.id));
            }
            let token = mail.text.split("#token=").nth(1).unwrap_or_default();
            let token = token.split_whitespace().next();
            let shown = [Some(mail.to.as_str()), Some(mail.subject.as_str()), token];
            let tells = |line: &&String| shown.iter().flatten().any(|text| line.contains(*text));
            if let Some(line) = lines.iter().find(tells) {
                found.push(format!("the log shows a mail: {line}"));
            }
        }
        found
    }
}
