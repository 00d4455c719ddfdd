//! `docs/filters.md` and the filters' own documentation: every filter is there, and every example can be used.
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use sluicegate_core::filter::Setup;
use sluicegate_core::metrics::FilterMetrics;
use sluicegate_filters::ALL;

const REFERENCE: &str = include_str!("../../docs/filters.md");

/// Builds every filter in the TOML blocks of a Markdown text, and says which they were.
fn build_examples(markdown: &str) -> Vec<String> {
    let mut built = Vec::new();
    for block in markdown.split("```toml\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        // A block shows either a route or one entry of its list of filters.
        let text = if block.starts_with('{') { format!("filters = [{block}]") } else { block.to_owned() };
        let config: toml::Table = text.parse().unwrap_or_else(|error| panic!("{text}\n{error}"));
        let route = config.get("routes").and_then(|routes| routes[0].as_table()).unwrap_or(&config);
        for filter in route["filters"].as_array().unwrap() {
            let mut table = filter.as_table().unwrap().clone();
            let name = table.remove("use").unwrap().as_str().unwrap().to_owned();
            let kind =
                ALL.iter().find(|kind| kind.name == name).unwrap_or_else(|| panic!("no filter {name}"));
            let metrics = FilterMetrics::detached();
            if let Err(problem) = kind.build(table, &mut Setup::new("example", kind.name, &metrics)) {
                panic!("{text}\n{problem:?}");
            }
            built.push(name);
        }
    }
    built
}

#[test]
fn the_reference_has_every_filter_with_an_example_that_works() {
    let built = build_examples(REFERENCE);
    for kind in ALL {
        assert!(REFERENCE.contains(&format!("\n## {}\n", kind.name)), "docs/filters.md lacks {}", kind.name);
        // One more is in the example at the top.
        assert_eq!(built.iter().filter(|name| *name == kind.name).count(), 2, "{}", kind.name);
    }
}

#[test]
fn each_filter_begins_with_an_example_that_works() {
    let check = |source: &str, name: &str| {
        let docs: Vec<&str> = source
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| line.trim_start_matches(' '))
            .collect();
        assert_eq!(build_examples(&docs.join("\n")), [name]);
    };
    check(include_str!("../src/api_key.rs"), "api_key");
    check(include_str!("../src/cors.rs"), "cors");
    check(include_str!("../src/rate_limit.rs"), "rate_limit");
}
