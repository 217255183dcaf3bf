//! What every password must hold. Pure: no database, no clock.

mod common_passwords;

use crate::error::{Rule, Violation};
use crate::users::{Email, Username, fold_case};

/// The shortest password, in characters.
pub(super) const MIN_PASSWORD: usize = 8;

/// The longest password, in characters; at a sign-in, the longest of any field.
pub(super) const MAX_PASSWORD: usize = 256;

/// 8–256 characters of any kind but U+0000; neither the username nor the e-mail address, nor one of the
/// 10,000 passwords that most people have, in whatever case.
///
/// The one check of a new password, wherever somebody chooses one; `pointer` is the body's member.
///
/// # Errors
/// The first rule it breaks.
pub(super) fn check_password(
    pointer: &str,
    password: &str,
    username: Option<&Username>,
    email: Option<&Email>,
) -> Result<(), Violation> {
    let length = password.chars().count();
    let folded = fold_case(password);
    let names = [username.map(Username::as_str), email.map(Email::as_str)];
    let is_name = names.contains(&Some(folded.as_str()));
    let broken = if password.contains('\0') {
        Some(Rule::InvalidCharacters)
    } else if length < MIN_PASSWORD {
        Some(Rule::TooShort(MIN_PASSWORD))
    } else if length > MAX_PASSWORD {
        Some(Rule::TooLong(MAX_PASSWORD))
    } else if is_name || common_passwords::contain(&folded) {
        Some(Rule::TooWeak)
    } else {
        None
    };
    broken.map_or(Ok(()), |rule| Err(Violation::new(pointer, rule)))
}

/// A password is none of its account's `names`, which are case-folded. For whoever learns those only after
/// the password has passed [`check_password`].
pub(super) fn check_is_no_name(
    pointer: &str,
    password: &str,
    names: [&str; 2],
) -> Result<(), Violation> {
    if names.contains(&fold_case(password).as_str()) {
        return Err(Violation::new(pointer, Rule::TooWeak));
    }
    Ok(())
}

/// Whatever is longer is nobody's name or password, and not worth hashing.
pub(super) fn check_length(pointer: &str, text: &str) -> Result<(), Violation> {
    if text.contains('\0') {
        return Err(Violation::new(pointer, Rule::InvalidCharacters));
    }
    if text.chars().count() > MAX_PASSWORD {
        return Err(Violation::new(pointer, Rule::TooLong(MAX_PASSWORD)));
    }
    Ok(())
}
