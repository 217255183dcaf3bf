//! Proving an e-mail address, and changing it.
//!
//! Invariants: an address is an account's only once a mail to it was answered, unless the account
//! registered with it openly; what a mail allows ends with the state of the account it was made for, and
//! doing it again is no error; whether an address has an account shows to nobody but who reads its mails.

pub(super) mod routes;
mod rules;
mod store;
