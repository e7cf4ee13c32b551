//! Which crate of the workspace may depend on which: ARCHITECTURE.md's directions, held by a test.
//!
//! A row names everything that a crate's ordinary and build dependencies may point at inside the
//! workspace, and, for the crates that have to stay pure, outside of it too. Dev-dependencies are free.

use std::collections::BTreeSet;
use std::process::Command;

/// The only crates that may name actix: what it cannot do well is kept in one place.
const MAY_NAME_ACTIX: [&str; 2] = ["carpus-actors", "carpusd"];

struct Row {
    package: &'static str,
    workspace: &'static [&'static str],
    outside: Outside,
}

enum Outside {
    /// Whatever the crate's work needs.
    Any,
    /// These and no others: no runtime, no I/O, no serialisation comes in unseen.
    Only(&'static [&'static str]),
}

const DIRECTIONS: &[Row] = &[
    // The rules and the bytes know nothing.
    row("carpus-core", &[], Outside::Only(&["jiff", "thiserror"])),
    row("carpus-gatt", &[], Outside::Only(&["thiserror"])),
    // The ports, and the backends behind them.
    row("carpus-devices", &[], Outside::Only(&["futures-core", "thiserror", "uuid"])),
    row("carpus-audio", &["carpus-devices"], Outside::Any),
    row("carpus-ble", &["carpus-devices"], Outside::Any),
    row("carpus-haptics", &["carpus-devices"], Outside::Any),
    row("carpus-system", &["carpus-devices"], Outside::Any),
    row("carpus-simulated", &["carpus-devices", "carpus-gatt"], Outside::Any),
    row("carpus-board-motor", &[], Outside::Any),
    // The shells around the rules.
    row("carpus-actors", &["carpus-core", "carpus-devices", "carpus-gatt"], Outside::Any),
    row("carpus-config", &[], Outside::Any),
    // The rules in a world of their own.
    row("carpus-sim", &["carpus-core"], Outside::Only(&["jiff"])),
    // The wire, and whoever speaks over it.
    row("carpus-protocol", &[], Outside::Any),
    row("carpus", &["carpus-protocol"], Outside::Any),
    row("carpus-chaos", &["carpus", "carpus-protocol"], Outside::Any),
    row("carpus-cli", &["carpus-protocol"], Outside::Any),
    row("heart-rate", &["carpus"], Outside::Any),
    row("range-of-motion", &["carpus"], Outside::Any),
    row("smart-alarm", &["carpus"], Outside::Any),
    row("toothbrush", &["carpus"], Outside::Any),
    // The place where everything is put together.
    row(
        "carpusd",
        &[
            "carpus-actors",
            "carpus-audio",
            "carpus-ble",
            "carpus-config",
            "carpus-core",
            "carpus-devices",
            "carpus-gatt",
            "carpus-haptics",
            "carpus-protocol",
            "carpus-simulated",
            "carpus-system",
        ],
        Outside::Any,
    ),
];

const fn row(package: &'static str, workspace: &'static [&'static str], outside: Outside) -> Row {
    Row { package, workspace, outside }
}

/// A crate of the workspace, and what its ordinary and build dependencies name.
struct Package {
    name: String,
    dependencies: Vec<String>,
}

/// Every edge that points the wrong way, for people.
fn wrong_edges(packages: &[Package]) -> Vec<String> {
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    packages.iter().flat_map(|package| wrong_edges_of(package, &members)).collect()
}

fn wrong_edges_of(package: &Package, members: &BTreeSet<&str>) -> Vec<String> {
    let Some(row) = DIRECTIONS.iter().find(|row| row.package == package.name) else {
        return vec![format!("{} has no row among the directions", package.name)];
    };
    let wrong = |dependency: &&String| !is_allowed(row, dependency, members);
    package.dependencies.iter().filter(wrong).map(|to| format!("{} -> {to}", package.name)).collect()
}

fn is_allowed(row: &Row, dependency: &str, members: &BTreeSet<&str>) -> bool {
    if members.contains(dependency) {
        return row.workspace.contains(&dependency);
    }
    if dependency.starts_with("actix") && !MAY_NAME_ACTIX.contains(&row.package) {
        return false;
    }
    match row.outside {
        Outside::Any => true,
        Outside::Only(allowed) => allowed.contains(&dependency),
    }
}

/// The workspace as its manifests declare it: needs no network and resolves nothing.
fn workspace() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs: it runs this test");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("packages are an array").iter().map(package).collect()
}

fn package(metadata: &serde_json::Value) -> Package {
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name is a string").to_owned();
    let dependencies = metadata["dependencies"].as_array().expect("dependencies are an array");
    Package {
        name: name(metadata),
        dependencies: dependencies.iter().filter(|to| to["kind"] != "dev").map(name).collect(),
    }
}

#[test]
fn every_crate_points_the_right_way() {
    let wrong = wrong_edges(&workspace());
    assert!(wrong.is_empty(), "these point the wrong way (see ARCHITECTURE.md):\n  {}", wrong.join("\n  "));
}

#[test]
fn every_row_is_a_crate() {
    let packages = workspace();
    let is_stale = |row: &&Row| !packages.iter().any(|package| package.name == row.package);
    let stale: Vec<_> = DIRECTIONS.iter().filter(is_stale).map(|row| row.package).collect();
    assert_eq!(stale, Vec::<&str>::new());
}

/// What the check says when the workspace has one edge more.
fn with_edge(from: &str, to: &str) -> Vec<String> {
    let mut packages = workspace();
    let package = packages.iter_mut().find(|package| package.name == from).expect("the crate is there");
    package.dependencies.push(to.to_owned());
    wrong_edges(&packages)
}

#[test]
fn a_wrong_edge_is_found() {
    let cases = [
        ("carpus-core", "tokio"),
        ("carpus-core", "actix"),
        ("carpus-core", "serde"),
        ("carpus-core", "carpus-devices"),
        ("carpus-gatt", "serde"),
        ("carpus-devices", "tokio"),
        ("carpus-devices", "carpus-gatt"),
        ("carpus-ble", "actix"),
        ("carpus-ble", "carpus-gatt"),
        ("carpus-audio", "carpus-actors"),
        ("carpus-actors", "carpus-ble"),
        ("carpus-actors", "carpus-config"),
        ("carpus-config", "carpus-core"),
        ("carpus-protocol", "carpus-core"),
        ("carpus-protocol", "actix-rt"),
        ("carpus", "carpus-core"),
        ("carpus-cli", "carpus-actors"),
        ("heart-rate", "carpus-protocol"),
        ("carpusd", "carpus"),
    ];
    for (from, to) in cases {
        assert_eq!(with_edge(from, to), [format!("{from} -> {to}")]);
    }
}

#[test]
fn an_allowed_edge_is_not_reported() {
    let cases = [("carpus-actors", "actix-rt"), ("carpusd", "carpus-gatt"), ("carpus-ble", "some-new-crate")];
    for (from, to) in cases {
        assert_eq!(with_edge(from, to), Vec::<String>::new(), "{from} -> {to}");
    }
}

#[test]
fn a_crate_without_a_row_is_reported() {
    let stranger = Package { name: "carpus-stranger".to_owned(), dependencies: Vec::new() };
    assert_eq!(wrong_edges(&[stranger]), ["carpus-stranger has no row among the directions"]);
}
