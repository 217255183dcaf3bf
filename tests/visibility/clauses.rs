//! The clauses of a condition in SQL, and the condition without each of them.

use std::ops::Range;

/// A condition that lacks one of its clauses.
pub(crate) struct Without {
    /// The clause, as it was written.
    pub(crate) clause: String,
    /// The whole text without it.
    pub(crate) text: String,
}

/// What is left of a clause that is taken out: what decides nothing in its place.
#[derive(Clone, Copy)]
enum Neutral {
    True,
    False,
}

/// The text without each clause of its condition in turn: each part of each `and` and `or`, in parentheses and
/// in the `where` of subqueries too.
pub(crate) fn without_each(text: &str) -> Vec<Without> {
    let mut found = Vec::new();
    walk(text, 0..text.len(), &mut found);
    found
        .into_iter()
        .map(|(range, neutral)| Without {
            clause: text[range.clone()].to_owned(),
            text: format!(
                "{}{}{}",
                &text[..range.start],
                match neutral {
                    Neutral::True => "true",
                    Neutral::False => "false",
                },
                &text[range.end..]
            ),
        })
        .collect()
}

fn walk(text: &str, range: Range<usize>, found: &mut Vec<(Range<usize>, Neutral)>) {
    for (word, neutral) in [(" or ", Neutral::False), (" and ", Neutral::True)] {
        let parts = split(text, range.clone(), word);
        if parts.len() > 1 {
            for part in parts {
                found.push((part.clone(), neutral));
                walk(text, part, found);
            }
            return;
        }
    }
    let range = trimmed(text, range);
    let inside = &text[range.clone()];
    if let Some(rest) = inside.strip_prefix("not ") {
        walk(text, range.end - rest.len()..range.end, found);
    } else if inside.starts_with("exists (") && inside.ends_with(')') {
        let condition = inside
            .find(" where ")
            .map_or(range.end, |at| range.start + at + " where ".len());
        walk(text, condition..range.end - 1, found);
    } else if inside.starts_with('(') && inside.ends_with(')') {
        walk(text, range.start + 1..range.end - 1, found);
    }
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..range.end - (part.len() - part.trim_end().len())
}

/// The parts between `word`s that stand outside of parentheses and quotes. Line breaks count as spaces.
fn split(text: &str, range: Range<usize>, word: &str) -> Vec<Range<usize>> {
    let spaced = text.replace('\n', " ");
    let mut parts = Vec::new();
    let (mut depth, mut quoted, mut begin, mut at) = (0, false, range.start, range.start);
    while at < range.end {
        match spaced.as_bytes()[at] {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            _ if depth == 0 && !quoted && spaced[at..range.end].starts_with(word) => {
                parts.push(trimmed(text, begin..at));
                at += word.len() - 1;
                begin = at;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(trimmed(text, begin..range.end));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_taken_out_once_and_leaves_the_rest() {
        let text = "(a and (b or not exists (select 1 from t where c = 'x and y' and d)))";
        let found: Vec<_> = without_each(text)
            .into_iter()
            .map(|Without { clause, text }| (clause, text))
            .collect();
        let expected = [
            (
                "a",
                "(true and (b or not exists (select 1 from t where c = 'x and y' and d)))",
            ),
            (
                "(b or not exists (select 1 from t where c = 'x and y' and d))",
                "(a and true)",
            ),
            (
                "b",
                "(a and (false or not exists (select 1 from t where c = 'x and y' and d)))",
            ),
            (
                "not exists (select 1 from t where c = 'x and y' and d)",
                "(a and (b or false))",
            ),
            (
                "c = 'x and y'",
                "(a and (b or not exists (select 1 from t where true and d)))",
            ),
            (
                "d",
                "(a and (b or not exists (select 1 from t where c = 'x and y' and true)))",
            ),
        ];
        let expected = expected.map(|(clause, text)| (clause.to_owned(), text.to_owned()));
        assert_eq!(found, expected);
    }
}
