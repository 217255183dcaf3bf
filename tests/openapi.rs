//! Holds the OpenAPI document to the code: the committed file to the types, its paths to the routes,
//! its codes to the enums and to `docs/errors.md`, its headers to what the bridge lets through.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every operation as (method, path, itself).
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(METHODS.contains(&method.as_str()), "{method} {path}");
            operations.push((method.to_uppercase(), path.clone(), operation));
        }
    }
    operations
}

/// What `$ref` refers to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
        return value;
    };
    let found = document.pointer(reference.trim_start_matches('#'));
    found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn texts(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// The document as a file: characters that show nothing are written as escapes, so that a review
/// sees them.
fn written(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap();
    text.push('\n');
    let mut file = String::new();
    for character in text.chars() {
        let shows =
            character.is_ascii() || character.is_alphanumeric() || "–…→".contains(character);
        if shows {
            file.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(file, "\\u{unit:04x}").unwrap();
            }
        }
    }
    file
}

#[test]
fn the_committed_document_is_what_the_types_say() {
    let now = written(&kith::app::openapi());
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(root().join("openapi.json"), &now).unwrap();
    }
    let before = fs::read_to_string(root().join("openapi.json")).unwrap_or_default();
    let differs = before
        .lines()
        .zip(now.lines())
        .position(|(before, now)| before != now);
    assert!(
        before == now,
        "openapi.json differs from what the types say, first in line {}; if that is meant, run \
         `UPDATE_SNAPSHOTS=1 cargo test` and let the change show in review",
        differs.map_or(before.lines().count().min(now.lines().count()), |line| line) + 1
    );
}

/// `tests/architecture.rs` holds the list to the routers.
#[test]
fn the_document_has_the_routes_there_are_and_who_may_ask() {
    let document = kith::app::openapi();
    let documented: BTreeSet<_> = operations(&document)
        .into_iter()
        .map(|(method, path, operation)| {
            let by = |roles: &[&str]| serde_json::json!({"access_token": roles});
            let signed_in = by(&[]);
            let asker = match operation["security"].as_array().unwrap().as_slice() {
                [] => "anyone",
                [nobody, somebody]
                    if nobody == &serde_json::json!({}) && *somebody == signed_in =>
                {
                    "anyone, richer when signed in"
                }
                [somebody] if *somebody == signed_in => "signed in",
                [somebody] if *somebody == by(&["moderator"]) => "moderators and admins",
                [somebody] if *somebody == by(&["admin"]) => "admins",
                other => panic!("{other:?}"),
            };
            format!("{method:<6} {path:<28} {asker}")
        })
        .collect();
    let routes: BTreeSet<_> = read("tests/snapshots/routes.txt")
        .lines()
        .map(str::to_owned)
        .collect();
    let missing: Vec<_> = routes.difference(&documented).collect();
    let invented: Vec<_> = documented.difference(&routes).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "not in the document: {missing:#?}\nno such route: {invented:#?}"
    );
}

#[test]
fn every_link_leads_to_an_operation_and_names_what_it_takes() {
    let document = kith::app::openapi();
    let operations = operations(&document);
    let mut links = 0;
    for (method, path, operation) in &operations {
        let answers = operation["responses"].as_object().unwrap().values();
        for (name, link) in answers
            .filter_map(|answer| answer["links"].as_object())
            .flatten()
        {
            links += 1;
            let place = format!("{method} {path}, link {name}");
            let target = operations
                .iter()
                .find(|(_, _, other)| other["operationId"] == link["operationId"]);
            let (_, other_path, target) = target.unwrap_or_else(|| panic!("{place} leads nowhere"));
            let given: BTreeSet<_> = link["parameters"].as_object().unwrap().keys().collect();
            for parameter in &given {
                let known = target["parameters"].as_array().unwrap().iter();
                let known = known.map(|one| &resolved(&document, one)["name"]);
                assert!(
                    known.clone().any(|known| known == parameter.as_str()),
                    "{place} gives {parameter}, which {other_path} does not take"
                );
            }
            if let Some(needed) = other_path.split(['{', '}']).nth(1) {
                assert!(given.contains(&needed.to_owned()), "{place} lacks {needed}");
            }
        }
    }
    assert!(links > 5, "{links} links");
}

/// A summary is there only if the handler's comment names the operation's method and path.
#[test]
fn every_operation_is_described_by_its_own_handler() {
    let document = kith::app::openapi();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(
            !operation["summary"].as_str().unwrap().is_empty(),
            "{place}: the handler's comment says nothing, or names another route"
        );
        assert!(
            ids.insert(operation["operationId"].to_string()),
            "{place}: twice"
        );
        for parameter in operation["parameters"].as_array().unwrap() {
            let parameter = resolved(&document, parameter);
            let says = parameter["description"].as_str().unwrap_or_default();
            assert!(
                !says.is_empty(),
                "{place}: {} is not described",
                parameter["name"]
            );
        }
    }
}

/// The rows of a table of codes in `docs/errors.md`, as their cells.
fn documented_codes(heading: &str) -> Vec<Vec<String>> {
    let text = read("docs/errors.md");
    let section = text.split("\n## ").find(|part| part.starts_with(heading));
    let rows = section.unwrap().lines().filter(|line| line.contains("| `"));
    let rows = rows.chain(
        section
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("| `") && !line.contains("`code`")),
    );
    let cells = |row: &str| -> Vec<String> {
        let cells = row.trim_matches('|').split('|');
        cells
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect()
    };
    let mut rows: Vec<_> = rows.map(cells).collect();
    rows.retain(|row| !row.iter().any(|cell| cell == "code"));
    rows.dedup();
    rows
}

#[test]
fn the_codes_of_the_document_and_of_the_guide_are_the_same() {
    let document = kith::app::openapi();
    let schemas = &document["components"]["schemas"];

    let rows = documented_codes("Codes\n");
    let guide: BTreeSet<_> = rows.iter().map(|row| row[1].clone()).collect();
    assert_eq!(texts(&schemas["ProblemCode"]["enum"]), guide);

    // Each code of an answer is in the guide with that status, and each of the guide is some answer's.
    let documented: BTreeSet<_> = rows
        .iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    let mut answered = BTreeSet::new();
    let components = document["components"]["responses"].as_object().unwrap();
    let of_operations = operations(&document)
        .into_iter()
        .flat_map(|(_, _, operation)| operation["responses"].as_object().unwrap().clone());
    let of_components = components
        .iter()
        .map(|(name, response)| (name.split('.').next().unwrap().to_owned(), response.clone()));
    for (status, response) in of_operations.chain(of_components) {
        let response = resolved(&document, &response);
        let schema = &response["content"]["application/problem+json"]["schema"];
        if let Some(codes) = schema.pointer("/allOf/1/properties/code/enum") {
            answered.extend(texts(codes).into_iter().map(|code| (status.clone(), code)));
        }
    }
    assert_eq!(answered, documented);

    let rules = documented_codes("Codes of single rules");
    let rules: BTreeSet<_> = rules.iter().map(|row| row[0].clone()).collect();
    assert_eq!(texts(&schemas["RuleCode"]["enum"]), rules);
}

/// A refusal shows a whole problem for each of its codes, made by the code that answers with it.
#[test]
fn every_refusal_shows_an_example_of_each_code() {
    let document = kith::app::openapi();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        if name.starts_with('2') {
            continue;
        }
        let content = &response["content"]["application/problem+json"];
        let codes = texts(
            content
                .pointer("/schema/allOf/1/properties/code/enum")
                .unwrap(),
        );
        let examples = content["examples"].as_object().unwrap();
        assert_eq!(
            examples.keys().cloned().collect::<BTreeSet<_>>(),
            codes,
            "{name}"
        );
        for (code, example) in examples {
            assert_eq!(example["value"]["code"], **code);
            assert!(
                name.starts_with(&example["value"]["status"].to_string()),
                "{name}"
            );
        }
    }
}

/// What a request is refused for that has a field or parameter too many, the document refuses too.
#[test]
fn unknown_fields_are_refused() {
    let document = kith::app::openapi();
    let mut bodies = 0;
    for (method, path, operation) in operations(&document) {
        if let Some(body) = operation.get("requestBody") {
            let schema = &body["content"]["application/json"]["schema"];
            let schema = resolved(&document, schema);
            assert_eq!(schema["additionalProperties"], false, "{method} {path}");
            bodies += 1;
        }
    }
    assert!(bodies >= 4);
}

/// The bridge copies only what Kith reads, so each of these must be documented.
#[test]
fn every_header_that_kith_reads_is_documented() {
    let bridge = read("src/platform/cloudflare/bridge.rs");
    let lists = bridge.split("const READ").skip(1);
    let read: BTreeSet<_> = lists
        .flat_map(|list| {
            let (_, names) = list.split_once("= [").unwrap();
            names.split_once(']').unwrap().0.split(',')
        })
        .map(|name| name.trim().to_lowercase().replace('_', "-"))
        .filter(|name| !name.is_empty())
        .collect();
    assert!(read.len() >= 7, "{read:?}");
    let document = kith::app::openapi();
    let parameters = document["components"]["parameters"].as_object().unwrap();
    let mut known: BTreeSet<_> = parameters.keys().map(|name| name.to_lowercase()).collect();
    // The first is the security scheme; two are what having a body of a type means; the next is the
    // platform's to write, not a client's. What the client takes is what each answer says it is; the
    // others a browser sends for a page.
    let others = [
        "authorization",
        "content-type",
        "content-length",
        "cf-connecting-ip",
        "accept",
        "access-control-request-method",
        "origin",
    ];
    known.extend(others.map(str::to_owned));
    assert_eq!(known, read);
}
