//! What is wrong with a configuration, shown where it is written.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// The problems and warnings of one configuration.
#[derive(Debug)]
pub struct Report {
    name: String,
    text: String,
    findings: Vec<Finding>,
}

/// One thing to tell the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it keeps the configuration from running.
    pub severity: Severity,
    /// The bytes of the configuration that it is about; `None` when it is about no place in it.
    pub span: Option<Range<usize>>,
    /// What is wrong, as one sentence without a full stop.
    pub what: String,
    /// What to do about it, when that is not obvious.
    pub hint: Option<String>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The configuration cannot run.
    Error,
    /// The configuration runs, but perhaps not as meant.
    Warning,
}

impl Report {
    /// A report on `text`, which holds no secrets and is called `name`.
    pub(crate) fn new(name: &str, text: String, mut findings: Vec<Finding>) -> Report {
        findings.sort_by_key(|finding| finding.span.as_ref().map_or(0, |span| span.start));
        findings.dedup();
        Report { name: name.to_owned(), text, findings }
    }

    /// What was found, in the order of the text.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many problems keep the configuration from running.
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// How many findings do not keep it from running.
    pub fn warnings(&self) -> usize {
        self.findings.len() - self.errors()
    }

    /// The findings, each with its line of the configuration, and a last line that counts them, each line ended. `colour` is for
    /// terminals.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut rendered = String::new();
        for finding in &self.findings {
            rendered.push_str(&self.render_one(finding, &renderer));
            rendered.push_str("\n\n");
        }
        rendered.push_str(&self.summary());
        rendered.push('\n');
        rendered
    }

    fn render_one(&self, finding: &Finding, renderer: &Renderer) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(finding.what.as_str()));
        if let Some(span) = &finding.span {
            let span = first_line(&self.text, span);
            group = group.element(
                Snippet::source(self.text.as_str())
                    .path(self.name.as_str())
                    .annotation(AnnotationKind::Primary.span(span)),
            );
        }
        if let Some(hint) = &finding.hint {
            group = group.element(Level::HELP.message(hint.as_str()));
        }
        renderer.render(&[group])
    }

    /// `gateway.toml: 2 problems, 1 warning`.
    fn summary(&self) -> String {
        let count = |number: usize, noun: &str| match number {
            0 => None,
            1 => Some(format!("1 {noun}")),
            _ => Some(format!("{number} {noun}s")),
        };
        let counted: Vec<String> = [count(self.errors(), "problem"), count(self.warnings(), "warning")]
            .into_iter()
            .flatten()
            .collect();
        let counted = if counted.is_empty() { "no problems".to_owned() } else { counted.join(", ") };
        format!("{}: {counted}", self.name)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Report {}

/// Collects findings while a configuration is read and planned. Reading goes on after each, so that all are found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: RefCell<Vec<Finding>>,
}

impl Findings {
    /// Notes a problem.
    pub(crate) fn error(&self, span: Range<usize>, what: impl Into<String>) {
        self.add(Severity::Error, span, what.into(), None);
    }

    /// Notes a problem with advice.
    pub(crate) fn error_with_hint(
        &self,
        span: Range<usize>,
        what: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(Severity::Error, span, what.into(), Some(hint.into()));
    }

    /// Notes something legal that is probably not meant.
    pub(crate) fn warn(&self, span: Range<usize>, what: impl Into<String>, hint: impl Into<String>) {
        self.add(Severity::Warning, span, what.into(), Some(hint.into()));
    }

    /// Notes something about the configuration as a whole.
    pub(crate) fn nowhere(&self, severity: Severity, what: impl Into<String>, hint: Option<String>) {
        self.found.borrow_mut().push(Finding { severity, span: None, what: what.into(), hint });
    }

    /// Whether no problem was noted. Warnings are none.
    pub(crate) fn is_clean(&self) -> bool {
        self.found.borrow().iter().all(|finding| finding.severity != Severity::Error)
    }

    pub(crate) fn into_inner(self) -> Vec<Finding> {
        self.found.into_inner()
    }

    fn add(&self, severity: Severity, span: Range<usize>, what: String, hint: Option<String>) {
        self.found.borrow_mut().push(Finding { severity, span: Some(span), what, hint });
    }
}

/// The known word that a mistyped one was probably meant to be.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A word may be off by one letter in three. Very long words are no typing mistakes, and comparing them is slow.
    let tolerated = (wrong.chars().count() / 3).clamp(1, 4);
    if wrong.len() > 100 {
        return None;
    }
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(wrong, word), word))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `did you mean …` if a known word is near, and else the list of them.
pub(crate) fn suggest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>, nouns: &str) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(wrong, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => format!("there are no {nouns}"),
        None if known.len() == 1 => format!("of {nouns} there is only {}", quoted(known)),
        None => format!("the {nouns} are {}", quoted(known)),
    }
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        words => words.concat(),
    }
}

/// A span cut off at the end of its first line, within the text and at borders of characters.
fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.floor_char_boundary(span.end.clamp(start, text.len()));
    let line = text.get(start..end).and_then(|text| text.lines().next()).unwrap_or_default();
    start..start + line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wrong: &str, known: &[&str], expected: &str) {
        assert_eq!(suggest(wrong, known.iter().copied(), "words"), expected, "{wrong}");
    }

    #[test]
    fn suggests_what_was_meant() {
        check("caht", &["chat", "web"], "did you mean `chat`?");
        check("clusterss", &["listeners", "clusters"], "did you mean `clusters`?");
        check("x", &["chat", "web", "api"], "the words are `chat`, `web` and `api`");
        check("x", &["chat"], "of words there is only `chat`");
        check("x", &[], "there are no words");
        check(&"x".repeat(1 << 20), &["chat"], "of words there is only `chat`");
    }

    #[test]
    fn shows_the_line_and_counts() {
        let findings = Findings::default();
        findings.warn(8..16, "two", "mind it");
        findings.error(2..3, "one");
        let report = Report::new("a.toml", "a = 1\nb = [\n1, 2\n]\n".to_owned(), findings.into_inner());
        let expected = "\
error: one
 --> a.toml:1:3
  |
1 | a = 1
  |   ^

warning: two
 --> a.toml:2:3
  |
2 | b = [
  |   ^^^
  |
  = help: mind it

a.toml: 1 problem, 1 warning
";
        assert_eq!(report.to_string(), expected);
        assert!(report.render(true).contains("\u{1b}["));
    }

    #[test]
    fn survives_any_span() {
        for span in [0..0, 0..99, 99..100, 1..2, 4..6] {
            let findings = Findings::default();
            findings.error(span, "odd");
            let report = Report::new("a", "é\r\nö\u{0}\t".to_owned(), findings.into_inner());
            assert!(report.to_string().starts_with("error: odd"));
        }
    }
}
