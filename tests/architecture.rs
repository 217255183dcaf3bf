//! The rules of who may import whom and where SQL may stand, enforced on the sources' tokens.
//!
//! Each rule is a pure function of one file, so that the last tests here can plant a violation and
//! see it found. `ARCHITECTURE.md` states the rules and why they are.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test says what it expects by failing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The slices: one folder per thing the product does.
const SLICES: [&str; 6] = ["auth", "health", "likes", "notifications", "posts", "users"];

/// What only the adapters of Workers may name.
const WORKER_CRATES: [&str; 6] = [
    "worker",
    "worker_sys",
    "js_sys",
    "web_sys",
    "wasm_bindgen",
    "wasm_bindgen_futures",
];

/// Which room writes which table. Others may read it in a join, or append to the owner's statement
/// through what the owner exports.
const OWNERS: [(&str, &str); 10] = [
    ("blocks", "graph"),
    ("follows", "graph"),
    ("inboxes", "notifications"),
    ("jobs", "jobs"),
    ("likes", "likes"),
    ("notifications", "notifications"),
    ("posts", "posts"),
    ("sessions", "auth"),
    ("told", "notifications"),
    ("users", "users"),
];

/// What `rules.rs` may use of Kith: what is pure.
const PURE: [&str; 5] = ["error", "id", "mac", "text", "time"];

/// One source file: where it is, and what its code says without comments and tests.
struct Source {
    /// Relative to `src/`, with slashes.
    path: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    line: usize,
    kind: Kind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Text,
    Punctuation,
}

impl Source {
    fn new(path: &str, code: &str) -> Self {
        let stream: TokenStream = code
            .parse()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Self {
            path: path.to_owned(),
            tokens,
        }
    }

    /// The room the file belongs to: its folder, or its own name at the top.
    fn room(&self) -> &str {
        self.path
            .split('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs")
    }

    fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn at(&self, token: &Token, what: &str) -> String {
        format!("src/{}:{}: {what}", self.path, token.line)
    }

    /// Every path `root::second::third` in the code, as far as three names, with braces resolved.
    fn paths(&self) -> Vec<(&Token, Vec<&str>)> {
        let mut paths = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            let continues =
                index >= 2 && self.text_at(index - 1) == ":" && self.text_at(index - 2) == ":";
            if token.kind == Kind::Word && !continues {
                self.follow(index, vec![], &mut paths);
            }
        }
        paths
    }

    fn follow<'a>(
        &'a self,
        index: usize,
        mut names: Vec<&'a str>,
        paths: &mut Vec<(&'a Token, Vec<&'a str>)>,
    ) {
        let Some(token) = self.tokens.get(index) else {
            return;
        };
        names.push(&token.text);
        let goes_on = self.text_at(index + 1) == ":" && self.text_at(index + 2) == ":";
        if !goes_on || names.len() == 3 {
            paths.push((token, names));
        } else if self.text_at(index + 3) == "{" {
            let mut depth = 0;
            for inner in index + 3..self.tokens.len() {
                match self.text_at(inner) {
                    "{" => depth += 1,
                    "}" if depth == 1 => break,
                    "}" => depth -= 1,
                    _ => {}
                }
                let begins = matches!(self.text_at(inner - 1), "{" | ",");
                if depth == 1 && begins && self.tokens[inner].kind == Kind::Word {
                    self.follow(inner, names.clone(), paths);
                }
            }
        } else {
            self.follow(index + 3, names, paths);
        }
    }

    fn text_at(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| &token.text)
    }
}

/// Lays a token tree out in a row, without attributes' texts (which comments are too) and without
/// test modules.
fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    let mut in_tests = false;
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                if matches!(trees.peek(), Some(TokenTree::Punct(bang)) if bang.as_char() == '!') {
                    trees.next();
                }
                if let Some(TokenTree::Group(attribute)) = trees.peek()
                    && attribute.delimiter() == Delimiter::Bracket
                {
                    in_tests |= attribute.stream().to_string().replace(' ', "") == "cfg(test)";
                    trees.next();
                }
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                let tests = in_tests && group.delimiter() == Delimiter::Brace;
                let push = |tokens: &mut Vec<Token>, text: &str| {
                    tokens.push(Token {
                        line,
                        kind: Kind::Punctuation,
                        text: text.to_owned(),
                    });
                };
                push(tokens, open);
                if !tests {
                    flatten(group.stream(), tokens);
                }
                push(tokens, close);
                in_tests &= !tests;
            }
            TokenTree::Ident(word) => {
                tokens.push(Token {
                    line,
                    kind: Kind::Word,
                    text: word.to_string(),
                });
            }
            TokenTree::Literal(literal) => {
                tokens.push(Token {
                    line,
                    kind: Kind::Text,
                    text: literal.to_string(),
                });
            }
            TokenTree::Punct(mark) => {
                tokens.push(Token {
                    line,
                    kind: Kind::Punctuation,
                    text: mark.to_string(),
                });
            }
        }
    }
}

/// 1. The `worker` crate and what it stands on appear only in the entry and in Cloudflare's adapters,
///    so that the same App runs natively.
fn the_platform_is_named_by_its_adapters_only(source: &Source) -> Vec<String> {
    if source.path == "entry.rs" || source.path.starts_with("platform/cloudflare/") {
        return vec![];
    }
    let named = |names: &[&str]| names.len() > 1 && WORKER_CRATES.contains(&names[0]);
    source
        .paths()
        .into_iter()
        .filter(|(_, names)| named(names))
        .map(|(token, names)| source.at(token, &format!("names `{}`", names[0])))
        .collect()
}

/// 2. axum appears only where HTTP is spoken.
fn axum_stays_where_http_is_spoken(source: &Source) -> Vec<String> {
    let speaks_http = source.room() == "http"
        || ["app.rs", "entry.rs"].contains(&source.path.as_str())
        || source.file_name() == "routes.rs";
    if speaks_http {
        return vec![];
    }
    source
        .paths()
        .into_iter()
        .filter(|(_, names)| names.len() > 1 && names[0] == "axum")
        .map(|(token, _)| source.at(token, "uses axum"))
        .collect()
}

/// The SQL statements a text begins, by their first words.
fn begins_sql(literal: &str) -> bool {
    let text = literal
        .trim_start_matches(['r', 'b', '#', '"'])
        .trim_start()
        .to_lowercase();
    [
        "select ",
        "select\n",
        "insert into ",
        "update ",
        "delete from ",
        "with ",
        "replace into ",
        "create table",
    ]
    .iter()
    .any(|verb| text.starts_with(verb))
}

/// 3a. SQL stands only in files named `store.rs`.
fn sql_stands_in_stores_only(source: &Source) -> Vec<String> {
    if source.file_name() == "store.rs" {
        return vec![];
    }
    source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Text && begins_sql(&token.text))
        .map(|token| source.at(token, "holds SQL"))
        .collect()
}

/// 3b. Only the owner writes a table.
fn only_the_owner_writes_a_table(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for token in source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Text)
    {
        for (table, owner) in OWNERS {
            let writes = [
                "insert into",
                "insert or ignore into",
                "update",
                "delete from",
            ]
            .iter()
            .any(|verb| {
                let statement = format!("{verb} {table}");
                token.text.match_indices(&statement).any(|(start, _)| {
                    let rest = &token.text[start + statement.len()..];
                    !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
                })
            });
            if writes && source.room() != owner {
                found.push(source.at(token, &format!("writes `{table}`, which `{owner}` owns")));
            }
        }
    }
    found
}

/// 4. Rules are pure: they use domain types and each other's exports, nothing that can do I/O.
fn rules_are_pure(source: &Source) -> Vec<String> {
    if source.file_name() != "rules.rs" {
        return vec![];
    }
    source
        .paths()
        .into_iter()
        .filter(|(_, names)| {
            let of_kith = names.len() > 1 && names[0] == "crate";
            of_kith && !PURE.contains(&names[1]) && !SLICES.contains(&names[1])
        })
        .map(|(token, names)| source.at(token, &format!("is a rule and uses `{}`", names[1])))
        .collect()
}

/// 5a. A slice uses another only through what its `mod.rs` exports.
fn a_slice_keeps_out_of_its_siblings_inside(source: &Source, modules: &Modules) -> Vec<String> {
    source
        .paths()
        .into_iter()
        .filter(|(_, names)| {
            let inside = |names: &[&str]| {
                modules
                    .get(names[1])
                    .is_some_and(|inner| inner.contains(names[2]))
            };
            names.len() == 3
                && names[0] == "crate"
                && SLICES.contains(&names[1])
                && names[1] != source.room()
                && inside(names)
        })
        .map(|(token, names)| {
            source.at(token, &format!("reaches into `{}::{}`", names[1], names[2]))
        })
        .collect()
}

/// 5b. What every room stands on knows no slice.
fn foundations_know_no_slice(source: &Source) -> Vec<String> {
    let knows_all = ["app", "jobs", "entry", "lib"].contains(&source.room());
    if knows_all || SLICES.contains(&source.room()) {
        return vec![];
    }
    source
        .paths()
        .into_iter()
        .filter(|(_, names)| names.len() > 1 && names[0] == "crate" && SLICES.contains(&names[1]))
        .map(|(token, names)| source.at(token, &format!("knows the slice `{}`", names[1])))
        .collect()
}

/// 7. No lint against panics is switched off in the product's code.
fn no_lint_against_panics_is_switched_off(path: &str, code: &str) -> Vec<String> {
    let lints = [
        "unwrap_used",
        "expect_used",
        "indexing_slicing",
        "clippy::panic",
        "arithmetic_side_effects",
    ];
    code.lines()
        .enumerate()
        .filter(|(_, line)| line.contains("allow(") || line.contains("expect("))
        .filter(|(_, line)| line.contains("#[") || line.contains("#!["))
        .filter(|(_, line)| lints.iter().any(|lint| line.contains(lint)))
        .map(|(index, _)| format!("src/{path}:{}: switches a lint off", index + 1))
        .collect()
}

/// The modules inside each room, by the room's name.
type Modules = BTreeMap<String, BTreeSet<String>>;

fn rust_files(folder: &Path, found: &mut Vec<(String, String)>, root: &Path) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found, root);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            found.push((relative, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn product() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files, &root);
    assert!(files.len() > 30, "the sources were not found");
    files
}

fn sources() -> Vec<Source> {
    product()
        .iter()
        .map(|(path, code)| Source::new(path, code))
        .collect()
}

fn modules(sources: &[Source]) -> Modules {
    let mut modules = Modules::new();
    for source in sources {
        let inner = source.file_name().trim_end_matches(".rs");
        if source.path.contains('/') && inner != "mod" {
            modules
                .entry(source.room().to_owned())
                .or_default()
                .insert(inner.to_owned());
        }
    }
    modules
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn check(rule: impl Fn(&Source) -> Vec<String>) {
    assert_none(&sources().iter().flat_map(rule).collect::<Vec<_>>());
}

#[test]
fn invariant_1_the_platform_is_named_by_its_adapters_only() {
    check(the_platform_is_named_by_its_adapters_only);
}

#[test]
fn invariant_2_axum_stays_where_http_is_spoken() {
    check(axum_stays_where_http_is_spoken);
}

#[test]
fn invariant_3_sql_stands_in_stores_and_only_the_owner_writes_a_table() {
    check(sql_stands_in_stores_only);
    check(only_the_owner_writes_a_table);
}

#[test]
fn invariant_3_every_table_has_an_owner() {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut tables = BTreeSet::new();
    for entry in fs::read_dir(migrations).unwrap() {
        let sql = fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in sql
            .lines()
            .filter_map(|line| line.strip_prefix("create table "))
        {
            tables.insert(line.trim_end_matches(['(', ' ']).to_owned());
        }
    }
    let owned: BTreeSet<_> = OWNERS
        .into_iter()
        .map(|(table, _)| table.to_owned())
        .collect();
    assert_eq!(tables, owned);
}

#[test]
fn invariant_4_rules_are_pure() {
    check(rules_are_pure);
}

#[test]
fn invariant_5_slices_meet_through_their_exports_only() {
    let sources = sources();
    let modules = modules(&sources);
    let reach = |source: &Source| match source.room() {
        // The list of routers is the one place that names each slice's routes.
        "app" => vec![],
        _ => a_slice_keeps_out_of_its_siblings_inside(source, &modules),
    };
    check(reach);
    check(foundations_know_no_slice);
}

#[test]
fn invariant_5_the_graph_of_slices_has_no_cycle() {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources()
        .iter()
        .filter(|source| SLICES.contains(&source.room()))
    {
        for (_, names) in source.paths() {
            if names.len() > 1 && names[0] == "crate" && SLICES.contains(&names[1]) {
                uses.entry(source.room().to_owned())
                    .or_default()
                    .insert(names[1].to_owned());
            }
        }
    }
    // Take away, again and again, the slices that use none of the rest; a cycle stays.
    let mut rest: BTreeSet<_> = SLICES.iter().map(ToString::to_string).collect();
    loop {
        let free: Vec<_> = rest
            .iter()
            .filter(|slice| {
                uses.get(*slice).is_none_or(|used| {
                    used.iter()
                        .all(|other| other == *slice || !rest.contains(other))
                })
            })
            .cloned()
            .collect();
        if free.is_empty() {
            break;
        }
        for slice in free {
            rest.remove(&slice);
        }
    }
    assert!(
        rest.is_empty(),
        "these slices use each other in a circle: {rest:?}"
    );
}

#[test]
fn invariant_7_no_lint_against_panics_is_switched_off() {
    let found: Vec<_> = product()
        .iter()
        .flat_map(|(path, code)| no_lint_against_panics_is_switched_off(path, code))
        .collect();
    assert_none(&found);
}

/// Every slice of the list is a folder, and every folder is a slice or a foundation.
#[test]
fn the_list_of_rooms_is_complete() {
    let folders: BTreeSet<_> = sources()
        .iter()
        .filter(|source| source.path.contains('/'))
        .map(|source| source.room().to_owned())
        .collect();
    let foundations = ["http", "jobs", "platform", "viewer"];
    let known: BTreeSet<_> = SLICES
        .iter()
        .chain(&foundations)
        .map(ToString::to_string)
        .collect();
    assert_eq!(folders, known);
}

/// The name of the function around each place in the code that `is_it` picks.
fn functions_around(source: &Source, is_it: impl Fn(&[Token]) -> bool) -> Vec<String> {
    let mut function = String::new();
    let mut found = Vec::new();
    for (index, window) in source.tokens.windows(6).enumerate() {
        if window[0].text == "fn" && window[0].kind == Kind::Word {
            function.clone_from(&source.tokens[index + 1].text);
        }
        if is_it(window) {
            found.push(format!("{} {function}", source.path));
        }
    }
    found
}

fn compare_with_snapshot(name: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, now).unwrap();
    }
    let before = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        before == now,
        "tests/snapshots/{name} differs; if that is meant, run `UPDATE_SNAPSHOTS=1 cargo test` \
         and let the change show in review.\n--- before\n{before}\n--- now\n{now}"
    );
}

/// Who runs a batch with no account behind it: each of these must have a reason.
#[test]
fn the_list_of_public_batches_is_reviewed() {
    let texts = |window: &[Token]| -> Vec<String> {
        window.iter().map(|token| token.text.clone()).collect()
    };
    let public = |window: &[Token]| {
        let texts = texts(window);
        matches!(texts[0].as_str(), "Batch" | "Self")
            && texts[1] == ":"
            && texts[2] == ":"
            && texts[3] == "public"
    };
    let mut list = String::new();
    for source in sources() {
        for place in functions_around(&source, public) {
            writeln!(list, "{place}").unwrap();
        }
    }
    compare_with_snapshot("public_batches.txt", &list);
}

/// Who makes a viewer: only the check of an access token.
#[test]
fn only_a_checked_token_makes_a_viewer() {
    let made: Vec<_> = sources()
        .iter()
        .flat_map(|source| {
            functions_around(source, |window| {
                window[0].text == "of_checked_token" && window[1].text == "("
            })
        })
        .filter(|place| !place.starts_with("viewer/"))
        .collect();
    assert_eq!(made, ["auth/token.rs verify"]);
}

/// Method, path and who may ask, for every route.
#[test]
fn the_list_of_routes_is_reviewed() {
    let mut list = BTreeSet::new();
    for (path, code) in product()
        .iter()
        .filter(|(path, _)| path.ends_with("routes.rs"))
    {
        let source = Source::new(path, code);
        for (route, method, handler) in routes_of(&source) {
            list.insert(format!(
                "{method:<6} {route:<28} {}\n",
                asker(&source, &handler)
            ));
            let line = format!("/// `{method} {}`", route.trim_start_matches("/api/v1"));
            assert!(
                code.contains(&line),
                "{path}: `{handler}` lacks its line {line}"
            );
        }
    }
    compare_with_snapshot("routes.txt", &list.into_iter().collect::<String>());
}

/// `.route(path, get(a).post(b))` as (path, method, handler).
fn routes_of(source: &Source) -> Vec<(String, String, String)> {
    let mut routes = Vec::new();
    let mut path = String::new();
    let is_function = |index: &usize| source.text_at(*index) == "fn";
    let functions: Vec<_> = (0..source.tokens.len()).filter(is_function).collect();
    let start = functions
        .iter()
        .position(|index| source.text_at(index + 1) == "router");
    let start = start.unwrap_or_else(|| panic!("{}: no router", source.path));
    let end = functions
        .get(start + 1)
        .copied()
        .unwrap_or(source.tokens.len());
    for index in functions[start]..end {
        if source.text_at(index) == "route" && source.text_at(index + 1) == "(" {
            let is_api = source.text_at(index + 2) == "api";
            let literal = source.text_at(if is_api { index + 5 } else { index + 2 });
            let base = if is_api { "/api/v1" } else { "" };
            path = format!("{base}{}", literal.trim_matches('"'));
        }
        let method = source.text_at(index);
        if ["get", "post", "put", "patch", "delete"].contains(&method)
            && source.text_at(index + 1) == "("
            && source.text_at(index + 3) == ")"
            && !path.is_empty()
        {
            routes.push((
                path.clone(),
                method.to_uppercase(),
                source.text_at(index + 2).to_owned(),
            ));
        }
    }
    routes
}

/// Who may call a handler, by the extractor among its parameters.
fn asker(source: &Source, handler: &str) -> &'static str {
    let start = source
        .tokens
        .windows(2)
        .position(|pair| pair[0].text == "fn" && pair[1].text == handler)
        .unwrap_or_else(|| panic!("{}: no handler `{handler}`", source.path));
    let signature = source.tokens[start..]
        .iter()
        .take_while(|token| token.text != "{");
    let words: Vec<_> = signature.map(|token| token.text.as_str()).collect();
    if words.contains(&"MaybeViewer") {
        "anyone, richer when signed in"
    } else if words.contains(&"Viewer") {
        "signed in"
    } else {
        "anyone"
    }
}

// The rules themselves, on planted violations.

#[test]
fn a_planted_worker_in_a_slice_is_found() {
    let planted = Source::new("likes/store.rs", "fn f() { worker::Date::now(); }");
    assert_eq!(
        the_platform_is_named_by_its_adapters_only(&planted),
        ["src/likes/store.rs:1: names `worker`"]
    );
    let adapter = Source::new("platform/cloudflare/queue.rs", "use worker::Env;");
    assert_none(&the_platform_is_named_by_its_adapters_only(&adapter));
}

#[test]
fn planted_sql_outside_a_store_is_found() {
    let planted = Source::new(
        "likes/routes.rs",
        "\nconst SQL: &str = \"select id from likes\";",
    );
    assert_eq!(
        sql_stands_in_stores_only(&planted),
        ["src/likes/routes.rs:2: holds SQL"]
    );
    let comment = Source::new("likes/routes.rs", "/// select id from likes\nfn f() {}");
    assert_none(&sql_stands_in_stores_only(&comment));
}

#[test]
fn a_planted_write_to_a_strangers_table_is_found() {
    let planted = Source::new(
        "likes/store.rs",
        "const SQL: &str = \"update posts\nset x = 1\";",
    );
    assert_eq!(
        only_the_owner_writes_a_table(&planted),
        ["src/likes/store.rs:1: writes `posts`, which `posts` owns"]
    );
}

#[test]
fn a_planted_import_of_a_siblings_inside_is_found() {
    let planted = Source::new(
        "likes/routes.rs",
        "use crate::posts::{PostId, store::read};",
    );
    let modules = Modules::from([("posts".into(), BTreeSet::from(["store".into()]))]);
    assert_eq!(
        a_slice_keeps_out_of_its_siblings_inside(&planted, &modules),
        ["src/likes/routes.rs:1: reaches into `posts::store`"]
    );
}

#[test]
fn a_planted_impure_rule_is_found() {
    let planted = Source::new("posts/rules.rs", "use crate::platform::Batch;");
    assert_eq!(
        rules_are_pure(&planted),
        ["src/posts/rules.rs:1: is a rule and uses `platform`"]
    );
}

#[test]
fn a_planted_slice_in_a_foundation_is_found() {
    let planted = Source::new("http/pipeline.rs", "use crate::likes;");
    assert_eq!(
        foundations_know_no_slice(&planted),
        ["src/http/pipeline.rs:1: knows the slice `likes`"]
    );
}

#[test]
fn a_planted_switch_of_a_lint_is_found() {
    let planted = "#[allow(clippy::unwrap_used)]\nfn f() {}";
    assert_eq!(
        no_lint_against_panics_is_switched_off("likes/store.rs", planted),
        ["src/likes/store.rs:1: switches a lint off"]
    );
}
