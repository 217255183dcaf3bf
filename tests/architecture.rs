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
const SLICES: [&str; 12] = [
    "admin",
    "audit",
    "auth",
    "feed",
    "graph",
    "health",
    "likes",
    "moderation",
    "notifications",
    "posts",
    "search",
    "users",
];

/// What only the adapters of Workers may name.
const WORKER_CRATES: [&str; 6] = [
    "worker",
    "worker_sys",
    "js_sys",
    "web_sys",
    "wasm_bindgen",
    "wasm_bindgen_futures",
];

/// What only the native adapters may name: what stands in for the platform on any other machine.
const NATIVE_CRATES: [&str; 5] = [
    "libsqlite3_sys",
    "rand_chacha",
    "rusqlite",
    "ryu_js",
    "unicode_normalization",
];

/// Which room writes which table. Others may read it in a join, or append to the owner's statement
/// through what the owner exports.
const OWNERS: [(&str, &str); 23] = [
    ("audit_events", "audit"),
    ("blocks", "graph"),
    ("devices", "auth"),
    ("follows", "graph"),
    ("idempotency_keys", "http"),
    ("inboxes", "notifications"),
    ("jobs", "jobs"),
    ("likes", "likes"),
    ("mutes", "graph"),
    ("notifications", "notifications"),
    ("post_tags", "posts"),
    ("posts", "posts"),
    ("posts_text", "posts"),
    ("rate_limits", "http"),
    ("registrations", "auth"),
    ("reports", "moderation"),
    ("sessions", "auth"),
    ("setup_tokens", "auth"),
    ("tags", "posts"),
    ("tags_text", "posts"),
    ("told", "notifications"),
    ("users", "users"),
    ("users_text", "users"),
];

/// What of the standard library does I/O or tells the time.
const IMPURE_STD: [&str; 6] = ["env", "fs", "net", "process", "thread", "time"];

/// The functions that slices export of their rules.
const PURE_FUNCTIONS: [&str; 2] = ["check_display_name", "fold_case"];

/// What `rules.rs` may use of Kith: what is pure.
const PURE: [&str; 7] = ["error", "id", "mac", "number", "text", "time", "word"];

/// One source file: where it is, and what its code says without comments and tests.
struct Source {
    /// Relative to `src/`, with slashes.
    path: String,
    tokens: Vec<Token>,
    /// The texts of attributes that are no comments, by line.
    attributes: Vec<(usize, String)>,
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
        let mut source = Self {
            path: path.to_owned(),
            tokens: vec![],
            attributes: vec![],
        };
        source.flatten(stream);
        source
    }

    /// Lays a token tree out in a row, without attributes (which comments are too) and without test
    /// modules. The texts of a `concat!` are added once more as the one text they make.
    fn flatten(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        let mut in_tests = false;
        while let Some(tree) = trees.next() {
            let line = tree.span().start().line;
            match tree {
                TokenTree::Punct(hash) if hash.as_char() == '#' => {
                    if matches!(trees.peek(), Some(TokenTree::Punct(bang)) if bang.as_char() == '!')
                    {
                        trees.next();
                    }
                    if let Some(TokenTree::Group(attribute)) = trees.peek()
                        && attribute.delimiter() == Delimiter::Bracket
                    {
                        let text = attribute
                            .stream()
                            .to_string()
                            .replace(char::is_whitespace, "");
                        in_tests |= text == "cfg(test)";
                        if !text.starts_with("doc=") {
                            self.attributes.push((line, text));
                        }
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
                    let joins = self.text_at_end(1) == "!" && self.text_at_end(2) == "concat";
                    self.push(line, Kind::Punctuation, open);
                    if !tests {
                        self.flatten(group.stream());
                    }
                    self.push(line, Kind::Punctuation, close);
                    if joins {
                        self.push(line, Kind::Text, &joined(group.stream()));
                    }
                    in_tests &= !tests;
                }
                TokenTree::Ident(word) => self.push(line, Kind::Word, &word.to_string()),
                TokenTree::Literal(literal) => self.push(line, Kind::Text, &literal.to_string()),
                TokenTree::Punct(mark) => self.push(line, Kind::Punctuation, &mark.to_string()),
            }
        }
    }

    fn push(&mut self, line: usize, kind: Kind, text: &str) {
        self.tokens.push(Token {
            line,
            kind,
            text: text.to_owned(),
        });
    }

    /// The text of the token this many from the end, counted from 1.
    fn text_at_end(&self, back: usize) -> &str {
        self.tokens
            .len()
            .checked_sub(back)
            .map_or("", |index| self.text_at(index))
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
            let continues = index >= 3
                && self.text_at(index - 1) == ":"
                && self.text_at(index - 2) == ":"
                && (self.tokens[index - 3].kind == Kind::Word || self.text_at(index - 3) == ">");
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

/// The texts directly inside a `concat!`, as one.
fn joined(stream: TokenStream) -> String {
    stream
        .into_iter()
        .filter_map(|tree| match tree {
            TokenTree::Literal(literal) => Some(literal.to_string().trim_matches('"').to_owned()),
            _ => None,
        })
        .collect()
}

/// 1. The `worker` crate, what it stands on and the adapters made of it appear only in the entry and
///    in those adapters, so that the same App runs natively. By whatever path or other name: the words
///    themselves are not used.
fn the_platform_is_named_by_its_adapters_only(source: &Source) -> Vec<String> {
    if source.path == "entry.rs" || source.path.starts_with("platform/cloudflare/") {
        return vec![];
    }
    let is_platform = |token: &&Token| {
        WORKER_CRATES.contains(&token.text.as_str())
            || (token.text == "cloudflare" && source.path != "platform/mod.rs")
    };
    source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Word)
        .filter(is_platform)
        .map(|token| source.at(token, &format!("names `{}`", token.text)))
        .collect()
}

/// 1b. What stands in for the platform on any other machine appears only in the native adapters, and
///     nobody knows those by name, so that the App cannot tell where it runs.
fn the_native_adapters_are_named_by_nobody(source: &Source) -> Vec<String> {
    if source.path.starts_with("platform/native/") {
        return vec![];
    }
    let is_native = |token: &&Token| {
        NATIVE_CRATES.contains(&token.text.as_str())
            || (token.text == "native" && source.path != "platform/mod.rs")
    };
    source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Word)
        .filter(is_native)
        .map(|token| source.at(token, &format!("names `{}`", token.text)))
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
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Word && token.text == "axum")
        .map(|token| source.at(token, "uses axum"))
        .collect()
}

/// A text as SQL reads it: without quotes, comments and case, with single spaces.
fn normalised(literal: &str) -> String {
    let text = literal
        .trim_start_matches(['r', 'b', '#'])
        .trim_matches(['#', '"']);
    let text = text.replace("\\n", "\n");
    let code = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default());
    let words: Vec<_> = code.flat_map(str::split_whitespace).collect();
    words.join(" ").to_lowercase()
}

/// Whether a text begins a statement of SQL, which goes on in a way that a sentence does not.
fn begins_sql(literal: &str) -> bool {
    let text = normalised(literal);
    let text = text.trim_start_matches(['(', ' ']);
    let goes_on = |verb: &str, words: &[&str]| {
        text.strip_prefix(verb).is_some_and(|rest| {
            rest.starts_with([' ', '*', '('])
                && (words.is_empty() || words.iter().any(|word| rest.contains(word)))
        })
    };
    let schema = [" table", " index", " trigger", " view"];
    goes_on("select", &[])
        || goes_on("insert", &[" into "])
        || goes_on("replace", &[" into "])
        || goes_on("delete", &[" from "])
        || goes_on("update", &[" set "])
        || goes_on("with", &[" as ("])
        || goes_on("create", &schema)
        || goes_on("drop", &schema)
        || goes_on("alter", &schema)
        || goes_on("pragma", &[])
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
    let verbs = [
        "insert into",
        "insert or ignore into",
        "insert or replace into",
        "replace into",
        "update",
        "update or ignore",
        "update or replace",
        "delete from",
    ];
    let mut found = Vec::new();
    for token in source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Text)
    {
        let text = normalised(&token.text);
        for (table, owner) in OWNERS {
            let writes = verbs.iter().any(|verb| {
                let statement = format!("{verb} {table}");
                text.match_indices(&statement).any(|(start, _)| {
                    let rest = &text[start + statement.len()..];
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

/// 4. Rules are pure: they use domain types and what slices export of theirs, nothing that can do I/O.
fn rules_are_pure(source: &Source) -> Vec<String> {
    if source.file_name() != "rules.rs" {
        return vec![];
    }
    let is_impure = |names: &[&str]| match names {
        ["crate", room, ..] if PURE.contains(room) => false,
        // The rules that a slice's verbs share are rules themselves.
        ["crate", room, "rules", ..] if *room == source.room() => false,
        // An exported type; a name in lower case could be a module, or a function that does I/O.
        ["crate", room, name] => {
            let pure = name.starts_with(char::is_uppercase) || PURE_FUNCTIONS.contains(name);
            !(SLICES.contains(room) && pure)
        }
        ["crate" | "super", ..] => true,
        ["std", module, ..] => IMPURE_STD.contains(module),
        _ => false,
    };
    source
        .paths()
        .into_iter()
        .filter(|(_, names)| names.len() > 1 && is_impure(names))
        .map(|(token, names)| {
            source.at(token, &format!("is a rule and uses `{}`", names.join("::")))
        })
        .collect()
}

/// 5a. A slice uses another only through what its `mod.rs` exports, and climbs no further than its
///     own room.
fn a_slice_keeps_out_of_its_siblings_inside(source: &Source, modules: &Modules) -> Vec<String> {
    let reaches_in = |room: &str, inner: &str| {
        SLICES.contains(&room)
            && room != source.room()
            && modules.get(room).is_some_and(|names| names.contains(inner))
    };
    let is_wrong = |names: &[&str]| match names {
        ["super", "super", ..] => true,
        ["crate", room, inner] | [room, inner, ..] => reaches_in(room, inner),
        _ => false,
    };
    source
        .paths()
        .into_iter()
        .filter(|(_, names)| is_wrong(names))
        .map(|(token, names)| source.at(token, &format!("reaches into `{}`", names.join("::"))))
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
        .filter(|(_, names)| match names[..] {
            ["super", "super", ..] => true,
            ["crate", room, ..] => SLICES.contains(&room),
            _ => false,
        })
        .map(|(token, names)| source.at(token, &format!("knows `{}`", names.join("::"))))
        .collect()
}

/// 7. No lint against panics is switched off in the product's code.
fn no_lint_against_panics_is_switched_off(source: &Source) -> Vec<String> {
    let lints = [
        "clippy::unwrap_used",
        "clippy::expect_used",
        "clippy::indexing_slicing",
        "clippy::panic",
        "clippy::unreachable",
        "clippy::arithmetic_side_effects",
        "clippy::restriction",
        "clippy::all",
    ];
    let levels = ["allow(", "expect(", "warn("];
    source
        .attributes
        .iter()
        .filter(|(_, text)| levels.iter().any(|level| text.contains(level)))
        .filter(|(_, text)| lints.iter().any(|lint| text.contains(lint)))
        .map(|(line, _)| format!("src/{}:{line}: switches a lint off", source.path))
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
    check(the_native_adapters_are_named_by_nobody);
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
        let verbs = ["create table ", "create virtual table "];
        let names = sql
            .lines()
            .filter_map(|line| verbs.iter().find_map(|words| line.strip_prefix(words)))
            .filter_map(|rest| rest.split([' ', '(']).next());
        tables.extend(names.map(str::to_owned));
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
    check(no_lint_against_panics_is_switched_off);
}

/// Every slice of the list is a folder, and every folder is a slice or a foundation.
#[test]
fn the_list_of_rooms_is_complete() {
    let folders: BTreeSet<_> = sources()
        .iter()
        .filter(|source| source.path.contains('/'))
        .map(|source| source.room().to_owned())
        .collect();
    let foundations = ["config", "http", "jobs", "platform", "viewer"];
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
            || texts[0] == "nobody" && texts[1] == "("
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

/// What reaches the database as a bookmark: only what it has said itself, and what Kith has signed.
#[test]
fn only_a_checked_bookmark_reaches_the_database() {
    let made: Vec<_> = sources()
        .iter()
        .flat_map(|source| {
            functions_around(source, |window| {
                let texts: Vec<_> = window.iter().map(|token| token.text.as_str()).collect();
                texts[0] == "Bookmark" && texts[1] == ":" && texts[2] == ":" && texts[3] == "new"
            })
        })
        .filter(|place| !place.starts_with("platform/"))
        .collect();
    assert_eq!(made, ["http/bookmark.rs open"]);
}

/// Who lets a batch read elsewhere than at the primary: only what knows who asks.
#[test]
fn only_the_viewer_decides_where_a_batch_reads() {
    let made: Vec<_> = sources()
        .iter()
        .flat_map(|source| {
            functions_around(source, |window| {
                window[0].text == "reading" && window[1].text == "("
            })
        })
        .filter(|place| !place.starts_with("platform/"))
        .collect();
    assert_eq!(
        made,
        [
            "viewer/store.rs guarded",
            "viewer/store.rs guarded_if_signed_in"
        ]
    );
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
        let hides = [
            "any",
            "on",
            "nest",
            "nest_service",
            "route_service",
            "fallback_service",
        ];
        let hidden = source
            .tokens
            .iter()
            .find(|token| hides.contains(&token.text.as_str()));
        assert_eq!(hidden, None, "{path}: keeps routes out of this list");
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
    if words.contains(&"Admin") {
        "admins"
    } else if words.contains(&"Moderator") {
        "moderators and admins"
    } else if words.contains(&"MaybeViewer") {
        "anyone, richer when signed in"
    } else if words.contains(&"Viewer") {
        "signed in"
    } else {
        "anyone"
    }
}

// The rules themselves, on planted violations: each in several spellings.

/// Asserts that `rule` finds something in every one of these.
fn assert_found(path: &str, rule: impl Fn(&Source) -> Vec<String>, planted: &[&str]) {
    for code in planted {
        let found = rule(&Source::new(path, code));
        assert!(!found.is_empty(), "not found: {code}");
    }
}

#[test]
fn a_planted_worker_in_a_slice_is_found() {
    let planted = [
        "fn f() { worker::Date::now(); }",
        "fn f() { ::worker::Date::now(); }",
        "use ::worker::Env;",
        "use worker as w;",
        "use crate::platform::cloudflare::ports;",
        "use js_sys::Date;",
    ];
    assert_found(
        "likes/store.rs",
        the_platform_is_named_by_its_adapters_only,
        &planted,
    );
    assert_found(
        "platform/native/queue.rs",
        the_platform_is_named_by_its_adapters_only,
        &planted,
    );
    let adapter = Source::new("platform/cloudflare/queue.rs", "use worker::Env;");
    assert_none(&the_platform_is_named_by_its_adapters_only(&adapter));
}

#[test]
fn a_planted_native_adapter_in_a_slice_is_found() {
    let planted = [
        "use rusqlite::Connection;",
        "use ::rusqlite as sql;",
        "fn f() { ryu_js::Buffer::new(); }",
        "use crate::platform::native::Sqlite;",
        "use crate::platform::{Batch, native};",
        "use super::native;",
    ];
    for path in ["likes/store.rs", "app.rs", "platform/database.rs"] {
        assert_found(path, the_native_adapters_are_named_by_nobody, &planted);
    }
    let crates = planted.split_at(3).0;
    for path in ["platform/mod.rs", "platform/cloudflare/database.rs"] {
        assert_found(path, the_native_adapters_are_named_by_nobody, crates);
    }
    for (path, code) in [
        ("platform/native/database.rs", "use rusqlite::Connection;"),
        ("platform/mod.rs", "pub mod native;"),
    ] {
        assert_none(&the_native_adapters_are_named_by_nobody(&Source::new(
            path, code,
        )));
    }
}

#[test]
fn a_planted_axum_in_a_store_is_found() {
    let planted = [
        "use axum::Router;",
        "use ::axum::Router;",
        "use axum as web;",
    ];
    assert_found("likes/store.rs", axum_stays_where_http_is_spoken, &planted);
}

#[test]
fn planted_sql_outside_a_store_is_found() {
    let planted = [
        r#"const SQL: &str = "select id from likes";"#,
        r#"const SQL: &str = "SELECT\nid from likes";"#,
        r#"const SQL: &str = "insert or ignore into likes values (1)";"#,
        r#"const SQL: &str = "delete\n from likes";"#,
        r#"const SQL: &str = "update\n likes\n set x = 1";"#,
        r#"const SQL: &str = "drop table likes";"#,
        r#"const SQL: &str = "(select 1)";"#,
        r#"const SQL: &str = "-- a comment\nselect 1";"#,
        r#"const SQL: &str = concat!("sel", "ect id from likes");"#,
    ];
    assert_found("likes/routes.rs", sql_stands_in_stores_only, &planted);
    let innocent = "/// select id from likes\nfn f() -> &'static str { \"update it with care\" }";
    assert_none(&sql_stands_in_stores_only(&Source::new(
        "likes/routes.rs",
        innocent,
    )));
}

#[test]
fn a_planted_write_to_a_strangers_table_is_found() {
    let planted = [
        r#"const SQL: &str = "update posts\nset x = 1";"#,
        r#"const SQL: &str = "UPDATE posts set x = 1";"#,
        r#"const SQL: &str = "insert or replace into posts values (1)";"#,
        r#"const SQL: &str = "replace into posts values (1)";"#,
        r#"const SQL: &str = "insert into\n  posts values (1)";"#,
        r#"const SQL: &str = "delete\nfrom posts";"#,
        r#"const SQL: &str = concat!("update ", "posts set x = 1");"#,
    ];
    assert_found("likes/store.rs", only_the_owner_writes_a_table, &planted);
    let reading = r#"const SQL: &str = "insert into likes select id from posts";"#;
    assert_none(&only_the_owner_writes_a_table(&Source::new(
        "likes/store.rs",
        reading,
    )));
}

#[test]
fn a_planted_import_of_a_siblings_inside_is_found() {
    let inner = BTreeSet::from(["store".to_owned(), "routes".to_owned()]);
    let modules = Modules::from([("posts".to_owned(), inner)]);
    let planted = [
        "use crate::posts::{PostId, store::read};",
        "use super::super::posts::routes::router;",
        "use crate::posts; fn f() { posts::routes::router(); }",
    ];
    let rule = |source: &Source| a_slice_keeps_out_of_its_siblings_inside(source, &modules);
    assert_found("likes/routes.rs", rule, &planted);
    assert_none(&rule(&Source::new(
        "likes/routes.rs",
        "use crate::posts::require_visible;",
    )));
}

#[test]
fn a_planted_impure_rule_is_found() {
    let planted = [
        "use crate::platform::Batch;",
        "use super::store::read;",
        "use super::super::platform::Batch;",
        "use crate::posts::store;",
        "use std::fs;",
        "use std::time::Instant;",
    ];
    assert_found("posts/rules.rs", rules_are_pure, &planted);
    let pure = Source::new("auth/rules.rs", "use crate::users::{Email, fold_case};");
    let shared = "use crate::auth::rules::check_password;";
    assert_none(&rules_are_pure(&Source::new(
        "auth/sign_in/rules.rs",
        shared,
    )));
    assert!(!rules_are_pure(&Source::new("posts/rules.rs", shared)).is_empty());
    assert_none(&rules_are_pure(&pure));
}

#[test]
fn a_planted_slice_in_a_foundation_is_found() {
    let planted = [
        "use crate::likes;",
        "use super::super::likes;",
        "fn f() { crate::likes::routes::router(); }",
    ];
    assert_found("http/pipeline.rs", foundations_know_no_slice, &planted);
}

#[test]
fn a_planted_switch_of_a_lint_is_found() {
    let planted = [
        "#[allow(clippy::unwrap_used)]\nfn f() {}",
        "#[expect(\n    clippy::unwrap_used,\n    reason = \"because\"\n)]\nfn f() {}",
        "#![allow(clippy::restriction)]",
        "#[warn(clippy::unwrap_used)]\nfn f() {}",
    ];
    assert_found(
        "likes/store.rs",
        no_lint_against_panics_is_switched_off,
        &planted,
    );
}
