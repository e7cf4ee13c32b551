//! What the documents say can be done: the commands are there, the snippet is the one that is compiled, and the
//! links lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What tells how things are done now.
const GUIDES: [&str; 4] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "runtime/cli/README.md"];

/// All that people read; the rules speak of commands to come.
const DOCUMENTS: [&str; 7] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "devices/board/README.md",
    "runtime/RULES.md",
    "runtime/cli/README.md",
];

/// Programs of others that the documents may show.
const PROGRAMS_OF_OTHERS: [&str; 3] = ["cargo", "sudo", "varlinkctl"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(document: &str) -> String {
    fs::read_to_string(root().join(document)).expect(document)
}

/// The code blocks of a Markdown text whose fence names `language`.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<Vec<&'a str>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if fence == language {
            blocks.push(block);
        }
    }
    blocks
}

/// The commands in a document's shell blocks, and in its inline code where that begins with a program of Carpus.
fn commands(text: &str) -> Vec<String> {
    let in_blocks = blocks(text, "sh").into_iter().flatten().map(str::to_owned);
    let in_lines = text.split('`').skip(1).step_by(2).filter(|code| is_own_command(code)).map(str::to_owned);
    in_blocks.chain(in_lines).map(|line| without_the_rest(&line)).filter(|line| !line.is_empty()).collect()
}

fn is_own_command(code: &str) -> bool {
    ["carpus ", "carpusd ", "./dev "].iter().any(|program| code.starts_with(program))
}

/// A command without what follows it in the shell: a comment, a pipe.
fn without_the_rest(line: &str) -> String {
    let command = line.split(" #").next().unwrap_or_default().split(" |").next().unwrap_or_default().trim();
    if command.starts_with('#') { String::new() } else { command.to_owned() }
}

fn run(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().expect("the program is there")
}

/// What is wrong with a command, if anything.
fn fault(command: &str) -> Option<String> {
    let mut words = command.split_whitespace();
    let program = words.next()?;
    let arguments: Vec<_> = words.collect();
    match program {
        "./dev" => fault_of_dev(&arguments),
        "carpus" => fault_of_carpus(&arguments),
        "carpusd" => fault_of_carpusd(&arguments),
        other if PROGRAMS_OF_OTHERS.contains(&other) => None,
        other => Some(format!("{other} is no program that the documents may show")),
    }
}

fn fault_of_dev(arguments: &[&str]) -> Option<String> {
    let help = run(root().join("dev"), &["help"]);
    let help = String::from_utf8(help.stdout).expect("the help is text");
    let wanted = arguments.first().copied().unwrap_or("help");
    let named = help.lines().any(|line| line.split_whitespace().next() == Some(wanted));
    (!named).then(|| format!("./dev has no command {wanted}"))
}

/// The command reads its arguments, all of them, before it comes to `--help`.
fn fault_of_carpus(arguments: &[&str]) -> Option<String> {
    let arguments: Vec<_> = arguments.iter().copied().chain(["--help"]).collect();
    let output = run(env!("CARGO_BIN_EXE_carpus"), &arguments);
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The daemon is another package's program: its flags are looked up in its source.
fn fault_of_carpusd(arguments: &[&str]) -> Option<String> {
    let source = read("runtime/daemon/src/args.rs");
    let is_flag = |flag: &str| source.contains(&format!("pub {}:", flag.replace('-', "_")));
    let flags = arguments.iter().filter_map(|word| word.strip_prefix("--"));
    flags
        .map(|flag| flag.split('=').next().unwrap_or(flag))
        .find(|flag| !is_flag(flag))
        .map(|flag| format!("carpusd has no flag --{flag}"))
}

#[test]
fn every_command_in_the_guides_is_there() {
    let mut faults = Vec::new();
    for document in GUIDES {
        for command in commands(&read(document)) {
            faults.extend(fault(&command).map(|fault| format!("{document}: {command}\n    {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_command_that_is_not_there_is_found() {
    for command in
        ["./dev nonsense", "carpus nonsense", "carpus status --nonsense", "carpusd --nonsense", "nonsense"]
    {
        assert!(fault(command).is_some(), "{command}");
    }
}

#[test]
fn the_snippet_in_the_readme_is_the_one_that_is_compiled() {
    let source = read("runtime/sdk/src/lib.rs");
    let docs: Vec<_> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let docs = docs.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n");
    let readme = read("README.md");
    let (compiled, shown) = (blocks(&docs, "no_run"), blocks(&readme, "rust"));
    assert_eq!((compiled.len(), shown.len()), (1, 1));
    assert_eq!(shown, compiled, "copy the example from the documentation of runtime/sdk into README.md");
}

/// The targets of the links of a document that lead to a file of the project.
fn local_links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| target.split('#').next().unwrap_or(target))
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    for document in DOCUMENTS {
        let folder = root().join(document).parent().map(Path::to_owned).expect("a document lies in a folder");
        for link in local_links(&read(document)) {
            assert!(folder.join(link).exists(), "{document}: {link}");
        }
    }
}
