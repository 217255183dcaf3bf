//! What the comments in the sources say, for those who read the document.

/// The paragraphs of the comment above the function `name`.
pub(super) fn comment_of_function(source: &str, name: &str) -> Vec<String> {
    let signature = format!("fn {name}(");
    let before: Vec<_> = source
        .lines()
        .take_while(|line| !line.contains(&signature))
        .collect();
    let mut lines: Vec<_> = before
        .into_iter()
        .rev()
        .skip_while(|line| line.starts_with("#["))
        .map_while(|line| line.strip_prefix("///"))
        .collect();
    lines.reverse();
    paragraphs(lines)
}

/// The first paragraph of the comment at the top of a module.
pub(super) fn comment_of_module(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    paragraphs(lines).into_iter().next().unwrap_or_default()
}

fn paragraphs<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let text: Vec<_> = lines.into_iter().map(str::trim).collect();
    let text = text.join("\n");
    text.split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " ").trim().to_owned())
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
//! Birds, and
//! who feeds them.
//!
//! More.

/// `GET /birds`
///
/// Lists the birds
/// that are awake.
#[must_use]
async fn list_birds(app: App) {}
";

    #[test]
    fn a_functions_comment_is_read_in_paragraphs() {
        assert_eq!(
            comment_of_function(SOURCE, "list_birds"),
            ["`GET /birds`", "Lists the birds that are awake."]
        );
        assert_eq!(comment_of_function(SOURCE, "feed"), Vec::<String>::new());
    }

    #[test]
    fn a_modules_comment_is_its_first_paragraph() {
        assert_eq!(comment_of_module(SOURCE), "Birds, and who feeds them.");
    }
}
