//! Names that stand in the code and in documents: metrics, filters, suites, flags of the access log.

use std::collections::BTreeSet;

use crate::assert_none;
use crate::repository::{files, files_ending, read};

const PREFIX: &str = "sluicegate_";

/// The metrics that the code makes.
fn metrics_of_code() -> BTreeSet<String> {
    let sources = files_ending(".rs");
    let server: String = sources
        .iter()
        .filter(|file| file.path.starts_with("gateway/server/src/observe/"))
        .map(|file| file.text.as_str())
        .collect();
    let mut metrics: BTreeSet<String> = ["counters(", "gauges(", "counter("]
        .iter()
        .flat_map(|call| literals_after(&server, call))
        .map(|name| format!("{PREFIX}{name}"))
        .collect();
    metrics.extend(metric_names(&server));
    // Made for every filter by the chain.
    metrics.extend(literals_after(&read("gateway/core/src/metrics.rs"), "format!(").filter_map(|literal| {
        let name = literal.strip_prefix("{PREFIX}_")?;
        (!name.contains('{')).then(|| format!("{PREFIX}{name}"))
    }));
    for file in sources.iter().filter(|file| file.path.starts_with("filters/src/")) {
        let text = file.text.split("\n#[cfg(test)]").next().unwrap_or_default();
        let Some(filter) = literals_after(text, "NAME: &'static str =").next() else { continue };
        for name in [".counter(", ".histogram("].iter().flat_map(|call| literals_after(text, call)) {
            metrics.insert(format!("{PREFIX}{filter}_{name}"));
        }
    }
    metrics
}

/// The string literals that directly follow `start`, white space between them or not.
fn literals_after<'a>(text: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

/// Words that look like names of metrics.
fn metric_names(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.strip_prefix(PREFIX).is_some_and(|name| !name.is_empty()))
        // Crates have the same prefix, and a histogram has more names than one.
        .filter(|word| !["server", "core", "quic", "filters"].contains(&word.trim_start_matches(PREFIX)))
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned())
}

#[test]
fn metrics_are_documented() {
    let code = metrics_of_code();
    assert!(code.len() > 15, "only {code:?} were found");
    let documented: BTreeSet<_> = metric_names(&read("docs/metrics.md")).collect();
    let only_code = code.difference(&documented).map(|name| format!("{name} is not in docs/metrics.md"));
    let only_docs =
        documented.difference(&code).map(|name| format!("{name} is in docs/metrics.md, not in the code"));
    assert_none("documents and code differ", only_code.chain(only_docs).collect());
}

#[test]
fn documents_and_alerts_name_real_metrics() {
    let code = metrics_of_code();
    let mut findings = Vec::new();
    for file in files().iter().filter(|file| file.path.ends_with(".md") || file.path.starts_with("deploy/")) {
        // An example in writing-a-filter.md stands for any filter.
        let unknown = metric_names(&file.text).filter(|name| !code.contains(name) && !name.ends_with('_'));
        findings.extend(unknown.map(|name| format!("{}: {name}", file.path)));
    }
    assert_none("a metric that does not exist", findings);
}

#[test]
fn filters_are_documented() {
    let page = read("docs/filters.md");
    let filters = sluicegate_filters::ALL;
    assert!(!filters.is_empty());
    let missing = filters.iter().filter(|kind| !page.lines().any(|line| line == format!("## {}", kind.name)));
    assert_none(
        "a filter without a section in docs/filters.md",
        missing.map(|kind| kind.name.to_owned()).collect(),
    );
}

#[test]
fn suites_are_documented() {
    let run = read("tests/run");
    let suites = run.split_once("SUITES=(").and_then(|(_, rest)| rest.split_once(')')).expect("no SUITES").0;
    assert!(suites.split_whitespace().count() > 4);
    let page = read("tests/README.md");
    let missing = suites.split_whitespace().filter(|suite| !page.contains(&format!("`{suite}`")));
    assert_none("a suite that tests/README.md does not know", missing.map(str::to_owned).collect());
}

#[test]
fn fields_of_the_access_log_are_documented() {
    let source = read("gateway/server/src/observe/access_log.rs");
    let line = source
        .split_once("struct Line<'a> {")
        .and_then(|(_, rest)| rest.split_once("\n}"))
        .expect("no Line")
        .0;
    let fields: Vec<_> =
        line.lines().filter_map(|line| line.trim().strip_prefix("pub(crate) ")?.split(':').next()).collect();
    assert!(fields.len() > 10, "only {fields:?} were found");
    let page = read("docs/operations.md");
    let missing = fields.iter().filter(|field| !page.contains(&format!("`{field}`")));
    assert_none(
        "a field that docs/operations.md does not know",
        missing.map(|field| (*field).to_owned()).collect(),
    );
}

#[test]
fn literals_are_found() {
    let found: Vec<_> = literals_after("a(\n  \"x\", 1) a(y) a(\"z\")", "a(").collect();
    assert_eq!(found, ["x", "z"]);
    let names: Vec<_> =
        metric_names("`sluicegate_a_total{x}` sluicegate_server::x sluicegate_t_bucket").collect();
    assert_eq!(names, ["sluicegate_a_total", "sluicegate_t"]);
}
