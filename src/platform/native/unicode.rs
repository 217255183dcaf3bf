//! What a JavaScript engine knows of Unicode.

use unicode_normalization::UnicodeNormalization;

/// A text in the form in which what looks or means the same is written the same: NFKC (UAX #15).
#[must_use]
pub fn nfkc(text: &str) -> String {
    text.nfkc().collect()
}
