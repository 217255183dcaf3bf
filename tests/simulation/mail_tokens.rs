//! The tokens in mails' links, made as the deployment does it by the words of the decision on them
//! (docs/decisions/0027) and not by Kith's code: whoever has one has read the mail.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kith::time::Timestamp;
use serde_json::{Value, json};

use crate::keys;

/// A token that allows what `permission` says until then, under the key that every isolate has.
pub fn text(permission: &Value, expires_at: Timestamp) -> String {
    let mut said = permission.clone();
    said["expires_at"] = json!(expires_at.millis());
    let said = said.to_string();
    let keys = keys::all_secret();
    let (_, code) = keys.sign("mail_token", &[said.as_bytes()]);
    let [said, code] = [said.as_bytes(), &code].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    format!("{said}.{code}")
}
