//! Replays the corpus of every fuzz target through its property.
//!
//! `./dev fuzz manifest` goes on from it. An input that found something is added to the corpus under a name that says
//! what it is.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod properties;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The corpus is kept small: examples with names, and of what the fuzzer found only what reaches code that nothing else
/// reaches, so that all of it is replayed in every test run.
const FILES_PER_TARGET_MAX: usize = 400;

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder can be listed").path()).collect();
    files.sort();
    files
}

#[test]
fn every_corpus_file_holds_its_property() {
    for (target, property) in properties::ALL {
        let files = files(&fuzz().join("corpus").join(target));
        let count = files.len();
        assert!(count < FILES_PER_TARGET_MAX, "{target} has {count} files: keep those that tell something");
        let taken = files
            .iter()
            .filter(|file| {
                println!("{}", file.display());
                property(&fs::read(file).unwrap())
            })
            .count();
        assert!(taken > 0, "{target}: no file is taken");
        assert!(taken < files.len(), "{target}: no file is refused");
    }
}

#[test]
fn every_corpus_folder_and_fuzz_target_has_a_property() {
    let names = |folder: &str| -> BTreeSet<String> {
        let files = files(&fuzz().join(folder));
        files.iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let expected: BTreeSet<String> = properties::ALL.iter().map(|(target, _)| (*target).to_owned()).collect();
    assert_eq!(names("corpus"), expected);
    assert_eq!(names("fuzz_targets"), expected);
}
