//! News that no route leads to yet, left in the outbox as their cause will leave them. Who may not be told of
//! it is among those who are named: that is judged when it is delivered.

use kith::id::JobId;
use kith::platform::{Clock, Value};

use crate::model::{Id, Job, MODERATION, Model, News, Task};
use crate::world::World;

/// How many jobs may be left when another is.
const MOST_LEFT: usize = 30;

impl World {
    /// Something happened between two people, or to a post.
    pub fn spread_news(&self, one: &str, other: &str, post: Option<&Id>) {
        let kind = self.chaos.below(6);
        let news = draw(&self.state().model, kind, [one, other], post);
        if let Some(news) = news.filter(|news| news.actor.as_ref() != Some(&news.recipient)) {
            self.leave_job(Task::Tell(news));
        }
    }

    /// What hangs on a post that the moderators removed is to be tidied up.
    pub fn leave_removal(&self, post: &Id) {
        let author = self.state().model.posts[post].author.clone();
        self.leave_job(Task::PostDeleted {
            post: post.clone(),
            author,
        });
    }

    /// A job whose message was lost; no more of them than one sweep takes.
    fn leave_job(&self, task: Task) {
        if self.jobs_left() >= MOST_LEFT {
            return;
        }
        let id = JobId::generate(&self.clock, self.random.as_ref()).to_string();
        let now = self.clock.now();
        let payload = task.payload();
        self.write(
            "insert into jobs (id, payload, request_id, trace_id, due_at, created_at)
             values (?1, ?2, '', '', ?3, ?3)",
            &[
                Value::from(id.as_str()),
                Value::from(payload.to_string()),
                Value::from(now),
            ],
        );
        let job = Job {
            task,
            attempts: 0,
            due_at: Some(now.millis()),
            dead: false,
            created_at: now,
            leased_until: None,
            failures: 0,
        };
        let state = &mut *self.state();
        state.payloads.insert(id.clone(), payload);
        state.model.jobs.insert(id, job);
    }
}

fn draw(model: &Model, kind: u64, [one, other]: [&str; 2], post: Option<&Id>) -> Option<News> {
    let written = |kind, recipient: &str| {
        let post = post?;
        Some(News {
            kind,
            post: Some(post.clone()),
            actor: Some(model.posts[post].author.clone()),
            recipient: recipient.to_owned(),
        })
    };
    let done = |kind, post: Option<&Id>, actor: Option<&str>| News {
        kind,
        post: post.cloned(),
        actor: actor.map(str::to_owned),
        recipient: other.to_owned(),
    };
    match kind {
        0 => {
            let parent = model.posts[post?].reply_to.as_ref()?;
            let parent = &model.posts[parent];
            let kind = if parent.reply_to.is_none() {
                "comment"
            } else {
                "reply"
            };
            written(kind, &parent.author)
        }
        1 => written("mention", other),
        2 => Some(done("follow", None, Some(one))),
        3 => Some(done("follow_request", None, Some(one))),
        4 => Some(done(MODERATION, None, None)),
        _ => {
            let recipient = model.posts[post?].author.clone();
            Some(News {
                recipient,
                ..done(MODERATION, post, None)
            })
        }
    }
}
