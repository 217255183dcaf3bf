//! What the JavaScript engine knows of Unicode: its tables are large, and there already.

use worker::js_sys::JsString;

/// A text in the form in which what looks or means the same is written the same: NFKC (UAX #15).
#[must_use]
pub fn nfkc(text: &str) -> String {
    JsString::from(text).normalize("NFKC").into()
}
