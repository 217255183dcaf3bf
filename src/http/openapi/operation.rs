//! One route as the document shows it.

use axum::extract::Extension;
use http::{HeaderMap, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::error::{Code, Error, Rule};
use crate::http::body::JsonBody;
use crate::http::conditional::{IfMatch, IfNoneMatch};
use crate::http::extract::{Json, Path, Query};
use crate::http::idempotency::Creation;
use crate::http::problem::Refusal;
use crate::http::rate_limit::Limiter;

/// Writes a type's schema.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Anyone; a token is not looked at.
    Anyone,
    /// Anyone, with more to see when signed in.
    RicherWhenSignedIn,
    /// Somebody with an account.
    SignedIn,
    /// A moderator or an admin.
    Moderator,
    /// An admin.
    Admin,
}

/// One route: what its handler's signature says, and what its slice adds.
pub struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// The handler's name, which is the operation's id.
    pub(super) handler: &'static str,
    pub(super) asker: Asker,
    pub(super) path_parameter: Option<PathParameter>,
    pub(super) query: Option<SchemaOf>,
    /// The parameters of the query string that must be given.
    pub(super) needed: &'static [&'static str],
    pub(super) body: Option<Body>,
    pub(super) reads: Vec<&'static str>,
    /// What each of its answers bears that is no refusal.
    pub(super) answer_headers: Vec<&'static str>,
    pub(super) answers: Vec<Answer>,
    pub(super) refusals: Vec<Refusal>,
}

/// What stands in braces in a path.
pub(super) struct PathParameter {
    pub(super) schema: SchemaOf,
    pub(super) says: &'static str,
    pub(super) example: Option<&'static str>,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) struct Body {
    pub(super) schema: SchemaOf,
    /// The most of it, in bytes.
    pub(super) limit: usize,
}

impl Operation {
    fn new<I, H: Handler<I>>(method: &'static str, path: &'static str, _: H) -> Self {
        let mut operation = Self {
            method,
            path,
            handler: std::any::type_name::<H>()
                .rsplit("::")
                .next()
                .unwrap_or_default(),
            asker: Asker::Anyone,
            path_parameter: None,
            query: None,
            needed: &[],
            body: None,
            reads: vec![],
            // The pipeline names the state that a write has made, and everything but a GET writes.
            answer_headers: if method == "get" {
                vec![]
            } else {
                vec!["D1-Bookmark"]
            },
            answers: vec![],
            // What any route can answer with, and what any that asks the database can.
            refusals: vec![
                Error::internal("an example").into(),
                Error::TooManyRequests {
                    policy: "address",
                    retry_after: 60,
                }
                .into(),
                unavailable(Code::DependencyUnavailable),
                unavailable(Code::Maintenance),
                unavailable(Code::Misconfigured),
                Refusal::NotAcceptable,
            ],
        };
        H::describe(&mut operation);
        operation
    }

    /// `GET path`, which `handler` serves.
    pub fn get<I>(path: &'static str, handler: impl Handler<I>) -> Self {
        Self::new("get", path, handler)
    }

    /// `POST path`, which `handler` serves.
    pub fn post<I>(path: &'static str, handler: impl Handler<I>) -> Self {
        Self::new("post", path, handler)
    }

    /// `PUT path`, which `handler` serves.
    pub fn put<I>(path: &'static str, handler: impl Handler<I>) -> Self {
        Self::new("put", path, handler)
    }

    /// `PATCH path`, which `handler` serves.
    pub fn patch<I>(path: &'static str, handler: impl Handler<I>) -> Self {
        Self::new("patch", path, handler)
    }

    /// `DELETE path`, which `handler` serves.
    pub fn delete<I>(path: &'static str, handler: impl Handler<I>) -> Self {
        Self::new("delete", path, handler)
    }

    /// Says what the path's parameter is.
    #[must_use]
    pub fn path_is(mut self, says: &'static str, example: Option<&'static str>) -> Self {
        if let Some(parameter) = &mut self.path_parameter {
            parameter.says = says;
            parameter.example = example;
        }
        self
    }

    /// A header it reads, one of `SOME_REQUESTS` in `headers`.
    #[must_use]
    pub fn reads(mut self, header: &'static str) -> Self {
        self.reads.push(header);
        self
    }

    /// An answer that is no error.
    #[must_use]
    pub fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// An answer that is a page of a list.
    #[must_use]
    pub fn pages(self, answer: Answer) -> Self {
        self.pages_of(&[], answer)
    }

    /// The same where these parameters of the query string, which must be given, select the list.
    #[must_use]
    pub fn pages_of(mut self, selection: &'static [&'static str], answer: Answer) -> Self {
        self.needed = selection;
        let of_path = path_parameter(self.path)
            .map(|parameter| (parameter, format!("$request.path.{parameter}")));
        let cursor = ("cursor", "$response.body#/next_cursor".to_owned());
        let of_query = selection.iter();
        let of_query = of_query.map(|name| (*name, format!("$request.query.{name}")));
        let parameters = of_path.into_iter().chain(of_query).chain([cursor]);
        let next = Link {
            operation: self.handler,
            parameters: parameters.collect(),
            says: "The next page, unless this is the last.",
        };
        let mut answer = answer.header("Link");
        answer.links.push(next);
        self.answers(answer)
            .refuses(Error::Malformed(Code::MalformedCursor))
    }

    /// A refusal besides those that its signature says.
    #[must_use]
    pub fn refuses(mut self, refusal: impl Into<Refusal>) -> Self {
        self.refusals.push(refusal.into());
        self
    }

    /// A refusal of every request with this input, for [`Input::describe`].
    pub fn add_refusal(&mut self, refusal: impl Into<Refusal>) {
        self.refusals.push(refusal.into());
    }

    /// A header that every request with this input may bear, for [`Input::describe`].
    pub fn add_read(&mut self, header: &'static str) {
        self.reads.push(header);
    }

    /// A header of every answer to it that is no refusal, for [`Input::describe`].
    pub fn add_answer_header(&mut self, header: &'static str) {
        self.answer_headers.push(header);
    }

    /// Who may ask, for [`Input::describe`].
    pub fn set_asker(&mut self, asker: Asker) {
        self.asker = asker;
    }

    /// Takes a refusal away that this operation alone cannot answer with.
    #[must_use]
    pub fn never(mut self, code: Code) -> Self {
        self.refusals
            .retain(|refusal| refusal.code() != code.as_str());
        self
    }
}

/// The name of the parameter in a path, if it has one.
pub(super) fn path_parameter(path: &'static str) -> Option<&'static str> {
    path.split(['{', '}']).nth(1)
}

fn unavailable(code: Code) -> Refusal {
    let source = String::new();
    Error::Unavailable { code, source }.into()
}

/// An answer that is no error.
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) says: &'static str,
    pub(super) body: Option<(&'static str, SchemaOf)>,
    pub(super) headers: Vec<&'static str>,
    pub(super) links: Vec<Link>,
}

/// Where an answer leads to: what of it another operation takes.
pub(super) struct Link {
    /// The id of the other operation.
    pub(super) operation: &'static str,
    /// Parameters of the other operation, each with a runtime expression of OpenAPI, which names a part
    /// of the request or of the answer.
    pub(super) parameters: Vec<(&'static str, String)>,
    pub(super) says: &'static str,
}

impl Answer {
    /// An answer without a body.
    #[must_use]
    pub fn new(status: StatusCode, says: &'static str) -> Self {
        Self {
            status,
            says,
            body: None,
            headers: vec![],
            links: vec![],
        }
    }

    /// 200 with a `T` as JSON.
    #[must_use]
    pub fn ok<T: JsonSchema>(says: &'static str) -> Self {
        Self::new(StatusCode::OK, says).bearing::<T>("application/json")
    }

    /// 201 with a `T` as JSON, and where it is to be found.
    #[must_use]
    pub fn created<T: JsonSchema>(says: &'static str) -> Self {
        Self::new(StatusCode::CREATED, says)
            .bearing::<T>("application/json")
            .header("Location")
    }

    /// 204.
    #[must_use]
    pub fn no_content(says: &'static str) -> Self {
        Self::new(StatusCode::NO_CONTENT, says)
    }

    /// The same with a `T` of this media type.
    #[must_use]
    pub fn bearing<T: JsonSchema>(mut self, media_type: &'static str) -> Self {
        self.body = Some((media_type, SchemaGenerator::subschema_for::<T>));
        self
    }

    /// The same with a header, one of `SOME_ANSWERS` in `headers`.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.headers.push(name);
        self
    }

    /// The same, leading to another operation: `value`, a runtime expression of OpenAPI, is what that
    /// takes as its `parameter`.
    #[must_use]
    pub fn link(
        mut self,
        operation: &'static str,
        parameter: &'static str,
        value: &'static str,
        says: &'static str,
    ) -> Self {
        self.links.push(Link {
            operation,
            parameters: vec![(parameter, value.to_owned())],
            says,
        });
        self
    }
}

/// A parameter of a handler: what it says of the operation.
pub trait Input {
    /// Adds it to the operation.
    fn describe(operation: &mut Operation);
}

impl Input for HeaderMap {
    fn describe(_: &mut Operation) {}
}

/// Every route can answer with what it answers with.
impl Input for Limiter {
    fn describe(_: &mut Operation) {}
}

impl<T> Input for Extension<T> {
    fn describe(_: &mut Operation) {}
}

/// A client that has what the answer would show gets 304 instead.
impl Input for IfNoneMatch {
    fn describe(operation: &mut Operation) {
        operation.add_read("If-None-Match");
        operation.add_answer_header("ETag");
        let unchanged = "The client has it: one of the tags it sent is still right.";
        operation
            .answers
            .push(Answer::new(StatusCode::NOT_MODIFIED, unchanged));
    }
}

impl Input for IfMatch {
    fn describe(operation: &mut Operation) {
        operation.add_read("If-Match");
        operation.add_answer_header("ETag");
        operation.add_refusal(Error::PreconditionFailed);
    }
}

impl<T: JsonBody + JsonSchema> Input for Json<T> {
    fn describe(operation: &mut Operation) {
        operation.body = Some(Body {
            schema: SchemaGenerator::subschema_for::<T>,
            limit: T::LIMIT,
        });
        operation.add_refusal(Error::Malformed(Code::MalformedJson));
        operation.add_refusal(Refusal::PayloadTooLarge);
        operation.add_refusal(Refusal::UnsupportedMediaType);
        operation.add_refusal(Error::invalid("/typo", Rule::UnknownField));
    }
}

impl<T: JsonBody + JsonSchema> Input for Creation<T> {
    fn describe(operation: &mut Operation) {
        Json::<T>::describe(operation);
        operation.add_read("Idempotency-Key");
        operation.add_answer_header("Idempotent-Replayed");
        operation.add_refusal(Error::Malformed(Code::MalformedIdempotencyKey));
        operation.add_refusal(Error::Unprocessable(Code::IdempotencyKeyReused));
    }
}

impl<T: JsonSchema> Input for Path<T> {
    fn describe(operation: &mut Operation) {
        operation.path_parameter = Some(PathParameter {
            schema: SchemaGenerator::subschema_for::<T>,
            says: "",
            example: None,
        });
        operation.add_refusal(Error::NotFound);
    }
}

impl<T: JsonSchema> Input for Query<T> {
    fn describe(operation: &mut Operation) {
        operation.query = Some(T::json_schema);
        operation.add_refusal(Error::invalid("/typo", Rule::UnknownField));
    }
}

/// A function that serves a route, by the types of its parameters.
pub trait Handler<Inputs> {
    /// Adds what its parameters say.
    fn describe(operation: &mut Operation);
}

macro_rules! handler {
    ($($input:ident),*) => {
        impl<F, Answer, $($input: Input),*> Handler<($($input,)*)> for F
        where
            F: Fn($($input),*) -> Answer,
        {
            fn describe(operation: &mut Operation) {
                $($input::describe(operation);)*
            }
        }
    };
}
handler!(A);
handler!(A, B);
handler!(A, B, C);
handler!(A, B, C, D);
handler!(A, B, C, D, E);
handler!(A, B, C, D, E, G);
