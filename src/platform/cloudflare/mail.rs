//! Mails by Cloudflare's `send_email` binding, or by a provider over HTTP.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::js_sys::{Object, Reflect, global};
use worker::send::SendFuture;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{self, RequestRedirect, WorkerGlobalScope};
use worker::{EmailMessage, Env};

use super::system::WorkerClock;
use crate::platform::mail::{mime, provider};
use crate::platform::{BoxFuture, Clock, Mail, MailError, OutgoingMail, Transport};

/// The binding's name.
const BINDING: &str = "MAIL";

/// How long whoever takes a mail may take to answer: far less than a job is leased for.
const WITHIN: Duration = Duration::from_secs(10);

/// The codes of the binding's errors that say that this mail will never go. Anything else, such as a limit
/// that is used up or a domain that is not set up, somebody can mend.
const PERMANENT: [&str; 7] = [
    "E_CONTENT_TOO_LARGE",
    "E_FIELD_MISSING",
    "E_HEADER_VALUE_INVALID",
    "E_RECIPIENT_NOT_ALLOWED",
    "E_RECIPIENT_SUPPRESSED",
    "E_TOO_MANY_RECIPIENTS",
    "E_VALIDATION_ERROR",
];

/// Who takes the mails of a Worker.
pub(super) struct Post {
    env: Env,
    clock: Arc<WorkerClock>,
}

impl Post {
    pub(super) fn new(env: Env, clock: Arc<WorkerClock>) -> Self {
        Self { env, clock }
    }

    /// Sends a mail by the binding, for no longer than a provider may take.
    async fn send_by_binding(&self, mail: &OutgoingMail) -> Result<(), MailError> {
        let sending = async {
            let binding = self
                .env
                .send_email(BINDING)
                .map_err(|_| MailError::Unavailable(format!("there is no binding {BINDING}")))?;
            let message = EmailMessage::new(&mail.from.address, &mail.to, &mime(mail));
            let sent = match message {
                Ok(message) => binding.send(&message).await.map(drop),
                Err(error) => Err(error),
            };
            sent.map_err(|error| refusal(&error))
        };
        match select(Box::pin(sending), self.clock.sleep(WITHIN)).await {
            Either::Left((sent, _)) => sent,
            Either::Right(_) => Err(MailError::Unavailable("the binding does not answer".into())),
        }
    }
}

impl Mail for Post {
    fn send<'a>(
        &'a self,
        by: &'a Transport,
        mail: &'a OutgoingMail,
    ) -> BoxFuture<'a, Result<(), MailError>> {
        Box::pin(SendFuture::new(async move {
            mail.check()?;
            match by {
                Transport::Binding => self.send_by_binding(mail).await,
                Transport::Http { url, key } => send_over_http(url, key, mail).await,
            }
        }))
    }
}

/// What the binding's error says of the mail. Its message may hold the address, so only a code is told.
fn refusal(error: &JsValue) -> MailError {
    let code = Reflect::get(error, &JsValue::from_str("code")).ok();
    let code = code.and_then(|code| code.as_string()).unwrap_or_default();
    let is_code = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    if PERMANENT.contains(&code.as_str()) {
        return MailError::Refused(format!("the binding answers {code}"));
    }
    let plain = !code.is_empty() && code.len() <= 64 && code.bytes().all(is_code);
    let code = if plain { code } else { "with an error".into() };
    MailError::Unavailable(format!("the binding answers {code}"))
}

/// Sends a mail to the provider at `url`. Its answer's body is not read.
async fn send_over_http(url: &str, key: &str, mail: &OutgoingMail) -> Result<(), MailError> {
    // What JavaScript throws could name the address: it is not told.
    let lost = |_| MailError::Unavailable("the provider does not answer".to_owned());
    let headers = Object::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("authorization", &format!("Bearer {key}")),
        ("idempotency-key", &mail.id),
    ] {
        Reflect::set(&headers, &name.into(), &value.into()).map_err(lost)?;
    }
    let request = web_sys::RequestInit::new();
    request.set_method("POST");
    request.set_headers(&headers);
    request.set_body(&provider::body(mail).into());
    // Whoever answers with another place does not get the key there, nor the mail.
    request.set_redirect(RequestRedirect::Manual);
    let millis = u32::try_from(WITHIN.as_millis()).unwrap_or(u32::MAX);
    let limit = web_sys::AbortSignal::timeout_with_u32(millis);
    request.set_signal(Some(&limit));
    let scope: WorkerGlobalScope = global().unchecked_into();
    let response = JsFuture::from(scope.fetch_with_str_and_init(url, &request))
        .await
        .map_err(lost)?;
    let response: web_sys::Response = response.dyn_into().map_err(lost)?;
    if let Some(body) = response.body() {
        // What comes of it changes nothing: the status has been told.
        drop(body.cancel());
    }
    provider::taken(response.status())
}
