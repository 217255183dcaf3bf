//! The whole document.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::headers::{self, EVERY_ANSWER, EVERY_REQUEST, Header, SOME_ANSWERS, SOME_REQUESTS};
use super::operation::{Answer, Asker, Link, Operation, path_parameter};
use super::{codes, example, source};
use crate::http::problem::{Problem, Refusal};

/// The name of the security scheme.
const ACCESS_TOKEN: &str = "access_token";

/// The request id of every example.
const REQUEST_ID: &str = "5b1f0c1e9a5d4f0c8f6f0f6f3c1b2a19";

/// The OpenAPI document in the making.
pub struct Document {
    /// Writes what is sent: a field with a default may be left out.
    requests: SchemaGenerator,
    /// Writes what is answered.
    answers: SchemaGenerator,
    tags: Vec<Value>,
    paths: Map<String, Value>,
    /// Answers by name that belong to no operation alone: refusals with the same codes look the same
    /// everywhere.
    shared: Map<String, Value>,
}

impl Default for Document {
    fn default() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            requests: settings().for_deserialize().into_generator(),
            answers: settings().for_serialize().into_generator(),
            tags: vec![],
            paths: Map::new(),
            shared: Map::new(),
        }
    }
}

impl Document {
    /// Adds a slice's operations. `about` and `routes` are the sources of its module and of its
    /// handlers, whose comments are what the document says of them.
    pub fn slice(
        &mut self,
        name: &'static str,
        about: &str,
        routes: &str,
        operations: impl IntoIterator<Item = Operation>,
    ) {
        self.tags
            .push(json!({"name": name, "description": source::comment_of_module(about)}));
        for operation in operations {
            let described = self.describe(name, routes, &operation);
            let methods = self.paths.entry(operation.path).or_insert(json!({}));
            if let Some(methods) = methods.as_object_mut() {
                methods.insert(operation.method.to_owned(), described);
            }
        }
    }

    fn describe(&mut self, tag: &str, routes: &str, operation: &Operation) -> Value {
        let comment = source::comment_of_function(routes, operation.handler);
        let (summary, rest) = match comment.get(1..) {
            // The first paragraph names method and path: for another route's it is not taken.
            Some([summary, rest @ ..]) if names(operation, comment.first()) => (summary, rest),
            _ => (&String::new(), &[][..]),
        };
        let mut described = json!({
            "operationId": operation.handler,
            "tags": [tag],
            "summary": summary.trim_end_matches('.'),
            "parameters": self.parameters(operation),
            "security": match operation.asker {
                Asker::Anyone => json!([]),
                Asker::RicherWhenSignedIn => json!([{}, {ACCESS_TOKEN: []}]),
                Asker::SignedIn => json!([{ACCESS_TOKEN: []}]),
                // The role that is needed (OpenAPI 3.1, section 4.8.30).
                Asker::Moderator => json!([{ACCESS_TOKEN: ["moderator"]}]),
                Asker::Admin => json!([{ACCESS_TOKEN: ["admin"]}]),
            },
            "responses": self.responses(operation),
        });
        if let Some(members) = described.as_object_mut() {
            if !rest.is_empty() {
                members.insert("description".to_owned(), rest.join("\n\n").into());
            }
            if let Some(body) = operation.body {
                let schema = (body.schema)(&mut self.requests);
                let sent = json!({
                    "description": format!("At most {} bytes.", body.limit),
                    "required": true,
                    "content": {"application/json": {"schema": schema}},
                });
                members.insert("requestBody".to_owned(), sent);
            }
        }
        described
    }

    fn parameters(&mut self, operation: &Operation) -> Vec<Value> {
        let mut parameters = Vec::new();
        if let Some(parameter) = &operation.path_parameter {
            let mut described = json!({
                "name": path_parameter(operation.path),
                "in": "path",
                "required": true,
                "description": parameter.says,
                "schema": (parameter.schema)(&mut self.requests),
            });
            if let (Some(example), Some(members)) = (parameter.example, described.as_object_mut()) {
                members.insert("example".to_owned(), example.into());
            }
            parameters.push(described);
        }
        if let Some(query) = operation.query {
            let schema = query(&mut self.requests);
            let fields = schema.get("properties").and_then(Value::as_object);
            for (name, field) in fields.into_iter().flatten() {
                let mut field = field.clone();
                let says = field
                    .as_object_mut()
                    .and_then(|field| field.remove("description"));
                parameters.push(json!({
                    "name": name,
                    "in": "query",
                    "required": operation.needed.contains(&name.as_str()),
                    "description": says,
                    "schema": field,
                }));
            }
        }
        let every = EVERY_REQUEST.iter().map(|header| header.name);
        parameters.extend(
            operation
                .reads
                .iter()
                .copied()
                .chain(every)
                .map(|name| json!({"$ref": format!("#/components/parameters/{name}")})),
        );
        parameters
    }

    fn responses(&mut self, operation: &Operation) -> Map<String, Value> {
        let mut responses = Map::new();
        for answer in &operation.answers {
            let described = self.answer(answer, &operation.answer_headers);
            responses.insert(answer.status.as_str().to_owned(), described);
        }
        let mut by_status: BTreeMap<u16, BTreeMap<&'static str, &Refusal>> = BTreeMap::new();
        for refusal in &operation.refusals {
            by_status
                .entry(refusal.status().as_u16())
                .or_default()
                .insert(refusal.code(), refusal);
        }
        for (status, refusals) in by_status {
            let problem = refused(status, &refusals);
            if let Some(answer) = responses.get_mut(&status.to_string()) {
                add_media_types(answer, &problem);
            } else {
                let reference = self.share(status, &refusals, problem);
                responses.insert(status.to_string(), reference);
            }
        }
        responses
    }

    fn answer(&mut self, answer: &Answer, headers: &[&'static str]) -> Value {
        let mut described = json!({
            "description": answer.says,
            "headers": header_references(answer.headers.iter().chain(headers).copied()),
        });
        if let (Some((media_type, schema)), Some(members)) =
            (answer.body, described.as_object_mut())
        {
            let schema = schema(&mut self.answers);
            members.insert(
                "content".to_owned(),
                json!({media_type: {"schema": schema}}),
            );
        }
        if let (false, Some(members)) = (answer.links.is_empty(), described.as_object_mut()) {
            let links: Map<_, _> = answer.links.iter().map(link).collect();
            members.insert("links".to_owned(), links.into());
        }
        described
    }

    /// Puts a refusal among the components, and refers to it.
    fn share(
        &mut self,
        status: u16,
        refusals: &BTreeMap<&'static str, &Refusal>,
        problem: Value,
    ) -> Value {
        let codes: Vec<_> = refusals.keys().copied().collect();
        let name = format!("{status}.{}", codes.join("."));
        let reference = json!({"$ref": format!("#/components/responses/{name}")});
        self.shared.insert(name, problem);
        reference
    }

    /// Every path has `OPTIONS`, so its two answers are told beside them.
    fn share_options(&mut self) {
        for (name, says, headers) in [
            (
                "204.options",
                "To `OPTIONS`: the methods of the path.",
                &["Allow"][..],
            ),
            (
                "204.preflight",
                "To a browser's preflight: what a page of its origin may send, if it may.",
                headers::OF_PREFLIGHTS,
            ),
        ] {
            let headers = header_references(headers.iter().copied());
            let answer = json!({"description": says, "headers": headers});
            self.shared.insert(name.to_owned(), answer);
        }
    }

    /// The document of all slices added.
    #[must_use]
    pub fn finish(mut self) -> Value {
        self.share_options();
        // No operation has a method it has not, so this one is told beside them.
        let not_allowed = Refusal::MethodNotAllowed;
        let refusals = BTreeMap::from([(not_allowed.code(), &not_allowed)]);
        let problem = refused(not_allowed.status().as_u16(), &refusals);
        self.share(not_allowed.status().as_u16(), &refusals, problem);

        self.answers.subschema_for::<Problem<'static>>();
        let mut schemas = self.requests.take_definitions(true);
        let mut answered = self.answers.take_definitions(true);
        answered.values_mut().for_each(forget_reading);
        schemas.extend(answered);
        codes::close(&mut schemas);

        let components = |headers: [&[Header]; 2], entry: fn(&Header) -> Value| -> Value {
            headers
                .into_iter()
                .flatten()
                .map(|header| (header.name.to_owned(), entry(header)))
                .collect()
        };
        let mut document = json!({
            "openapi": "3.1.1",
            "info": {
                "title": "Kith",
                "version": env!("CARGO_PKG_VERSION"),
                "summary": "The backend of a social app, running at the edge",
                "description": include_str!("introduction.md"),
                "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            },
            "servers": [{"url": "/", "description": "The deployment that serves this document"}],
            "tags": self.tags,
            "paths": self.paths,
            "components": {
                "securitySchemes": {
                    ACCESS_TOKEN: {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "The `access_token` of a registration or a login.",
                    },
                },
                "parameters": components([EVERY_REQUEST, SOME_REQUESTS], Header::parameter),
                "headers": components([EVERY_ANSWER, SOME_ANSWERS], Header::header),
                "responses": self.shared,
                "schemas": schemas,
            },
        });
        let schemas = document
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        if let Some(paths) = document.get_mut("paths") {
            example::add(paths, &schemas);
        }
        document
    }
}

/// Whether the first paragraph of a handler's comment names this operation.
fn names(operation: &Operation, first: Option<&String>) -> bool {
    let path = operation.path;
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    first.is_some_and(|first| *first == format!("`{} {path}`", operation.method.to_uppercase()))
}

fn header_references(names: impl IntoIterator<Item = &'static str>) -> Value {
    let every = EVERY_ANSWER.iter().map(|header| header.name);
    names
        .into_iter()
        .chain(every)
        .map(|name| {
            let reference = json!({"$ref": format!("#/components/headers/{name}")});
            (name.to_owned(), reference)
        })
        .collect()
}

/// An entry of an answer's `links`, named by the operation it leads to.
fn link(link: &Link) -> (String, Value) {
    let parameters: Map<_, _> = link
        .parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
        .collect();
    let described = json!({
        "operationId": link.operation,
        "parameters": parameters,
        "description": link.says,
    });
    (link.operation.to_owned(), described)
}

/// A refusal with one of these codes.
fn refused(status: u16, refusals: &BTreeMap<&'static str, &Refusal>) -> Value {
    let codes: Vec<_> = refusals.keys().copied().collect();
    let title = refusals.values().next().map(|refusal| refusal.title());
    let mut says = title.unwrap_or_default().to_owned();
    for refusal in refusals.values() {
        // Writing to a String cannot fail.
        let _ = write!(says, "\n* `{}`: {}", refusal.code(), refusal.detail());
    }
    let examples: Map<String, Value> = refusals
        .values()
        .map(|refusal| {
            // A struct of texts and numbers always serialises.
            let problem = serde_json::to_value(Problem::of(refusal, REQUEST_ID));
            let example =
                json!({"summary": refusal.detail(), "value": problem.unwrap_or_default()});
            (refusal.code().to_owned(), example)
        })
        .collect();
    json!({
        "description": says,
        "headers": header_references(headers::of_refusal(status).iter().copied()),
        "content": {
            "application/problem+json": {
                "schema": {
                    "allOf": [
                        {"$ref": "#/components/schemas/Problem"},
                        {"properties": {"status": {"const": status}, "code": {"enum": codes}}},
                    ],
                },
                "examples": examples,
            },
        },
    })
}

/// Gives an answer the media types, headers and words of another with the same status.
fn add_media_types(answer: &mut Value, other: &Value) {
    let Some(answer) = answer.as_object_mut() else {
        return;
    };
    let words = [answer.get("description"), other.get("description")];
    let words: Vec<_> = words
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let words = words.join("\n\n");
    answer.insert("description".to_owned(), words.into());
    for member in ["content", "headers"] {
        let added = other.get(member).and_then(Value::as_object).cloned();
        let entries = answer.entry(member).or_insert(json!({}));
        if let Some(entries) = entries.as_object_mut() {
            entries.extend(added.unwrap_or_default());
        }
    }
}

/// Takes away what only concerns how an answer's type is held, or read from the database.
fn forget_reading(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flatten() {
        if let Some(members) = property.1.as_object_mut() {
            members.remove("default");
            members.remove("readOnly");
            members.retain(|name, value| name != "format" || !is_unsigned(value));
        }
    }
}

/// A format that says no more than the limits do.
fn is_unsigned(format: &Value) -> bool {
    format
        .as_str()
        .is_some_and(|format| format.starts_with("uint"))
}
