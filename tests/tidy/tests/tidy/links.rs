//! Links between documents.

use std::path::{Component, Path, PathBuf};

use crate::assert_none;
use crate::repository::{files_ending, root};

#[test]
fn every_link_leads_somewhere() {
    let documents = files_ending(".md");
    let mut findings = Vec::new();
    let mut links = 0;
    for document in &documents {
        let folder = Path::new(&document.path).parent().unwrap();
        for target in targets(&document.text).filter(|target| !target.contains("://")) {
            links += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path =
                if path.is_empty() { PathBuf::from(&document.path) } else { normal(&folder.join(path)) };
            if !root().join(&path).exists() {
                findings.push(format!("{}: {target}", document.path));
            } else if !anchor.is_empty()
                && !documents
                    .iter()
                    .any(|other| Path::new(&other.path) == path && has_heading(&other.text, anchor))
            {
                findings.push(format!("{}: {target} has no such heading", document.path));
            }
        }
    }
    assert!(links > 20, "only {links} links were found");
    assert_none("a link that leads nowhere", findings);
}

/// What stands between the parentheses of `](…)`, outside of blocks of code.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    let prose = text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    prose.flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split(')').next()))
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::Normal(name) => normal.push(name),
            _ => {}
        }
    }
    normal
}

/// Whether a heading has this anchor: lower-case, spaces as hyphens, without punctuation.
fn has_heading(text: &str, anchor: &str) -> bool {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| line.trim_start_matches('#').trim().to_lowercase()).any(|heading| {
        let plain = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        plain.map(|c| if c == ' ' { '-' } else { c }).collect::<String>() == anchor
    })
}

#[test]
fn links_are_found() {
    let text = "see [a](b.md#c) and\n```\n[no](x)\n```\n[d](../e)";
    assert_eq!(targets(text).collect::<Vec<_>>(), ["b.md#c", "../e"]);
    assert_eq!(normal(Path::new("docs/../tests/./run")), Path::new("tests/run"));
    assert!(has_heading("# Title\n\n## When a call fails?", "when-a-call-fails"));
}
