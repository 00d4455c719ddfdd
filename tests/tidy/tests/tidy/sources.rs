//! Rules about the text of files.

use crate::assert_none;
use crate::repository::{File, files, files_ending};

/// Lines of code in one file, without blank lines, comments and the tests at its end.
const MOST_LINES: usize = 400;
/// What the header of a longer file must say, with the reason after it.
const EXCUSE: &str = "Long because";

#[test]
fn every_file_says_what_it_is() {
    let of_the_gateway =
        |file: &File| ["gateway/", "filters/"].iter().any(|folder| file.path.starts_with(folder));
    let sources = files_ending(".rs").into_iter().filter(of_the_gateway);
    // A file named tests.rs says it by its name.
    let silent = sources.filter(|file| !file.path.ends_with("/tests.rs") && !file.text.starts_with("//! "));
    assert_none("a file does not begin with `//!`", silent.map(|file| file.path).collect());
}

#[test]
fn no_file_is_long_without_a_reason() {
    let sources = files_ending(".rs").into_iter().filter(|file| !file.path.contains("/tests/"));
    let findings = sources.filter_map(|file| {
        let lines = lines_of_code(&file.text);
        let mut header = file.text.lines().take_while(|line| line.starts_with("//!"));
        (lines > MOST_LINES && !header.any(|line| line.contains(EXCUSE)))
            .then(|| format!("{}: {lines}", file.path))
    });
    assert_none(
        &format!("more than {MOST_LINES} lines of code; split, or begin a reason with {EXCUSE:?}"),
        findings.collect(),
    );
}

fn lines_of_code(text: &str) -> usize {
    let tests = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let is_code = |line: &&str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//")
    };
    text[..tests].lines().filter(is_code).count()
}

#[test]
fn lines_of_code_are_what_is_left() {
    assert_eq!(
        lines_of_code(
            "//! Doc.\n\nfn a() {\n    // Why.\n}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n"
        ),
        2
    );
    assert_eq!(lines_of_code("#[cfg(test)]\nmod tests;\nfn a() {}\n"), 3);
}

#[test]
fn what_is_left_to_do_has_a_number() {
    // In pieces, so that this file has none.
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    // CONTRIBUTING.md states the rule; what other tools generate has words of its own.
    let theirs =
        |path: &str| path == "CONTRIBUTING.md" || path.ends_with(".lock") || path.ends_with("-lock.json");
    let mut findings = Vec::new();
    for file in files().into_iter().filter(|file| !theirs(&file.path)) {
        for (number, line) in file.text.lines().enumerate() {
            let numbered = |at: usize| {
                let after =
                    line[at..].trim_start_matches(|c: char| c.is_ascii_uppercase() || c == ' ' || c == '(');
                after.strip_prefix('#').is_some_and(|issue| issue.starts_with(|c: char| c.is_ascii_digit()))
            };
            if words.iter().filter_map(|word| line.find(word.as_str())).any(|at| !numbered(at)) {
                findings.push(format!("{}:{}", file.path, number + 1));
            }
        }
    }
    assert_none("something is left to do, and no issue says so", findings);
}

#[test]
fn no_path_of_a_workplace() {
    // In pieces, so that this file has none.
    let places = ["work", "farm", "tmp", "home", "root"].map(|place| format!("/{place}/"));
    let begins =
        |text: &str, at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/}".contains(c));
    let findings = files().into_iter().flat_map(|file| {
        let lines = file.text.lines().enumerate();
        let bad = lines.filter(|(_, line)| {
            places.iter().any(|place| line.match_indices(place.as_str()).any(|(at, _)| begins(line, at)))
        });
        bad.map(|(number, _)| format!("{}:{}", file.path, number + 1)).collect::<Vec<_>>()
    });
    assert_none("a path that is one machine's", findings.collect());
}
