//! The bridge between a Worker's `Request` and `Response` and those of the `http` crate.
//!
//! It copies only what Kith reads (decision 0012): each header that crosses the border costs a call
//! and two texts.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{
    ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
    IF_MATCH, IF_NONE_MATCH, ORIGIN, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use worker::js_sys::Uint8Array;
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{ByteStream, web_sys};

use crate::http::body::{self, Body};
use crate::http::headers::{
    CF_CONNECTING_IP, D1_BOOKMARK, IDEMPOTENCY_KEY, TRACEPARENT, X_REQUEST_ID,
};

/// The headers Kith reads of every request.
const READ: [HeaderName; 8] = [
    ACCEPT,
    AUTHORIZATION,
    CF_CONNECTING_IP,
    D1_BOOKMARK,
    IF_NONE_MATCH,
    ORIGIN,
    TRACEPARENT,
    X_REQUEST_ID,
];

/// The headers Kith reads besides where there may be a body.
const READ_WITH_BODY: [HeaderName; 5] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    USER_AGENT,
];

/// The header of a preflight, which is an `OPTIONS`.
const READ_WITH_OPTIONS: [HeaderName; 1] = [ACCESS_CONTROL_REQUEST_METHOD];

/// The request as the pipeline takes it.
///
/// A method or address that `http` cannot express becomes one that no route has.
#[must_use]
pub fn request(raw: &web_sys::Request) -> Request<Body> {
    let method = Method::from_bytes(raw.method().as_bytes()).unwrap_or(Method::TRACE);
    let has_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
    let url = raw.url();
    let source = raw.headers();
    let mut headers = HeaderMap::with_capacity(8);
    copy(&source, &READ, &mut headers);
    if has_body {
        copy(&source, &READ_WITH_BODY, &mut headers);
    }
    if method == Method::OPTIONS {
        copy(&source, &READ_WITH_OPTIONS, &mut headers);
    }
    let body = if has_body {
        incoming(raw, &headers)
    } else {
        Body::empty()
    };

    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path_and_query(&url).parse().unwrap_or_default();
    *request.headers_mut() = headers;
    request
}

fn copy(source: &web_sys::Headers, names: &[HeaderName], target: &mut HeaderMap) {
    for name in names {
        if let Ok(Some(value)) = source.get(name.as_str())
            // From bytes: a value that is not ASCII is there, and wrong, rather than not there.
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            target.insert(name, value);
        }
    }
}

/// What follows the host in a URL as the platform writes it, which always has a path.
fn path_and_query(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme
        .find('/')
        .and_then(|slash| after_scheme.get(slash..))
        .unwrap_or("/");
    path.split('#').next().unwrap_or(path)
}

/// The body, read when the route asks for it: at once where its length is known and small, else
/// piece by piece, so that whoever reads can stop at a limit.
fn incoming(raw: &web_sys::Request, headers: &HeaderMap) -> Body {
    let request = SendWrapper::new(Clone::clone(raw));
    if body::declared_length(headers).is_some_and(|length| length <= body::READ_AT_ONCE) {
        return Body::from_stream(stream::once(SendFuture::new(async move {
            let buffer =
                JsFuture::from(request.array_buffer().map_err(|error| unreadable(&error))?).await;
            buffer
                .map(|buffer| Bytes::from(Uint8Array::new(&buffer).to_vec()))
                .map_err(|error| unreadable(&error))
        })));
    }
    // Opened with the first piece: a body that nobody asks for stays unread, to be discarded.
    Body::from_stream(stream::unfold(
        (request, None::<SendWrapper<ByteStream>>),
        |(request, opened)| {
            SendFuture::new(async move {
                let mut pieces = match opened {
                    Some(pieces) => pieces,
                    None => SendWrapper::new(ByteStream::from(request.body()?)),
                };
                let piece = pieces.next().await?.map(Bytes::from);
                let piece = piece.map_err(|error| std::io::Error::other(error.to_string()));
                Some((piece, (request, Some(pieces))))
            })
        },
    ))
}

/// Reads, within reason, a body that the route left unread, and throws it away: a client that is still
/// sending would see its connection die instead of the answer.
pub async fn discard_unread_body(raw: &web_sys::Request) {
    let Some(readable) = raw.body().filter(|_| !raw.body_used()) else {
        return;
    };
    let mut pieces = ByteStream::from(readable);
    let mut length: usize = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        length = length.saturating_add(piece.len());
        if length > body::DISCARD_LIMIT {
            return;
        }
    }
}

fn unreadable(error: &JsValue) -> std::io::Error {
    std::io::Error::other(super::thrown(error))
}

/// The response as the platform takes it. Kith's bodies are whole texts, so this waits for nothing.
///
/// # Errors
/// When the platform refuses a header or the status, which Kith never makes it do.
pub async fn response(response: Response<Body>) -> worker::Result<web_sys::Response> {
    let (parts, body) = response.into_parts();
    let headers = web_sys::Headers::new()?;
    for (name, value) in &parts.headers {
        headers.append(name.as_str(), value.to_str().unwrap_or_default())?;
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(parts.status.as_u16());
    init.set_headers(&headers);
    let bytes = match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return Err(worker::Error::RustError(error.to_string())),
    };
    let empty = matches!(
        parts.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    let response = if empty {
        web_sys::Response::new_with_opt_str_and_init(None, &init)?
    } else {
        let body = Uint8Array::from(bytes.as_ref());
        web_sys::Response::new_with_opt_js_u8_array_and_init(Some(&body), &init)?
    };
    Ok(response)
}
