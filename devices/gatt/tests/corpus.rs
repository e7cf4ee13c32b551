//! Replays the corpus of every fuzz target through its property.
//!
//! To fuzz without growing the corpus, give the fuzzer a scratch folder first, from `devices/gatt`:
//! `cargo +nightly fuzz run pnp_id /tmp/pnp_id fuzz/corpus/pnp_id -- -max_total_time=60`.
//! An input that found something is added to the corpus under a name that says what it is.

mod properties;

use std::fs;
use std::path::{Path, PathBuf};

/// The corpus is kept small, so that it can be read and replayed in every test run.
const FILES_PER_TARGET_MAX: usize = 40;

fn files(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("each target has a corpus folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder can be listed").path()).collect();
    files.sort();
    files
}

#[test]
fn every_corpus_file_holds_its_property() {
    for (target, property) in properties::ALL {
        let files = files(target);
        let count = files.len();
        assert!(count < FILES_PER_TARGET_MAX, "{target} has {count} files: keep those that tell something");
        let decoded = files
            .iter()
            .filter(|file| {
                println!("{}", file.display());
                property(&fs::read(file).unwrap())
            })
            .count();
        assert!(decoded > 0, "{target}: no file decodes");
        assert!(decoded < files.len(), "{target}: no file is refused");
    }
}

#[test]
fn every_corpus_folder_and_fuzz_target_has_a_property() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(fuzz.join(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let mut expected = properties::ALL.map(|(target, _)| target.to_owned());
    expected.sort();
    assert_eq!(names("corpus"), expected);
    assert_eq!(names("fuzz_targets"), expected);
}
