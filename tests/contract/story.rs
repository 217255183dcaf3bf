//! The App's own batches, as it sends them: a story that goes through every statement Kith has. Told to
//! both databases like any other case, so that what holds of the cases holds of Kith.

use std::fmt::Write as _;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, USER_AGENT};
use http_body_util::BodyExt;
use kith::app::{App, Deployment};
use kith::http::body::Body;
use kith::id::JobId;
use kith::jobs;
use kith::mac::SecretKeys;
use kith::platform::native::{
    KeyValueStore, MemoryKeyValue, MemoryLog, MemoryMailbox, MemoryQueue, MemoryRateLimiter,
    Reception, SeededRandom, SpawnWith, Sqlite, Timeline, VirtualClock,
};
use kith::platform::{
    Batch, BoxFuture, CostMeter, Database, DatabaseError, OutgoingMail, Ports, StatementResult,
    Value,
};
use kith::time::Timestamp;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// 2026-11-20T08:07:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_795_162_020_000);

/// A batch as it was sent.
type Sent = Vec<(String, Vec<Value>)>;

/// Takes down every batch on its way to the database.
#[derive(Clone)]
struct Recording {
    database: Arc<Sqlite>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Recording {
    fn batch(&self, batch: Sent) -> Result<Vec<StatementResult>, String> {
        let statements = batch
            .iter()
            .map(|(sql, params)| (sql.as_str(), &params[..]));
        let statements: Vec<_> = statements.collect();
        let outcome = self.database.batch(&statements);
        drop(statements);
        self.sent.lock().unwrap().push(batch);
        outcome
    }
}

impl Database for Recording {
    fn run<'a>(
        &'a self,
        batch: &'a Batch,
    ) -> BoxFuture<'a, Result<Vec<StatementResult>, DatabaseError>> {
        let statements = batch.statements().iter();
        let sent = statements.map(|statement| (statement.sql.to_owned(), statement.params.clone()));
        let outcome = self.batch(sent.collect());
        let outcome = outcome.map_err(|text| DatabaseError::from_text(&text));
        Box::pin(std::future::ready(outcome))
    }
}

/// A deployment in which nothing goes wrong, and everything is done at once.
struct Kith {
    deployment: Arc<Deployment>,
    recording: Recording,
    timeline: Arc<Timeline>,
    queue: Arc<MemoryQueue>,
    ports: Ports,
}

/// What came of a request.
struct Answer {
    status: u16,
    etag: Option<String>,
    body: Json,
}

impl Answer {
    fn text(&self, pointer: &str) -> String {
        let value = self.body.pointer(pointer).and_then(Json::as_str);
        value
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.body))
            .to_owned()
    }
}

/// The hash of "a passphrase of one's own" with other parameters than today's.
const OLDER_HASH: &str = "$argon2id$v=19$m=4096,t=1,p=1$c2l4dGVlbiBieXRlcyBvZg$+iEfAqn7XM5qN2PN+j0UHBU4h2F6YYy5/ThM/Uvk6bQ";

/// A setting of one key that nobody can copy from here.
fn key_of(setting: &str) -> String {
    format!("k1:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(setting)))
}

fn setting(name: &str, reveals_email: bool) -> Option<String> {
    Some(match name {
        "ISSUER" => "https://kith.example".to_owned(),
        "AUDIENCE" => "kith".to_owned(),
        "SIGNING_KEYS" | "SECRET_KEYS" => key_of(name),
        "JOB_GRACE_SECONDS" => "30".to_owned(),
        "REVEAL_EMAIL" => u8::from(reveals_email).to_string(),
        "MAIL_TRANSPORT" => "binding".to_owned(),
        "MAIL_FROM" => "Kith <no-reply@kith.example>".to_owned(),
        "RATE_LIMITS" => "sign-in-name=2/900,registration-address=7/3600,session-password=3/900,\
            mail-address=2/3600"
            .to_owned(),
        _ => return None,
    })
}

/// One that is for development, or one that tells nobody who has an account.
fn deployment(reveals_email: bool) -> Arc<Deployment> {
    match Deployment::new(|name| setting(name, reveals_email)) {
        Ok(deployment) => Arc::new(deployment),
        Err(error) => panic!("the settings are unfit: {error}"),
    }
}

impl Kith {
    fn new(database: Sqlite) -> Self {
        let timeline = Timeline::new();
        let clock = Arc::new(VirtualClock::new(timeline.clone(), BEGINNING));
        let recording = Recording {
            database: Arc::new(database),
            sent: Arc::default(),
        };
        let queue = MemoryQueue::new(timeline.clone(), 9, || vec![Duration::ZERO]);
        let key_value = MemoryKeyValue::new(KeyValueStore::new(), timeline.clone());
        let at_once = |work: BoxFuture<'static, ()>| work.now_or_never().unwrap();
        let ports = Ports {
            database: Arc::new(recording.clone()),
            key_value: Arc::new(key_value),
            queue: queue.clone(),
            mail: MemoryMailbox::new(timeline.clone(), reception),
            rate_limiter: Arc::new(MemoryRateLimiter::new(clock.clone(), |_| {
                (u32::MAX, Duration::from_mins(1))
            })),
            clock,
            random: Arc::new(SeededRandom::new(7)),
            log: Arc::new(MemoryLog::default()),
            background: Arc::new(SpawnWith(at_once)),
            cost: Arc::new(CostMeter::default()),
            reached: Arc::default(),
        };
        Self {
            deployment: deployment(true),
            recording,
            timeline,
            queue,
            ports,
        }
    }

    /// The same, as a deployment that tells nobody who has an account.
    fn discreet(self) -> Self {
        Self {
            deployment: deployment(false),
            ..self
        }
    }

    fn app(&self) -> App {
        App::new(self.deployment.clone(), self.ports.clone())
    }

    fn send(&self, request: Request<Body>) -> Answer {
        let ports = || self.ports.clone();
        let response = self
            .deployment
            .serve(request, ports)
            .now_or_never()
            .unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().now_or_never().unwrap().unwrap().to_bytes();
        let etag = head.headers.get(ETAG);
        Answer {
            status: head.status.as_u16(),
            etag: etag.map(|tag| tag.to_str().unwrap().to_owned()),
            body: serde_json::from_slice(&body).unwrap_or(Json::Null),
        }
    }

    /// Asks what must be answered with `status`; by nobody if `token` is empty.
    fn ask(
        &self,
        status: u16,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Json>,
    ) -> Answer {
        let uri = if path.starts_with("/health") {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        let mut request = Request::builder().method(method).uri(uri);
        if !token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let answer = self.send(request.unwrap());
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        answer
    }

    fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(200, "GET", path, token, None)
    }

    fn register(&self, username: &str) -> Person {
        let body = json!({
            "username": username,
            "email": format!("{username}@example.com"),
            "password": "a passphrase of one's own",
        });
        let answer = self.ask(201, "POST", "/auth/register", "", Some(body));
        Person {
            id: answer.text("/user/id"),
            token: answer.text("/access_token"),
            refresh_token: answer.text("/refresh_token"),
        }
    }

    /// What has no route yet.
    fn by_hand(&self, sql: &str, params: Vec<Value>) {
        self.recording
            .batch(vec![(sql.to_owned(), params)])
            .unwrap();
    }

    /// A job that has no route yet, which the sweep finds and which is then done.
    fn leave(&self, job: &Json) {
        let id = JobId::generate(self.ports.clock.as_ref(), self.ports.random.as_ref());
        self.by_hand(
            "insert into jobs (id, payload, request_id, trace_id, due_at, created_at)
values (?1, ?2, 'by hand', 'by hand', ?3, ?3)",
            vec![(&id).into(), job.to_string().into(), BEGINNING.into()],
        );
        self.sweep_after(0);
        self.deliver();
    }

    /// The column `id` of what there is, which is no part of the story.
    fn column(&self, sql: &str) -> Vec<String> {
        let results = self.recording.database.batch(&[(sql, &[])]).unwrap();
        let rows: Vec<Json> = serde_json::from_str(results.first().unwrap().rows.get()).unwrap();
        let ids = rows.iter().map(|row| row["id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }

    /// Delivers whatever waits, each message twice.
    fn deliver(&self) {
        while let Some(delivery) = self.queue.receive(|_| 0) {
            let (body, attempt) = (delivery.body().to_owned(), delivery.attempt());
            let verdict = jobs::consume(&self.app(), &body, attempt)
                .now_or_never()
                .unwrap();
            jobs::consume(&self.app(), &body, attempt.saturating_add(1))
                .now_or_never()
                .unwrap();
            delivery.settle(verdict);
        }
    }

    /// Loses whatever waits.
    fn lose_messages(&self) {
        while let Some(delivery) = self.queue.receive(|_| 0) {
            delivery.settle(kith::platform::Verdict::Acknowledge);
        }
    }

    fn sweep_after(&self, minutes: u64) {
        self.timeline.advance(Duration::from_mins(minutes));
        jobs::sweep(&self.app()).now_or_never().unwrap();
    }
}

/// Who takes mails: they do not get to Ben, and Chen's will never be taken.
fn reception(mail: &OutgoingMail) -> Reception {
    match mail.to.as_str() {
        "ben@example.com" => Reception::Failed,
        "chen@example.com" => Reception::Refused,
        _ => Reception::Taken,
    }
}

struct Person {
    id: String,
    token: String,
    refresh_token: String,
}

/// Everything that Kith asks its database, from the first account to the last dead letter.
fn tell(database: Sqlite) -> Vec<Sent> {
    let kith = Kith::new(database);
    let (asha, ben, chen, emil, fatou) = (
        kith.register("asha"),
        kith.register("ben"),
        kith.register("chen"),
        kith.register("emil"),
        kith.register("fatou"),
    );
    mails(&kith, &asha);
    accounts(&kith, &asha);
    sessions(&kith, &emil);
    own_sessions(&kith, &asha);
    passwords(&kith, &fatou);
    let post = posts(&kith, &asha, &ben);
    graph(&kith, [&asha, &ben, &chen, &emil]);
    likes(&kith, [&asha, &ben, &chen], &post);
    notifications(&kith, &ben);
    news(&kith, [&asha, &ben, &chen], &post);
    people(&kith, &asha, &ben);
    conversations(&kith, [&asha, &ben, &chen]);
    searches(&kith, &asha, &ben);
    jobs_that_fail(&kith, &asha, &ben);
    those_who_run_it(&kith, &asha);
    let (chen, emil) = (sign_in(&kith, "chen"), sign_in(&kith, "emil"));
    moderation(&kith, [&asha, &ben], [&chen, &emil]);
    endings(&kith, &post);
    // In a new hour, with a new quota.
    kith.timeline.advance(Duration::from_hours(1));
    let kith = kith.discreet();
    answered_mails(&kith);
    std::mem::take(&mut kith.recording.sent.lock().unwrap())
}

/// Those of the registrations, and those that no route asks for yet.
fn mails(kith: &Kith, asha: &Person) {
    kith.deliver();
    let nobody = "01890000-0000-7000-8000-000000000000";
    let letters = [
        json!({"kind": "mail", "letter": "registration", "registration_id": nobody}),
        json!({"kind": "mail", "letter": "reset_password", "email": "asha@example.com"}),
        json!({"kind": "mail", "letter": "new_device", "user_id": asha.id, "session_id": nobody, "email": "asha@example.com"}),
        json!({
            "kind": "mail", "letter": "confirm_email", "user_id": asha.id,
            "new_email": "asha.rao@example.com", "credential_version": 1,
        }),
    ];
    for (place, letter) in letters.iter().enumerate() {
        kith.by_hand(
            "insert into jobs (id, payload, request_id, trace_id, due_at, created_at) values (?1, ?2, '', '', ?3, ?3)",
            vec![
                format!("01890000-0000-7000-8000-00000000000{place}").into(),
                letter.to_string().into(),
                BEGINNING.into(),
            ],
        );
    }
    kith.sweep_after(1);
    kith.deliver();
}

fn accounts(kith: &Kith, asha: &Person) {
    let taken = |username: &str, email: &str| {
        let body = json!({"username": username, "email": email, "password": "another passphrase"});
        kith.ask(409, "POST", "/auth/register", "", Some(body));
    };
    taken("asha", "new@example.com");
    taken("dara", "asha@example.com");
    let login = |status, body| kith.ask(status, "POST", "/auth/login", "", Some(body));
    login(
        200,
        json!({"username": "asha", "password": "a passphrase of one's own"}),
    );
    login(
        200,
        json!({"email": "asha@example.com", "password": "a passphrase of one's own"}),
    );
    kith.by_hand(
        "update users set password_hash = ?2 where id = ?1",
        vec![asha.id.as_str().into(), OLDER_HASH.into()],
    );
    login(
        200,
        json!({"username": "asha", "password": "a passphrase of one's own"}),
    );
    for status in [401, 401, 429] {
        login(
            status,
            json!({"username": "nobody", "password": "a passphrase of one's own"}),
        );
    }
    let body = json!({
        "username": "one.more", "email": "more@example.com", "password": "another passphrase",
    });
    for _ in 0..2 {
        kith.ask(429, "POST", "/auth/register", "", Some(body.clone()));
    }
    let tag = kith.get("/profile", &asha.token).etag.unwrap();
    for (status, seen) in [(200, tag.as_str()), (412, &tag), (200, "*")] {
        let bearer = format!("Bearer {}", asha.token);
        let request = Request::builder().method("PATCH").uri("/api/v1/profile");
        let request = request
            .header(AUTHORIZATION, bearer)
            .header(CONTENT_TYPE, "application/json")
            .header(IF_MATCH, seen);
        let body = json!({"bio": "Boats and bread.", "locked": seen == "*"}).to_string();
        let answer = kith.send(request.body(Body::from(body)).unwrap());
        assert_eq!(answer.status, status, "{seen}");
    }
    kith.get("/health/ready", "");
}

/// A session renewed, renewed again by the same token, and ended by that token's next use.
fn sessions(kith: &Kith, asha: &Person) {
    let refresh = |status, token: &str| {
        let body = json!({"refresh_token": token});
        kith.ask(status, "POST", "/auth/refresh", "", Some(body))
    };
    let token = refresh(200, &asha.refresh_token).text("/refresh_token");
    let again = refresh(200, &asha.refresh_token).text("/refresh_token");
    assert_eq!(token, again);
    // The session has a day left of its longest life.
    kith.by_hand(
        "update sessions set created_at = ?2 where id = ?1",
        vec![
            token.split('.').next().unwrap_or_default().into(),
            BEGINNING.minus(Duration::from_hours(364 * 24)).into(),
        ],
    );
    let newest = refresh(200, &token).text("/refresh_token");
    refresh(401, &asha.refresh_token);
    refresh(401, &newest);
}

/// The list of one's own sessions, the end of one of them, and what is forgotten of all.
fn own_sessions(kith: &Kith, asha: &Person) {
    let first = kith.get("/auth/sessions?limit=1", &asha.token);
    let cursor = first.text("/next_cursor");
    kith.get(
        &format!("/auth/sessions?limit=1&cursor={cursor}"),
        &asha.token,
    );
    let other = format!("/auth/sessions/{}", first.text("/data/0/id"));
    kith.ask(204, "DELETE", &other, &asha.token, None);
    kith.ask(404, "DELETE", &other, &asha.token, None);
    kith.by_hand(
        "insert into sessions (
  id, user_id, user_agent, current_hash, rotated_at, created_at, last_used_at, expires_at
)
values ('0170f000-0000-7000-8000-000000000000', ?1, '', 'long ago', 0, 0, 0, 0)",
        vec![asha.id.as_str().into()],
    );
    kith.app().forget_old_sessions().now_or_never().unwrap();
}

/// Fatou changes her password on one of two devices, forgets it, and chooses another by a mail's link,
/// which is shown twice.
fn passwords(kith: &Kith, fatou: &Person) {
    let login = |status, password: &str, device: &str| {
        let body = json!({"email": "fatou@example.com", "password": password}).to_string();
        let request = Request::post("/api/v1/auth/login")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, device);
        let answer = kith.send(request.body(Body::from(body)).unwrap());
        assert_eq!(answer.status, status);
    };
    login(200, "a passphrase of one's own", "a phone");
    let change = |status, current: &str| {
        let body = json!({"current_password": current, "new_password": "another passphrase"});
        kith.ask(status, "POST", "/auth/password", &fatou.token, Some(body));
    };
    for status in [403, 403, 403, 429] {
        change(status, "a guess");
    }
    kith.by_hand(
        "delete from rate_limits where key like 'session-password:%'",
        vec![],
    );
    change(204, "a passphrase of one's own");
    change(403, "a passphrase of one's own");
    for (status, email) in [
        (202, "fatou@example.com"),
        (202, "nobody@example.com"),
        (429, "nobody@example.com"),
    ] {
        let body = json!({"email": email});
        kith.ask(status, "POST", "/auth/password/forgot", "", Some(body));
    }
    let permission = json!({
        "may": "reset_password",
        "user_id": fatou.id,
        "username": "fatou",
        "email": "fatou@example.com",
        "credential_version": 2,
        "expires_at": BEGINNING.plus(Duration::from_hours(1)).millis(),
    });
    let token = mail_token(permission);
    for status in [204, 422] {
        let body = json!({"token": token, "new_password": "a third passphrase"});
        kith.ask(status, "POST", "/auth/password/reset", "", Some(body));
    }
    kith.ask(401, "GET", "/profile", &fatou.token, None);
    login(200, "a third passphrase", "a laptop");
    kith.deliver();
}

/// Ben's post for his followers, of whom Asha is one.
fn posts(kith: &Kith, asha: &Person, ben: &Person) -> String {
    for caption in ["First light", "Low tide", "Fog \u{1f32b}"] {
        kith.ask(
            201,
            "POST",
            "/posts",
            &ben.token,
            Some(json!({"caption": caption})),
        );
    }
    let body = json!({"caption": "For friends", "visibility": "followers"});
    let post = kith
        .ask(201, "POST", "/posts", &ben.token, Some(body))
        .text("/id");
    kept_promises(kith, ben);
    kith.ask(404, "GET", &format!("/posts/{post}"), &asha.token, None);
    kith.by_hand(
        "insert into follows values (?1, ?2, 'accepted', 0)",
        vec![asha.id.as_str().into(), ben.id.as_str().into()],
    );
    kith.get(&format!("/posts/{post}"), &asha.token);
    kith.ask(404, "GET", &format!("/posts/{post}"), "", None);
    let page = kith.get("/posts?limit=1", "");
    let cursor = page.text("/next_cursor");
    kith.get(&format!("/posts?limit=1&cursor={cursor}"), &asha.token);
    feed(kith, asha, ben);
    post
}

/// Asha's feed, in two pages: what Ben wrote, whom she follows.
fn feed(kith: &Kith, asha: &Person, ben: &Person) {
    let page = kith.get("/feed?limit=2", &asha.token);
    assert_eq!(page.text("/data/0/author/id"), ben.id);
    let cursor = page.text("/next_cursor");
    kith.get(&format!("/feed?limit=2&cursor={cursor}"), &asha.token);
}

/// A post under a key, asked for twice; and another request under the same key.
fn kept_promises(kith: &Kith, ben: &Person) {
    let ask = |status: u16, caption: &str| {
        let request = Request::post("/api/v1/posts")
            .header(AUTHORIZATION, format!("Bearer {}", ben.token))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", "one of ben's")
            .body(Body::from(json!({"caption": caption}).to_string()));
        assert_eq!(kith.send(request.unwrap()).status, status);
    };
    ask(201, "Once");
    ask(201, "Once");
    ask(422, "Something else");
    kith.app().forget_old_keys().now_or_never().unwrap();
    kith.app().forget_old_counts().now_or_never().unwrap();
}

fn likes(kith: &Kith, [asha, ben, chen]: [&Person; 3], post: &str) {
    let like = format!("/posts/{post}/like");
    kith.ask(200, "PUT", &like, &asha.token, None);
    kith.ask(200, "PUT", &like, &asha.token, None);
    kith.ask(200, "PUT", &like, &ben.token, None);
    kith.ask(404, "PUT", &like, &chen.token, None);
    kith.deliver();
    kith.ask(200, "DELETE", &like, &asha.token, None);
    kith.ask(200, "DELETE", &like, &asha.token, None);
    kith.ask(200, "PUT", &like, &asha.token, None);
    kith.deliver();
    let list = format!("/posts/{post}/likes?limit=1");
    let cursor = kith.get(&list, &asha.token).text("/next_cursor");
    kith.get(&format!("{list}&cursor={cursor}"), &asha.token);
    let public = kith.get("/posts", "").text("/data/0/id");
    for person in [asha, chen] {
        kith.ask(
            200,
            "PUT",
            &format!("/posts/{public}/like"),
            &person.token,
            None,
        );
    }
    kith.deliver();
    kith.get(&format!("/posts/{public}/likes"), "");
}

/// Follows, requests, blocks and mutes, and their lists.
fn graph(kith: &Kith, [asha, ben, chen, emil]: [&Person; 4]) {
    let login = json!({"username": "emil", "password": "a passphrase of one's own"});
    let login = kith.ask(200, "POST", "/auth/login", "", Some(login));
    let emil = &Person {
        id: emil.id.clone(),
        token: login.text("/access_token"),
        refresh_token: login.text("/refresh_token"),
    };
    let put = |status, who: &Person, path: &str| kith.ask(status, "PUT", path, &who.token, None);
    let delete =
        |status, who: &Person, path: &str| kith.ask(status, "DELETE", path, &who.token, None);
    let lock = |locked: bool| {
        let body = Some(json!({"locked": locked}));
        kith.ask(200, "PATCH", "/profile", &ben.token, body);
    };
    let named = Some(json!({"display_name": "Chen"}));
    kith.ask(200, "PATCH", "/profile", &chen.token, named);
    for (status, name) in [(200, "chen"), (200, "chen"), (403, "emil"), (404, "nobody")] {
        put(status, emil, &format!("/users/{name}/follow"));
    }
    put(200, chen, "/users/emil/follow");
    kith.deliver();
    lock(true);
    for who in [chen, emil] {
        put(200, who, "/users/ben/follow");
    }
    kith.deliver();
    let walk = |path: &str, who: &Person| {
        kith.get(path, &who.token);
        let limited = format!("{path}?limit=1");
        let first = kith.get(&limited, &who.token);
        if let Some(cursor) = first.body.pointer("/next_cursor").and_then(Json::as_str) {
            kith.get(&format!("{limited}&cursor={cursor}"), &who.token);
        }
    };
    walk("/follow-requests", ben);
    put(404, ben, "/follow-requests/fatou");
    put(200, ben, "/follow-requests/chen");
    put(200, ben, "/follow-requests/chen");
    delete(204, ben, "/followers/chen");
    delete(204, ben, "/follow-requests/emil");
    for who in [chen, emil] {
        put(200, who, "/users/ben/follow");
    }
    lock(false);
    kith.deliver();
    delete(200, chen, "/users/ben/follow");
    put(200, chen, "/users/ben/follow");
    for list in ["/users/ben/followers", "/users/emil/following", "/users"] {
        walk(list, asha);
        kith.get(list, "");
    }
    put(200, emil, "/users/chen/mute");
    put(200, emil, "/users/chen/block");
    put(200, emil, "/users/chen/block");
    put(409, emil, "/users/chen/follow");
    kith.get("/users/chen", &emil.token);
    kith.ask(404, "GET", "/users/emil", &chen.token, None);
    for list in ["/blocks", "/mutes"] {
        walk(list, emil);
    }
    delete(200, emil, "/users/chen/block");
    delete(200, emil, "/users/chen/mute");
    // Nobody is left who follows because of this.
    for who in [chen, emil] {
        delete(200, who, "/users/ben/follow");
    }
    kith.by_hand("delete from told where kind like 'follow%'", vec![]);
    kith.by_hand(
        "update users set following_count = 2000 where id = ?1",
        vec![emil.id.as_str().into()],
    );
    put(409, emil, "/users/fatou/follow");
    kith.by_hand(
        "update users set following_count = 0 where id = ?1",
        vec![emil.id.as_str().into()],
    );
}

fn notifications(kith: &Kith, ben: &Person) {
    let read = |up_to: u64| {
        let body = Some(json!({"up_to": up_to}));
        kith.ask(204, "POST", "/notifications/read", &ben.token, body);
    };
    read(1);
    let page = kith.get("/notifications?limit=1", &ben.token);
    let cursor = page.text("/next_cursor");
    kith.get(&format!("/notifications?cursor={cursor}"), &ben.token);
    read(9);
    let tag = kith.get("/notifications", &ben.token).etag.unwrap();
    let request = Request::get("/api/v1/notifications")
        .header(AUTHORIZATION, format!("Bearer {}", ben.token))
        .header(IF_NONE_MATCH, tag);
    let unchanged = kith.send(request.body(Body::empty()).unwrap());
    assert_eq!(unchanged.status, 304);
}

/// What Ben and Chen are told besides likes: left in the outbox by hand. The post is for
/// Ben's followers, of whom Chen is none.
fn news(kith: &Kith, [asha, ben, chen]: [&Person; 3], post: &str) {
    let comment = "019ecd00-0000-7000-8000-00000000000c";
    kith.by_hand(
        "insert into posts (id, author_id, caption, visibility, reply_to, audience_id, created_at)
select ?1, ?2, 'a comment', visibility, id, audience_id, ?4
from posts
where id = ?3",
        vec![
            comment.into(),
            asha.id.as_str().into(),
            post.into(),
            BEGINNING.into(),
        ],
    );
    let tell = |kind: &str, post: Option<&str>, by: Option<&Person>, to: &Person| {
        let by = by.map(|by| &by.id);
        kith.leave(&json!({"kind": kind, "post_id": post, "actor_id": by, "recipient_id": to.id}));
    };
    let (on_comment, on_post) = (Some(comment), Some(post));
    tell("comment", on_comment, Some(asha), ben);
    // He is told so already, and she may not see it.
    tell("mention", on_comment, Some(asha), ben);
    tell("mention", on_comment, Some(asha), chen);
    tell("follow", None, Some(asha), ben);
    tell("follow", None, Some(chen), ben);
    tell("follow_request", None, Some(asha), chen);
    tell("mention", on_post, Some(ben), asha);
    tell("moderation", on_post, None, ben);
    tell("moderation", None, None, ben);
    for person in [asha, ben, chen] {
        kith.get("/notifications", &person.token);
    }
    kith.by_hand(
        "insert into mutes values (?1, ?2, ?3)",
        vec![
            ben.id.as_str().into(),
            asha.id.as_str().into(),
            BEGINNING.into(),
        ],
    );
    tell("follow_request", None, Some(asha), ben);
    kith.get("/notifications", &ben.token);
    kith.by_hand("delete from mutes", vec![]);
    kith.by_hand(
        "update posts set deleted_at = ?2, caption = '' where id = ?1",
        vec![comment.into(), BEGINNING.into()],
    );
    kith.leave(&json!({"kind": "post_deleted", "post_id": comment, "author_id": asha.id}));
    kith.get("/notifications", &ben.token);
}

fn people(kith: &Kith, asha: &Person, ben: &Person) {
    kith.get("/users/ben", "");
    kith.get("/users/ben", &asha.token);
    kith.by_hand(
        "insert into blocks values (?1, ?2, 0)",
        vec![ben.id.as_str().into(), asha.id.as_str().into()],
    );
    kith.ask(404, "GET", "/users/ben", &asha.token, None);
    kith.get("/users/asha", &ben.token);
    kith.get("/posts", &asha.token);
    kith.get("/notifications", &ben.token);
    kith.by_hand("delete from blocks", vec![]);
}

/// Posts with hashtags and names, what is said under them, and how they change and go.
fn conversations(kith: &Kith, [asha, ben, chen]: [&Person; 3]) {
    let say = |caption: &str| Some(json!({"caption": caption}));
    let write = |person: &Person, caption: &str| {
        let post = kith.ask(201, "POST", "/posts", &person.token, say(caption));
        post.text("/id")
    };
    let posts = [
        "#Sea #caf\u{e9} with @asha, @ben and @nobody",
        "#sea again",
        "#sea",
    ];
    let posts = posts.map(|caption| write(ben, caption));
    let [post, ..] = &posts;
    let path = format!("/posts/{post}");
    let comments = format!("{path}/comments");
    let comment = |person: &Person, caption: &str| {
        let comment = kith.ask(201, "POST", &comments, &person.token, say(caption));
        comment.text("/id")
    };
    let (first, second) = (
        comment(asha, "Lovely, @ben and @chen"),
        comment(chen, "#cold"),
    );
    let answer = Some(json!({"caption": "Thank you", "reply_to": first}));
    kith.ask(201, "POST", "/posts", &ben.token, answer);
    let nowhere = Some(json!({"caption": "x", "reply_to": "019e8f7a-2c41-7b3e-9d52-6f0a1b2c3d4e"}));
    kith.ask(422, "POST", "/posts", &ben.token, nowhere);
    kith.deliver();
    let lists = [comments.as_str(), "/tags/SEA/posts", "/users/ben/posts"];
    for list in lists {
        let page = kith.get(&format!("{list}?limit=1"), &asha.token);
        let cursor = page.text("/next_cursor");
        kith.get(&format!("{list}?cursor={cursor}"), "");
    }
    let edit = |status, seen: &str, person: &Person, caption: &str| {
        let request = Request::put(format!("/api/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {}", person.token))
            .header(CONTENT_TYPE, "application/json")
            .header(IF_MATCH, seen);
        let body = Body::from(json!({"caption": caption}).to_string());
        let answer = kith.send(request.body(body).unwrap());
        assert_eq!(answer.status, status, "{caption}: {}", answer.body);
    };
    let tag = kith.get(&path, &ben.token).etag.unwrap();
    edit(200, &tag, ben, "#Sea and #sky with @asha and @chen");
    edit(412, &tag, ben, "#Sea");
    edit(200, "*", ben, "#Sea and #sky with @asha and @chen");
    edit(200, "*", ben, "Nothing");
    edit(403, "*", asha, "Mine");
    kith.by_hand(
        "insert into mutes values (?1, ?2, 0)",
        vec![asha.id.as_str().into(), ben.id.as_str().into()],
    );
    for list in lists {
        kith.get(list, &asha.token);
    }
    kith.by_hand("delete from mutes", vec![]);
    kith.ask(403, "DELETE", &path, &asha.token, None);
    kith.ask(204, "DELETE", &format!("/posts/{first}"), &asha.token, None);
    kith.get(&format!("/posts/{first}"), "");
    kith.get(&format!("/posts/{first}/comments"), "");
    kith.by_hand(
        "update users set role = 'moderator' where id = ?1",
        vec![asha.id.as_str().into()],
    );
    for post in [&second, post] {
        kith.ask(204, "DELETE", &format!("/posts/{post}"), &asha.token, None);
        kith.ask(404, "DELETE", &format!("/posts/{post}"), &asha.token, None);
    }
    kith.by_hand("update users set role = 'user'", vec![]);
    kith.deliver();
}

/// What is found by words, in pages of one, by nobody and by somebody.
fn searches(kith: &Kith, asha: &Person, ben: &Person) {
    let public = |caption: &str| {
        let body = Some(json!({"caption": caption}));
        kith.ask(201, "POST", "/posts", &ben.token, body);
    };
    public("Bread by the harbour #bread #breakfast");
    public("Crème brûlée, bread AND butter #bread_and_butter");
    let search = |query: &str, token: &str| {
        let page = kith.get(&format!("/search?{query}&limit=1"), token);
        let next = page.body.pointer("/next_cursor").and_then(Json::as_str);
        let Some(cursor) = next else {
            return;
        };
        kith.get(&format!("/search?{query}&limit=1&cursor={cursor}"), token);
        kith.get(&format!("/search?{query}&cursor={cursor}"), token);
    };
    for token in ["", asha.token.as_str()] {
        search("type=posts&q=bread", token);
        search("type=posts&q=creme+BRUL", token);
        search("type=posts&q=%22%20NEAR(%20*", token);
        search("type=posts&q=!", token);
        search("type=tags&q=%23bre", token);
        search("type=users&q=%40ASHA", token);
        search("type=users&q=ashe", token);
    }
}

/// A like whose messages are lost is swept until it is dead; another is buried.
fn jobs_that_fail(kith: &Kith, asha: &Person, ben: &Person) {
    let new = |caption: &str| {
        let post = kith.ask(
            201,
            "POST",
            "/posts",
            &ben.token,
            Some(json!({"caption": caption})),
        );
        let like = format!("/posts/{}/like", post.text("/id"));
        kith.ask(200, "PUT", &like, &asha.token, None);
    };
    new("Told late");
    kith.lose_messages();
    kith.sweep_after(1);
    kith.deliver();
    new("Never told");
    let message = kith.queue.receive(|_| 0).unwrap().body().to_owned();
    kith.get("/health/ready", "");
    jobs::bury(&kith.app(), &message, 1).now_or_never().unwrap();
    jobs::bury(&kith.app(), &message, 2).now_or_never().unwrap();
    kith.sweep_after(1);
    kith.lose_messages();
}

/// The first admin comes by a link, and changes what others may do.
fn those_who_run_it(kith: &Kith, asha: &Person) {
    // SHA-256 of "the one-time token".
    let hash = "Tu0k1NHVFcD2RKsqCp-Us4949Nu3gfGRzHKPsJs4ew8";
    kith.by_hand(
        "insert into setup_tokens values (?1, ?2)",
        vec![hash.into(), BEGINNING.plus(Duration::from_hours(24)).into()],
    );
    let set_up = |status, token: &str, username: &str, email: &str| {
        let body = json!({
            "token": token, "username": username, "email": email,
            "password": "a passphrase of one's own",
        });
        kith.ask(status, "POST", "/setup", "", Some(body))
    };
    let token = "the one-time token";
    set_up(401, "another token", "rosa", "rosa@example.com");
    set_up(409, token, "asha", "rosa@example.com");
    set_up(409, token, "rosa", "asha@example.com");
    let rosa = set_up(201, token, "rosa", "rosa@example.com").text("/access_token");
    set_up(401, token, "sol", "sol@example.com");

    kith.ask(403, "GET", "/admin/users", &asha.token, None);
    let page = kith.get("/admin/users?limit=1", &rosa);
    let cursor = page.text("/next_cursor");
    kith.get(&format!("/admin/users?limit=1&cursor={cursor}"), &rosa);
    kith.get("/admin/users?status=suspended", &rosa);
    kith.get("/admin/users?username=Ben&status=active", &rosa);
    let change = |status, username: &str, body: Json| {
        let path = format!("/admin/users/{username}");
        kith.ask(status, "PATCH", &path, &rosa, Some(body))
    };
    let everything = json!({"role": "moderator", "status": "active", "plan": "pro"});
    let tag = change(200, "asha", everything.clone()).etag.unwrap();
    change(200, "asha", everything);
    for (status, role) in [(200, "user"), (412, "admin")] {
        let request = Request::patch("/api/v1/admin/users/asha")
            .header(AUTHORIZATION, format!("Bearer {rosa}"))
            .header(CONTENT_TYPE, "application/json")
            .header(IF_MATCH, tag.replace("2.", "3."));
        let body = Body::from(json!({"role": role}).to_string());
        assert_eq!(kith.send(request.body(body).unwrap()).status, status);
    }
    change(404, "nobody", json!({"role": "admin"}));
    change(409, "rosa", json!({"role": "user"}));
    kith.ask(
        403,
        "PATCH",
        "/admin/users/asha",
        &asha.token,
        Some(json!({"role": "admin"})),
    );
    let page = kith.get("/admin/audit?limit=1", &rosa);
    let cursor = page.text("/next_cursor");
    kith.get(&format!("/admin/audit?limit=1&cursor={cursor}"), &rosa);
    let of_asha = format!("/admin/audit?account={}&kind=role_changed", asha.id);
    kith.get(&of_asha, &rosa);
    kith.ask(403, "GET", "/admin/audit", &asha.token, None);
}

/// The access token of a new session.
fn sign_in(kith: &Kith, username: &str) -> String {
    let body = json!({"username": username, "password": "a passphrase of one's own"});
    kith.ask(200, "POST", "/auth/login", "", Some(body))
        .text("/access_token")
}

/// Reports by Chen and Emil, and what comes of them.
fn moderation(kith: &Kith, [asha, ben]: [&Person; 2], [chen, emil]: [&String; 2]) {
    kith.by_hand(
        "update users set role = 'moderator' where id = ?1",
        vec![asha.id.as_str().into()],
    );
    let report =
        |status, token: &str, body: Json| kith.ask(status, "POST", "/reports", token, Some(body));
    let resolve = |status, report: &Answer, action: &str| {
        let path = format!("/admin/reports/{}/resolve", report.text("/id"));
        let body = json!({"action": action, "note": "Looked at."});
        kith.ask(status, "POST", &path, &asha.token, Some(body))
    };
    let body = json!({"caption": "Cheap watches"});
    let answer = kith.ask(201, "POST", "/posts", &ben.token, Some(body));
    let post = answer.text("/id");
    let of_post = json!({"post_id": post, "reason": "spam"});
    let of_ben = json!({"username": "Ben", "reason": "other", "comment": "He knows."});
    let first = report(201, chen, of_post.clone());
    let again = report(201, chen, json!({"post_id": post, "reason": "abuse"}));
    assert_eq!(first.text("/id"), again.text("/id"));
    let second = report(201, chen, of_ben.clone());
    let third = report(201, emil, of_post);
    report(404, emil, json!({"username": "nobody", "reason": "spam"}));
    report(403, emil, json!({"username": "emil", "reason": "spam"}));
    for status in [201, 201, 422] {
        let reason = if status == 201 { "spam" } else { "abuse" };
        let request = Request::post("/api/v1/reports")
            .header(AUTHORIZATION, format!("Bearer {emil}"))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", "a report");
        let body = json!({"username": "ben", "reason": reason}).to_string();
        let answer = kith.send(request.body(Body::from(body)).unwrap());
        assert_eq!(answer.status, status);
    }
    let page = kith.get("/admin/reports?limit=1", &asha.token);
    let cursor = page.text("/next_cursor");
    kith.get(
        &format!("/admin/reports?limit=1&cursor={cursor}"),
        &asha.token,
    );
    kith.ask(403, "GET", "/admin/reports", chen, None);
    resolve(422, &second, "remove_post");
    resolve(200, &first, "remove_post");
    resolve(409, &first, "dismiss");
    resolve(200, &third, "warn");
    let fourth = report(201, chen, json!({"username": "asha", "reason": "abuse"}));
    resolve(403, &fourth, "suspend");
    resolve(200, &fourth, "dismiss");
    resolve(200, &second, "suspend");
    kith.get("/admin/reports?status=resolved", &asha.token);
    kith.deliver();
    kith.by_hand(
        "update users set status = 'active' where id = ?1",
        vec![ben.id.as_str().into()],
    );
    kith.by_hand(
        "update users set role = 'user' where id = ?1",
        vec![asha.id.as_str().into()],
    );
}

fn endings(kith: &Kith, post: &str) {
    let token = |username: &str| {
        let body = json!({"username": username, "password": "a passphrase of one's own"});
        kith.ask(200, "POST", "/auth/login", "", Some(body))
            .text("/access_token")
    };
    let path = format!("/posts/{post}");
    kith.ask(403, "DELETE", &path, &token("asha"), None);
    kith.ask(204, "DELETE", &path, &token("ben"), None);
    kith.deliver();
    let leaving = token("chen");
    kith.ask(204, "POST", "/auth/logout", &leaving, None);
    kith.ask(401, "GET", "/profile", &leaving, None);
    let suspended = token("asha");
    kith.by_hand(
        "update users set status = 'suspended' where username = 'asha'",
        vec![],
    );
    kith.ask(403, "GET", "/profile", &suspended, None);
}

/// Registrations that wait for their mail, and mails that are answered.
fn answered_mails(kith: &Kith) {
    let password = "a passphrase of one's own";
    let register = |status, username: &str, email: &str| {
        let body = json!({"username": username, "email": email, "password": password});
        kith.ask(status, "POST", "/auth/register", "", Some(body));
    };
    register(202, "faye", "faye@example.com");
    register(202, "faye", "faye@example.com");
    register(409, "faye", "asha@example.com");
    register(409, "asha", "gus@example.com");
    register(202, "gus", "asha@example.com");
    let waiting = kith.column("select id from registrations order by username");
    let [first, second, gus] = &waiting[..] else {
        panic!("{waiting:?}");
    };
    let verify = |status, permission: Json| {
        let body = json!({"token": mail_token(permission)});
        kith.ask(status, "POST", "/auth/email/verify", "", Some(body));
    };
    let registered = |id: &str| json!({"may": "register", "registration_id": id});
    for (status, id) in [(204, first), (204, first), (409, second), (409, gus)] {
        verify(status, registered(id));
    }
    let login = json!({"username": "ben", "password": password});
    let login = kith.ask(200, "POST", "/auth/login", "", Some(login));
    let ben = login.text("/access_token");
    let id = kith.column("select id from users where username = 'ben'");
    let id = id.first().unwrap();
    let proof = json!({"may": "verify_email", "user_id": id, "email": "ben@example.com"});
    kith.ask(202, "POST", "/auth/email/resend", &ben, None);
    verify(204, proof.clone());
    kith.ask(202, "POST", "/auth/email/resend", &ben, None);
    let ask = |status, password: &str, new_email: &str| {
        let body = json!({"password": password, "new_email": new_email});
        kith.ask(status, "POST", "/auth/email", &ben, Some(body));
    };
    ask(403, "not the right one", "ben@new.example");
    ask(422, password, "ben@example.com");
    ask(202, password, "ben@new.example");
    let change = |new_email: &str| {
        json!({
            "may": "change_email", "user_id": id, "new_email": new_email, "credential_version": 1,
        })
    };
    for (status, new_email) in [
        (409, "asha@example.com"),
        (204, "ben@new.example"),
        (204, "ben@new.example"),
        (422, "ben@else.example"),
    ] {
        verify(status, change(new_email));
    }
    verify(422, proof);
    kith.timeline.advance(Duration::from_hours(25));
    let app = kith.app();
    app.forget_old_registrations().now_or_never().unwrap();
    verify(422, registered(second));
    assert!(kith.column("select id from registrations").is_empty());
}

/// The token of a mail that allows this.
fn mail_token(mut permission: Json) -> String {
    let said = permission.as_object_mut().unwrap();
    said.insert("expires_at".to_owned(), json!(i64::MAX));
    let key = Sha256::digest("SECRET_KEYS").into();
    let keys = SecretKeys::new(vec![("k1".to_owned(), key)]).unwrap();
    let said = permission.to_string();
    let (_, code) = keys.sign("mail_token", &[said.as_bytes()]);
    let [said, code] = [said.as_bytes(), &code].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    format!("{said}.{code}")
}

/// What the file of the story begins with. `means` is what its first error means.
const HEAD: &str = r#"[
  {
    "name": "Kith's own batches, from the first account to the last dead letter",
    "means": "Aborted: over_second_limit",
    "batches": [
"#;

/// The story as a file of cases, with a line for each statement.
fn written(batches: &[Sent]) -> String {
    let mut text = HEAD.to_owned();
    for (place, batch) in batches.iter().enumerate() {
        let lines: Vec<_> = batch
            .iter()
            .map(|(sql, params)| line(sql, params))
            .collect();
        let comma = if place.saturating_add(1) == batches.len() {
            ""
        } else {
            ","
        };
        writeln!(
            text,
            "      [\n        {}\n      ]{comma}",
            lines.join(",\n        ")
        )
        .unwrap();
    }
    text.push_str("    ]\n  }\n]\n");
    text
}

fn line(sql: &str, params: &[Value]) -> String {
    let mut parts = vec![json!(sql)];
    parts.extend(params.iter().map(|value| match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Text(text) => json!(text),
    }));
    Json::from(parts).to_string()
}

/// Compares the story with its file.
pub(crate) fn check(path: &std::path::Path, database: Sqlite) {
    let now = written(&tell(database));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(path, &now).unwrap();
    }
    assert!(
        now == fs::read_to_string(path).unwrap_or_default(),
        "Kith sends other batches than the contract knows; docs/reliability.md says how to record them, \
         and what D1 makes of them"
    );
}
