//! Which package may depend on which. docs/architecture.md has the picture.

use toml::{Table, Value};

use crate::assert_none;
use crate::repository::{files_ending, read};

/// A package of the workspace and what its manifest names.
struct Package {
    path: String,
    /// Dependencies of what is built, by name.
    built: Vec<String>,
    /// Those and the ones of tests and build scripts.
    all: Vec<(String, Value)>,
}

fn packages() -> Vec<Package> {
    let manifests = files_ending("Cargo.toml").into_iter().filter(|file| file.path != "Cargo.toml");
    let packages: Vec<_> = manifests
        .map(|file| {
            let manifest: Table = file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path));
            let mut package = Package {
                path: file.path.trim_end_matches("/Cargo.toml").to_owned(),
                built: vec![],
                all: vec![],
            };
            package.take(&manifest);
            for target in manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values)
            {
                package.take(target.as_table().unwrap());
            }
            package
        })
        .collect();
    assert!(packages.len() >= 4, "only {} packages", packages.len());
    packages
}

impl Package {
    fn take(&mut self, manifest: &Table) {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            let Some(table) = manifest.get(kind).and_then(Value::as_table) else { continue };
            if kind != "dev-dependencies" {
                self.built.extend(table.keys().cloned());
            }
            self.all.extend(table.clone());
        }
    }
}

/// Names of `found` that a list forbids; `pingora*` stands for all that begin so.
fn forbidden<'a>(found: impl IntoIterator<Item = &'a String>, list: &[&str]) -> Vec<&'a String> {
    let is_listed = |name: &str| {
        list.iter().any(|entry| match entry.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == *entry,
        })
    };
    found.into_iter().filter(|name| is_listed(name)).collect()
}

#[test]
fn each_layer_depends_only_on_those_below() {
    let rules: &[(&str, &[&str])] = &[
        (
            "gateway/core",
            &["sluicegate-*", "pingora*", "tokio*", "quinn*", "h2", "h3*", "hyper*", "async-*", "rustls*"],
        ),
        ("gateway/quic", &["sluicegate-server", "sluicegate-filters", "pingora*", "h2", "hyper*"]),
        ("filters", &["sluicegate-server", "sluicegate-quic", "pingora*", "quinn*", "h2", "h3*"]),
        ("gateway/server", &["quinn*", "h3*", "tonic*", "hyper*"]),
    ];
    let packages = packages();
    let mut findings = Vec::new();
    for (path, list) in rules {
        let package = packages.iter().find(|package| package.path == *path).expect(path);
        for name in forbidden(&package.built, list) {
            findings.push(format!("{path} depends on {name}"));
        }
    }
    assert_none("a layer reaches past those below it", findings);
}

#[test]
fn only_the_server_knows_pingora() {
    let others = packages().into_iter().filter(|package| package.path != "gateway/server");
    let findings = others.flat_map(|package| {
        let names: Vec<_> = package.all.iter().map(|(name, _)| name.clone()).collect();
        let found = forbidden(&names, &["pingora*"]).into_iter();
        found.map(|name| format!("{} depends on {name}", package.path)).collect::<Vec<_>>()
    });
    assert_none("Pingora is known outside of the server", findings.collect());
}

#[test]
fn what_runs_the_binary_shares_no_code_with_it() {
    let packages = packages();
    let outside = packages.iter().filter(|package| ["tests/e2e", "tests/bench"].contains(&&*package.path));
    let findings: Vec<_> = outside
        .flat_map(|package| package.all.iter().map(|(name, _)| (&package.path, name)))
        .filter(|(_, name)| name.starts_with("sluicegate-"))
        .map(|(path, name)| format!("{path} depends on {name}"))
        .collect();
    assert_none("a client of the tests could share a misunderstanding with the gateway", findings);
}

#[test]
fn versions_stand_in_one_place() {
    let is_inherited = |value: &Value| value.get("workspace").and_then(Value::as_bool) == Some(true);
    let findings = packages().into_iter().flat_map(|package| {
        let own = package.all.into_iter().filter(|(_, value)| !is_inherited(value));
        own.map(|(name, _)| format!("{}: {name}", package.path)).collect::<Vec<_>>()
    });
    assert_none("a dependency that is not in the workspace's table", findings.collect());
}

/// We build on interfaces of theirs that they do not promise to keep.
#[test]
fn pingora_and_h3_are_pinned() {
    let workspace: Table = read("Cargo.toml").parse().unwrap();
    let table = workspace["workspace"]["dependencies"].as_table().unwrap();
    let pinned = table.iter().filter(|(name, _)| name.starts_with("pingora") || *name == "h3");
    let mut findings = Vec::new();
    for (name, value) in pinned {
        let version = value.as_str().or_else(|| value.get("version")?.as_str()).unwrap_or_default();
        if !version.starts_with('=') {
            findings.push(format!("{name} = {version:?}"));
        }
    }
    assert_none("a version that is not exact", findings);
}
