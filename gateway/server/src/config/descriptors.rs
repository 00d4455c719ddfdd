//! `[clusters.descriptors]`.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::quantity::Period;
use super::section::Section;
use super::value::Word;

/// Where what is known of a cluster's services comes from.
#[derive(Debug)]
pub(crate) enum DescriptorsConfig {
    /// `file`: a descriptor set.
    File(Spanned<Word>),
    /// `protos`: folders of `.proto` files.
    Protos(Vec<Spanned<Word>>),
    /// `reflection`: the endpoints themselves, asked again after each `refresh`.
    Reflection { refresh: Duration },
}

impl DescriptorsConfig {
    /// How often endpoints are asked again, and the shortest that this can be: a reflection is many messages.
    const REFRESH: Duration = Duration::from_secs(60);
    const SHORTEST_REFRESH: Period = Period::seconds(1);

    pub(super) fn read(mut section: Section<'_>) -> Option<DescriptorsConfig> {
        let findings = section.findings();
        let file: Option<Spanned<Word>> = section.get("file");
        let protos: Option<Vec<Spanned<Word>>> = match section.has("protos") {
            true => Some(section.require_some("protos")),
            false => section.get("protos").map(Spanned::into_inner),
        };
        // A wrong value was meant to say yes.
        let reflection = section.has("reflection")
            & section.get("reflection").is_none_or(|reflection: Spanned<bool>| *reflection.get_ref());
        let refresh = section.within("refresh", Self::SHORTEST_REFRESH..=Period::MAX);

        // Keys that are there count even if their values are wrong: that was noted already.
        let given: Vec<Range<usize>> = ["file", "protos", "reflection"]
            .into_iter()
            .filter(|key| *key != "reflection" || reflection)
            .filter_map(|key| section.key_span(key))
            .collect();
        match &given[..] {
            [] => findings.error_with_hint(
                section.span(),
                "`descriptors` needs a `file`, `protos` or `reflection`",
                "name a descriptor set with `file`, folders of .proto files with `protos`, or write `reflection = true`",
            ),
            [_] => {}
            [_, second, ..] => {
                let what = "`descriptors` has one of `file`, `protos` and `reflection`";
                findings.error(second.clone(), what);
            }
        }
        if let Some(span) = section.key_span("refresh")
            && !reflection
        {
            let hint = "files and folders are watched";
            findings.error_with_hint(span, "`refresh` is for `reflection`", hint);
        }
        section.finish();

        let refresh = refresh.map_or(Self::REFRESH, |refresh| refresh.get_ref().get());
        match (file, protos) {
            (Some(file), _) => Some(DescriptorsConfig::File(file)),
            (None, Some(folders)) => Some(DescriptorsConfig::Protos(folders)),
            (None, None) => reflection.then_some(DescriptorsConfig::Reflection { refresh }),
        }
    }
}
