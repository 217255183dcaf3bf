//! What the document says of accounts and sessions beyond their handlers' signatures, and what it
//! says of whoever asks.

use http::StatusCode;

use super::email::routes::{change_email, resend_verification, verify_email};
use super::password_change::routes::change_password;
use super::password_reset::routes::{forgot_password, reset_password};
use super::refresh::routes::refresh;
use super::registration::routes::{Accepted, Registered, register};
use super::routes::{PublicKeys, Tokens, get_public_keys};
use super::sessions::routes::{ShownSession, delete_session, list_sessions, logout};
use super::setup::routes::set_up;
use super::sign_in::routes::login;
use crate::error::{Code, Error};
use crate::http::api;
use crate::http::openapi::{Answer, Asker, Document, Input, Operation};
use crate::http::pagination::Page;
use crate::viewer::{Admin, MaybeViewer, Moderator, Viewer};

/// Adds the slice's operations.
pub fn describe(document: &mut Document) {
    let operations = [
        Operation::post(api!("/auth/register"), register)
            .reads("User-Agent")
            .answers(
                Answer::created::<Registered>(
                    "The new account, signed in: from a deployment for development.",
                )
                .link(
                    "get_profile",
                    "username",
                    "$response.body#/user/username",
                    "Shows it as others see it.",
                ),
            )
            .answers(
                Answer::new(StatusCode::ACCEPTED, "The address is to be verified.")
                    .bearing::<Accepted>("application/json"),
            )
            .refuses(Error::Forbidden(Code::RegistrationClosed))
            .refuses(Error::Conflict(Code::UsernameTaken))
            .refuses(Error::Conflict(Code::EmailTaken)),
        Operation::post(api!("/auth/login"), login)
            .reads("User-Agent")
            .answers(Answer::ok::<Tokens>("The tokens of a new session."))
            .refuses(Error::Unauthenticated(Code::InvalidCredentials))
            .refuses(Error::Forbidden(Code::AccountSuspended)),
        Operation::post(api!("/auth/refresh"), refresh)
            .answers(Answer::ok::<Tokens>("The new tokens of the session."))
            .refuses(Error::Unauthenticated(Code::InvalidRefreshToken))
            .refuses(Error::Unauthenticated(Code::RefreshReused))
            .refuses(Error::Unauthenticated(Code::SessionEnded))
            .refuses(Error::Forbidden(Code::AccountSuspended)),
        Operation::post(api!("/auth/logout"), logout)
            .answers(Answer::no_content("The session has ended.")),
        Operation::post(api!("/setup"), set_up)
            .reads("User-Agent")
            .answers(Answer::created::<Registered>("The first admin, signed in."))
            .refuses(Error::Unauthenticated(Code::InvalidSetupToken))
            .refuses(Error::Conflict(Code::UsernameTaken))
            .refuses(Error::Conflict(Code::EmailTaken)),
        Operation::get(api!("/auth/sessions"), list_sessions).pages(
            Answer::ok::<Page<ShownSession>>("A page of the list.").link(
                "delete_session",
                "id",
                "$response.body#/data/0/id",
                "Ends the newest.",
            ),
        ),
        Operation::delete(api!("/auth/sessions/{id}"), delete_session)
            .path_is("The session.", None)
            .answers(Answer::no_content("It has ended.")),
        Operation::post(api!("/auth/email"), change_email)
            .answers(Answer::new(
                StatusCode::ACCEPTED,
                "The new address is to be confirmed by a mail.",
            ))
            .refuses(Error::Forbidden(Code::WrongPassword)),
        Operation::post(api!("/auth/email/verify"), verify_email)
            .reads("User-Agent")
            .answers(Answer::no_content(
                "It is done, now or by the same token before.",
            ))
            .refuses(Error::Conflict(Code::UsernameTaken))
            .refuses(Error::Conflict(Code::EmailTaken))
            .refuses(Error::Unprocessable(Code::InvalidMailToken)),
        Operation::post(api!("/auth/email/resend"), resend_verification).answers(Answer::new(
            StatusCode::ACCEPTED,
            "A mail is on its way, unless the address is proved.",
        )),
        Operation::post(api!("/auth/password"), change_password)
            .answers(Answer::no_content("The password is the new one."))
            .refuses(Error::Forbidden(Code::WrongPassword)),
        Operation::post(api!("/auth/password/forgot"), forgot_password).answers(Answer::new(
            StatusCode::ACCEPTED,
            "If there is an account with this address, a mail is on its way.",
        )),
        Operation::post(api!("/auth/password/reset"), reset_password)
            .answers(Answer::no_content("The password is the new one."))
            .refuses(Error::Unprocessable(Code::InvalidMailToken)),
        Operation::get("/.well-known/jwks.json", get_public_keys)
            .answers(Answer::ok::<PublicKeys<'static>>("The keys."))
            .never(Code::DependencyUnavailable),
    ];
    document.slice(
        "auth",
        include_str!("mod.rs"),
        concat!(
            include_str!("routes.rs"),
            include_str!("registration/routes.rs"),
            include_str!("sign_in/routes.rs"),
            include_str!("sessions/routes.rs"),
            include_str!("refresh/routes.rs"),
            include_str!("setup/routes.rs"),
            include_str!("email/routes.rs"),
            include_str!("password_change/routes.rs"),
            include_str!("password_reset/routes.rs"),
        ),
        operations,
    );
}

impl Input for Viewer {
    fn describe(operation: &mut Operation) {
        describe_token(operation);
        operation.set_asker(Asker::SignedIn);
    }
}

impl Input for Moderator {
    fn describe(operation: &mut Operation) {
        describe_token(operation);
        operation.set_asker(Asker::Moderator);
        operation.add_refusal(Error::Forbidden(Code::RoleRequired));
    }
}

impl Input for Admin {
    fn describe(operation: &mut Operation) {
        describe_token(operation);
        operation.set_asker(Asker::Admin);
        operation.add_refusal(Error::Forbidden(Code::RoleRequired));
    }
}

impl Input for MaybeViewer {
    fn describe(operation: &mut Operation) {
        describe_token(operation);
        operation.set_asker(Asker::RicherWhenSignedIn);
    }
}

/// What the check of a token and the guard refuse, and the bookmark that is looked at with them.
fn describe_token(operation: &mut Operation) {
    for code in [
        Code::AuthenticationRequired,
        Code::InvalidToken,
        Code::TokenExpired,
        Code::SessionEnded,
    ] {
        operation.add_refusal(Error::Unauthenticated(code));
    }
    operation.add_refusal(Error::Forbidden(Code::AccountSuspended));
    operation.add_read("D1-Bookmark");
    operation.add_refusal(Error::Malformed(Code::MalformedBookmark));
}
