//! The text that D1 gives an error of SQLite.

use rusqlite::ffi;

/// What D1 says of this error, to the letter: whoever reads errors reads these texts.
pub(super) fn text(error: &rusqlite::Error) -> String {
    let said = match error {
        rusqlite::Error::SqlInputError {
            error, msg, offset, ..
        } => format!("{msg} at offset {offset}: {}", codes(*error)),
        rusqlite::Error::SqliteFailure(error, message) => {
            let standard = || ffi::code_to_str(error.extended_code).to_owned();
            let message = message.clone().unwrap_or_else(standard);
            format!("{message}: {}", codes(*error))
        }
        rusqlite::Error::InvalidParameterCount(..) => {
            "Wrong number of parameter bindings for SQL query.".to_owned()
        }
        other => other.to_string(),
    };
    format!("D1_ERROR: {said}")
}

/// The result code by its name, and the extended code if there is one. What no case of the contract
/// shows, such as the errors of a disk, keeps its number.
fn codes(error: ffi::Error) -> String {
    let code = error.extended_code & 0xff;
    let code = primary(code).map_or_else(|| code.to_string(), str::to_owned);
    match extended(error.extended_code) {
        Some(extended) => format!("{code} (extended: {extended})"),
        None => code,
    }
}

fn primary(code: i32) -> Option<&'static str> {
    Some(match code {
        ffi::SQLITE_ERROR => "SQLITE_ERROR",
        ffi::SQLITE_TOOBIG => "SQLITE_TOOBIG",
        ffi::SQLITE_CONSTRAINT => "SQLITE_CONSTRAINT",
        ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
        ffi::SQLITE_MISUSE => "SQLITE_MISUSE",
        ffi::SQLITE_AUTH => "SQLITE_AUTH",
        _ => return None,
    })
}

fn extended(code: i32) -> Option<&'static str> {
    Some(match code {
        ffi::SQLITE_CONSTRAINT_CHECK => "SQLITE_CONSTRAINT_CHECK",
        ffi::SQLITE_CONSTRAINT_DATATYPE => "SQLITE_CONSTRAINT_DATATYPE",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "SQLITE_CONSTRAINT_FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "SQLITE_CONSTRAINT_NOTNULL",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "SQLITE_CONSTRAINT_PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_ROWID => "SQLITE_CONSTRAINT_ROWID",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "SQLITE_CONSTRAINT_TRIGGER",
        ffi::SQLITE_CONSTRAINT_UNIQUE => "SQLITE_CONSTRAINT_UNIQUE",
        _ => return None,
    })
}
