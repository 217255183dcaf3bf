//! Choosing a new password by whoever reads the account's mail.
//!
//! Invariants: who asks for the mail learns nothing of whether there is an account, and causes the same
//! work; a mail is good once, for an hour, and not after the password or the address was changed; with the
//! old password end all sessions. No token is stored.

pub(super) mod routes;
mod rules;
