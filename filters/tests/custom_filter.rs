//! The filter that `docs/writing-a-filter.md` shows: it compiles, it does what the text says, and the text shows it.

#[path = "custom_filter/require_metadata.rs"]
#[allow(missing_docs, unreachable_pub, reason = "the example is as short as its page")]
mod require_metadata;

use require_metadata::RequireMetadata;
use sluicegate_core::status::Code;
use sluicegate_core::testing::Scripted;

// shown from here
#[test]
fn refuses_a_call_without_its_tenant() {
    let filter = Scripted::new::<RequireMetadata>(r#"name = "x-tenant""#);
    filter.call().metadata("x-tenant", "7").open().expect_open();
    filter.open().expect_end(Code::InvalidArgument);
    assert_eq!(filter.metric("sluicegate_filter_refusals"), 1);
}

#[test]
fn finds_a_name_that_is_none() {
    let problem = Scripted::problem::<RequireMetadata>(r#"name = "two words""#);
    assert_eq!(problem.at, "name");
}
// to here

#[test]
fn the_page_shows_this_very_filter() {
    let page = include_str!("../../docs/writing-a-filter.md");
    let filter = include_str!("custom_filter/require_metadata.rs");
    assert!(
        page.contains(filter),
        "docs/writing-a-filter.md must show custom_filter/require_metadata.rs as it is"
    );
    let (_, after) = include_str!("custom_filter.rs").split_once("// shown from here\n").unwrap();
    let (tests, _) = after.split_once("// to here\n").unwrap();
    assert!(
        page.contains(tests),
        "docs/writing-a-filter.md must show the tests of custom_filter.rs as they are"
    );
}
