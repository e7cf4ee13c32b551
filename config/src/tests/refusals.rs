//! Every refusal of the settings, word for word.

use std::fs;
use std::path::Path;

use super::{Folders, of_env, of_flags};
use crate::{Settings, Sources};

/// The only line of the refusal of a file with `text`.
fn of_file(text: &str) -> String {
    let lines = Folders::new().with("system/board.toml", text).refusals();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.into_iter().next().unwrap()
}

fn refusal(sources: &Sources) -> String {
    Settings::load(sources).unwrap_err().to_string()
}

/// Checks each value of `key` in `section` against the end of its refusal, in the second line of a file.
fn check_values(section: &str, key: &str, cases: &[(&str, &str)]) {
    for (value, expected) in cases {
        let refused = of_file(&format!("[{section}]\n{key} = {value}\n"));
        assert_eq!(refused, format!("system/board.toml:2: {section}.{key}: {expected}"), "{value}");
    }
}

#[test]
fn durations() {
    check_values(
        "session",
        "will_expire_lead",
        &[
            (r#""30""#, r#""30" has no unit; write 30s, 2min or 1h"#),
            ("30", "30 has no unit; write 30s, 2min or 1h, in quotes"),
            ("30.5", "30.5 has no unit; write 30s, 2min or 1h, in quotes"),
            (r#""30sec""#, r#""30sec" has the unknown unit "sec"; write 30s, 2min or 1h"#),
            (r#""2m""#, r#""2m" has the unknown unit "m"; write 30s, 2min or 1h"#),
            (r#""soon""#, r#""soon" is not a duration; write 30s, 2min or 1h"#),
            (r#""-5s""#, r#""-5s" is not a duration; write 30s, 2min or 1h"#),
            (r#""""#, r#""" is not a duration; write 30s, 2min or 1h"#),
            (r#""1.5h""#, r#""1.5h" is not a whole number with a unit; write 30s, 2min or 1h"#),
            (r#""1min30s""#, r#""1min30s" is not a whole number with a unit; write 30s, 2min or 1h"#),
            (r#""30 s""#, r#""30 s" is not a whole number with a unit; write 30s, 2min or 1h"#),
            (r#""99ms""#, r#""99ms" is out of range; allowed is 100ms to 10min"#),
            (r#""601s""#, r#""601s" is out of range; allowed is 100ms to 10min"#),
            (
                r#""99999999999999999999999h""#,
                r#""99999999999999999999999h" is out of range; allowed is 100ms to 10min"#,
            ),
            ("true", "true is not a duration; write 30s, 2min or 1h, in quotes"),
            ("[]", "a list is not a duration; write 30s, 2min or 1h, in quotes"),
            ("{ a = 1 }", "a table is not a duration; write 30s, 2min or 1h, in quotes"),
            ("07:32:00", "a date or time is not a duration; write 30s, 2min or 1h, in quotes"),
        ],
    );
}

#[test]
fn short_durations() {
    check_values(
        "haptics",
        "gap",
        &[
            ("100", "100 has no unit; write 100ms or 1s, in quotes"),
            (r#""100""#, r#""100" has no unit; write 100ms or 1s"#),
            (r#""99ms""#, r#""99ms" is out of range; allowed is 100ms to 5s"#),
        ],
    );
}

#[test]
fn percentages() {
    check_values(
        "budget",
        "extended_runtime",
        &[
            (r#""15""#, r#""15" has no unit; write 15% or 80%"#),
            ("15", "15 has no unit; write 15% or 80%, in quotes"),
            ("0.15", "0.15 has no unit; write 15% or 80%, in quotes"),
            (r#""15 %""#, r#""15 %" is not a whole number with a unit; write 15% or 80%"#),
            (r#""12.5%""#, r#""12.5%" is not a whole number with a unit; write 15% or 80%"#),
            (r#""15pct""#, r#""15pct" has the unknown unit "pct"; write 15% or 80%"#),
            (r#""0%""#, r#""0%" is out of range; allowed is 1% to 400%"#),
            (r#""401%""#, r#""401%" is out of range; allowed is 1% to 400%"#),
            (r#""half""#, r#""half" is not a percentage; write 15% or 80%"#),
        ],
    );
}

#[test]
fn temperatures() {
    check_values(
        "suppression",
        "temperature_above",
        &[
            (r#""80""#, r#""80" has no unit; write 80C"#),
            ("80", "80 has no unit; write 80C, in quotes"),
            ("80.5", "80.5 has no unit; write 80C, in quotes"),
            (r#""80F""#, r#""80F" has the unknown unit "F"; write 80C"#),
            (r#""80.5C""#, r#""80.5C" is not a whole number with a unit; write 80C"#),
            (r#""-80C""#, r#""-80C" is not a temperature; write 80C"#),
            (r#""hot""#, r#""hot" is not a temperature; write 80C"#),
            (r#""29C""#, r#""29C" is out of range; allowed is 30C to 125C"#),
            (r#""126C""#, r#""126C" is out of range; allowed is 30C to 125C"#),
            (
                r#""99999999999999999999C""#,
                r#""99999999999999999999C" is out of range; allowed is 30C to 125C"#,
            ),
        ],
    );
    check_values(
        "suppression",
        "battery_below",
        &[(r#""101%""#, r#""101%" is out of range; allowed is 0% to 100%"#)],
    );
}

#[test]
fn lists_of_types_of_session() {
    let allowed = "allowed are self-care, mindfulness, physical-therapy, alarm";
    check_values(
        "suppression",
        "kinds",
        &[
            (
                r#""alarm""#,
                r#""alarm" is not a list of types of session; write ["self-care", "mindfulness"]"#,
            ),
            ("true", r#"true is not a list of types of session; write ["self-care", "mindfulness"]"#),
            ("{ a = 1 }", r#"a table is not a list of types of session; write ["self-care", "mindfulness"]"#),
            (r#"["nap"]"#, &format!(r#""nap" is not a type of session; {allowed}"#)),
            (
                r#"["alarm", "mindfullness"]"#,
                &format!(
                    r#""mindfullness" is not a type of session; did you mean "mindfulness"? A{}"#,
                    &allowed[1..]
                ),
            ),
            (r#"["alarm", "alarm"]"#, r#""alarm" is named twice; name it once"#),
            ("[3]", &format!("3 is not a type of session; {allowed}, in quotes")),
            (r#"[["alarm"]]"#, &format!("a list is not a type of session; {allowed}, in quotes")),
        ],
    );
    let flag = |value| refusal(&of_flags(&[("suppression.kinds", value)]));
    assert_eq!(
        flag("alarm,,self-care"),
        format!("--set suppression.kinds: \"\" is not a type of session; {allowed}")
    );
    assert_eq!(flag("alarm, alarm"), "--set suppression.kinds: \"alarm\" is named twice; name it once");
}

#[test]
fn lists_of_paths() {
    let (list, absolute) = ("write [\"/opt/one\", \"/opt/two\"]", "write it from the root on: \"/opt/one\"");
    check_values(
        "apps",
        "readable",
        &[
            (r#""/opt""#, &format!(r#""/opt" is not a list of absolute paths; {list}"#)),
            ("1", &format!("1 is not a list of absolute paths; {list}")),
            (r#"["opt"]"#, &format!(r#""opt" is not an absolute path; {absolute}"#)),
            (r#"["auto"]"#, &format!(r#""auto" is not an absolute path; {absolute}"#)),
            (r#"["/opt", "/opt"]"#, r#""/opt" is named twice; name it once"#),
            ("[3]", "3 is not an absolute path; write \"/opt/one\", in quotes"),
        ],
    );
    let readable =
        |text| Settings::load(&of_flags(&[("apps.readable", text)])).unwrap().settings.apps.readable;
    assert_eq!(readable("/opt, /srv/lib"), [Path::new("/opt"), Path::new("/srv/lib")]);
    assert!(readable("").is_empty());
}

#[test]
fn sizes() {
    check_values(
        "ipc",
        "max_frame",
        &[
            (r#""65536""#, r#""65536" has no unit; write 512B, 64KiB or 1MiB"#),
            ("65536", "65536 has no unit; write 512B, 64KiB or 1MiB, in quotes"),
            (r#""64KB""#, r#""64KB" has the unknown unit "KB"; write 512B, 64KiB or 1MiB"#),
            (r#""4095B""#, r#""4095B" is out of range; allowed is 4KiB to 16MiB"#),
            (r#""1GiB""#, r#""1GiB" is out of range; allowed is 4KiB to 16MiB"#),
            (r#""big""#, r#""big" is not a size; write 512B, 64KiB or 1MiB"#),
        ],
    );
}

#[test]
fn whole_numbers() {
    check_values(
        "ipc",
        "max_clients",
        &[
            ("0", "0 is out of range; allowed is 1 to 1024"),
            ("1025", "1025 is out of range; allowed is 1 to 1024"),
            ("-1", "-1 is out of range; allowed is 1 to 1024"),
            ("0xffff", "0xffff is out of range; allowed is 1 to 1024"),
            ("99999999999999999999", "99999999999999999999 is out of range; allowed is 1 to 1024"),
            ("100.7", "100.7 is not a whole number; allowed is 1 to 1024"),
            ("inf", "inf is not a whole number; allowed is 1 to 1024"),
            (r#""100""#, r#""100" is not a whole number; allowed is 1 to 1024, without quotes"#),
            ("true", "true is not a whole number; allowed is 1 to 1024"),
        ],
    );
    check_values(
        "audio",
        "buffer_frames",
        &[
            ("63", "63 is out of range; allowed is 0, or 64 to 8192"),
            ("8193", "8193 is out of range; allowed is 0, or 64 to 8192"),
        ],
    );
}

#[test]
fn yes_and_no() {
    check_values(
        "haptics",
        "enabled",
        &[
            ("1", "1 is not true or false; write true or false"),
            (r#""true""#, r#""true" is not true or false; write true or false, without quotes"#),
            (r#""yes""#, r#""yes" is not true or false; write true or false, without quotes"#),
        ],
    );
}

#[test]
fn words() {
    let levels = "error, warn, info, debug, trace";
    check_values(
        "log",
        "level",
        &[
            (r#""loud""#, &format!(r#""loud" is not a log level; allowed are {levels}"#)),
            (
                r#""inof""#,
                &format!(r#""inof" is not a log level; did you mean "info"? Allowed are {levels}"#),
            ),
            (
                r#""WARN""#,
                &format!(r#""WARN" is not a log level; did you mean "warn"? Allowed are {levels}"#),
            ),
            ("3", &format!("3 is not a log level; allowed is {levels}, in quotes")),
        ],
    );
    assert_eq!(
        of_file("profile = \"raspberry-pi-6\"\n"),
        "system/board.toml:1: profile: \"raspberry-pi-6\" is not a profile; did you mean \"raspberry-pi-4\"? \
         Allowed are raspberry-pi-zero-2w, raspberry-pi-4, raspberry-pi-5, desktop, virtual-board"
    );
}

#[test]
fn keys_of_the_board() {
    let allowed = r#"a Linux key name such as "KEY_HOMEPAGE", or "none""#;
    check_values(
        "inputs",
        "crown",
        &[
            (
                r#""KEY_HOMEPGAE""#,
                &format!(
                    r#""KEY_HOMEPGAE" is not the name of a key; did you mean "KEY_HOMEPAGE"? Allowed is {allowed}"#
                ),
            ),
            (r#""the big one""#, &format!(r#""the big one" is not the name of a key; allowed is {allowed}"#)),
            ("116", &format!("116 is not the name of a key; allowed is {allowed}, in quotes")),
        ],
    );
}

#[test]
fn paths_names_and_adapters() {
    let allowed = r#"allowed is "auto" or an absolute path"#;
    check_values(
        "paths",
        "state",
        &[
            (r#""state""#, &format!(r#""state" is not an absolute path; {allowed}"#)),
            (r#""~/carpus""#, &format!(r#""~/carpus" is not an absolute path; {allowed}"#)),
            (r#""""#, &format!(r#""" is not an absolute path; {allowed}"#)),
            (r#""/a\nb""#, &format!(r#""/a\nb" is not an absolute path; {allowed}"#)),
        ],
    );
    let long = format!("/{}", "x".repeat(107));
    check_values(
        "ipc",
        "socket",
        &[(
            &format!("{long:?}"),
            &format!(
                "\"/{}…\" is not short enough for a socket; {allowed} of at most 107 bytes",
                "x".repeat(59)
            ),
        )],
    );
    Settings::load(&of_flags(&[("ipc.socket", &long[..107])])).unwrap();
    check_values(
        "bluetooth",
        "adapter",
        &[
            (
                r#""hci""#,
                r#""hci" is not a Bluetooth adapter; allowed is "auto" or an adapter such as "hci0""#,
            ),
            (
                "0",
                r#"0 is not a Bluetooth adapter; allowed is "auto" or an adapter such as "hci0", in quotes"#,
            ),
        ],
    );
    check_values(
        "audio",
        "device",
        &[(r#"" ""#, r#"" " is not a device's name; allowed is "auto" or a name of 1 to 128 characters"#)],
    );
}

#[test]
fn unknown_keys() {
    assert_eq!(
        of_file("[lifecycle]\n\nfrontmost_tim = \"1s\"\n"),
        "system/board.toml:3: lifecycle.frontmost_tim: unknown key; did you mean frontmost_time? \
         Allowed in [lifecycle]: frontmost_time, suspend_grace, leave_time, relaunch_max, \
         relaunch_window"
    );
    assert_eq!(
        of_file("[lifecycle]\nwill_expire_lead = \"30s\"\n"),
        "system/board.toml:2: lifecycle.will_expire_lead: unknown key; did you mean session.will_expire_lead? \
         Allowed in [lifecycle]: frontmost_time, suspend_grace, leave_time, relaunch_max, \
         relaunch_window"
    );
    assert_eq!(
        of_file("[journal]\nodd.key = 1\n"),
        "system/board.toml:2: journal.odd: unknown key; allowed in [journal]: max_undelivered, \
         reserve"
    );
    assert_eq!(
        of_file("[journal]\n\"a b\\n\" = 1\n"),
        "system/board.toml:2: journal.\"a b\\n\": unknown key; allowed in [journal]: max_undelivered, \
         reserve"
    );
}

#[test]
fn unknown_sections() {
    let top = "allowed at the top: profile, [compat], [lifecycle], [session], [alarm], [suppression], \
               [budget], [haptics], [audio], [bluetooth], [inputs], [ipc], [apps], [journal], [supervision], [paths], [log]";
    assert_eq!(
        of_file("[log]\nlevel = \"info\"\n[sesion]\nnonsense = 1\n"),
        format!("system/board.toml:3: sesion: unknown key; did you mean session? A{}", &top[1..])
    );
    assert_eq!(of_file("[weather]\n"), format!("system/board.toml:1: weather: unknown key; {top}"));
    assert_eq!(
        of_file("max_clients = 3\n"),
        format!(
            "system/board.toml:1: max_clients: unknown key; did you mean ipc.max_clients? A{}",
            &top[1..]
        )
    );
    assert_eq!(
        of_file("\"log.level\" = \"info\"\n"),
        format!("system/board.toml:1: \"log.level\": unknown key; {top}")
    );
    assert_eq!(
        of_file("log = \"info\"\n"),
        "system/board.toml:1: log: \"info\" is not a section; write [log] and its keys below it"
    );
    assert_eq!(
        of_file("[[log]]\nlevel = \"info\"\n"),
        "system/board.toml:1: log: a list is not a section; write [log] and its keys below it"
    );
    assert_eq!(
        of_file("[log.level]\nx = 1\n"),
        "system/board.toml:1: log.level: a table is not a log level; \
         allowed is error, warn, info, debug, trace, in quotes"
    );
}

#[test]
fn variables() {
    let of = |name, value| refusal(&of_env(&[(name, value)]));
    assert_eq!(
        of("CARPUS_SESSION__WILL_EXPIRE_LEAD", "30"),
        "CARPUS_SESSION__WILL_EXPIRE_LEAD: session.will_expire_lead: \"30\" has no unit; write 30s, 2min or 1h"
    );
    assert_eq!(
        of("CARPUS_IPC__MAX_CLIENTS", "many"),
        "CARPUS_IPC__MAX_CLIENTS: ipc.max_clients: \"many\" is not a whole number; allowed is 1 to 1024"
    );
    assert_eq!(
        of("CARPUS_IPC__MAX_CLIENTS", "100.7"),
        "CARPUS_IPC__MAX_CLIENTS: ipc.max_clients: \"100.7\" is not a whole number; allowed is 1 to 1024"
    );
    assert_eq!(
        of("CARPUS_IPC__MAX_CLIENTS", "99999999999999999999"),
        "CARPUS_IPC__MAX_CLIENTS: ipc.max_clients: \"99999999999999999999\" is out of range; allowed is 1 to 1024"
    );
    assert_eq!(
        of("CARPUS_AUDIO__ENABLED", "yes"),
        "CARPUS_AUDIO__ENABLED: audio.enabled: \"yes\" is not true or false; write true or false"
    );
    assert_eq!(
        of("CARPUS_LIFECYCLE__FRONTMOST_TIM", "1s"),
        "CARPUS_LIFECYCLE__FRONTMOST_TIM: unknown variable; did you mean CARPUS_LIFECYCLE__FRONTMOST_TIME? \
         Allowed after CARPUS_LIFECYCLE__: FRONTMOST_TIME, SUSPEND_GRACE, LEAVE_TIME, \
         RELAUNCH_MAX, RELAUNCH_WINDOW"
    );
    assert_eq!(
        of("CARPUS_LOG_LEVEL", "info"),
        "CARPUS_LOG_LEVEL: unknown variable; did you mean CARPUS_LOG__LEVEL? \
         Allowed are CARPUS_PROFILE, CARPUS_LIFECYCLE__FRONTMOST_TIME and so on for the key of each setting, \
         and CARPUS_LOG, CARPUS_SOCKET, CARPUS_APP_ID, CARPUS_LAUNCH_TOKEN"
    );
    assert_eq!(
        of("CARPUS_log__level", "info"),
        "CARPUS_log__level: unknown variable; did you mean CARPUS_LOG__LEVEL? \
         Allowed after CARPUS_LOG__: LEVEL"
    );
    assert_eq!(
        of("CARPUS_PATHS__STATE", "/tmp/\u{fffd}"),
        "CARPUS_PATHS__STATE: paths.state: \"/tmp/\u{fffd}\" is not an absolute path; \
         allowed is \"auto\" or an absolute path"
    );
}

#[test]
fn flags() {
    let of = |name, value| refusal(&of_flags(&[(name, value)]));
    assert_eq!(
        of("session.will_expire_lead", "30"),
        "--set session.will_expire_lead: \"30\" has no unit; write 30s, 2min or 1h"
    );
    assert_eq!(
        of("lifecycle.frontmost_tim", "1s"),
        "--set lifecycle.frontmost_tim: unknown key; did you mean frontmost_time? \
         Allowed in [lifecycle]: frontmost_time, suspend_grace, leave_time, relaunch_max, \
         relaunch_window"
    );
    let top = "llowed at the top: profile, [compat], [lifecycle], [session], [alarm], [suppression], \
               [budget], [haptics], [audio], [bluetooth], [inputs], [ipc], [apps], [journal], [supervision], [paths], [log]";
    assert_eq!(
        of("sesion.will_expire_lead", "30s"),
        format!("--set sesion.will_expire_lead: unknown key; did you mean session.will_expire_lead? A{top}")
    );
    assert_eq!(
        of("max_clients", "3"),
        format!("--set max_clients: unknown key; did you mean ipc.max_clients? A{top}")
    );
    assert_eq!(of("a\nb", "3"), format!("--set \"a\\nb\": unknown key; a{top}"));
}

#[test]
fn files_that_are_not_toml() {
    assert_eq!(of_file("[log]\nlevel = info\n"), "system/board.toml:2:9: invalid float, expected `inf`");
    assert_eq!(
        of_file("[log]\nlevel = \"info\"\nlevel = \"warn\"\n"),
        "system/board.toml:3:1: duplicate key"
    );
    assert_eq!(of_file("[log\nlevel = \"info\"\n"), "system/board.toml:1:5: unclosed table, expected `]`");
    assert_eq!(
        of_file("# größer\ngröße = 1\n"),
        "system/board.toml:2:3: invalid unquoted key, expected letters, numbers, `-`, `_`"
    );
    assert_eq!(
        of_file("profile = \"größer\" 2\n"),
        "system/board.toml:1:20: unexpected key or value, expected newline, `#`"
    );
}

#[test]
fn several_faults_of_syntax_are_told_but_not_their_echoes() {
    let lines = Folders::new()
        .with("system/a.toml", "[log]\nlevel = info 3 = [\n\n[audio]\nvolume = loud\n[a\n[b]\n")
        .refusals();
    assert_eq!(
        lines,
        [
            "system/a.toml:2:9: string values must be quoted, expected literal string",
            "system/a.toml:5:10: string values must be quoted, expected literal string",
            "system/a.toml:6:3: unclosed table, expected `]`",
        ]
    );
    let many = Folders::new().with("system/a.toml", "[\n".repeat(1000)).refusals();
    assert_eq!(many.len(), 10);
}

#[test]
fn a_folder_of_as_many_files_as_may_be_is_read_and_one_more_is_refused() {
    let mut folders = Folders::new();
    for number in 0..64 {
        folders = folders
            .with(&format!("system/{number:02}.toml"), format!("session.max_per_app = {}\n", number + 1));
    }
    assert_eq!(folders.load().unwrap().settings.session.max_per_app, 64);
    let folders = folders.with("system/more.toml", "").with("system/not-settings.txt", "");
    assert_eq!(folders.refusals(), ["system: has more than 64 settings files; put them together"]);
}

#[test]
fn a_hundred_problems_are_told_and_how_many_more_there_are() {
    let told = |count: usize| {
        let text: String = (0..count).map(|number| format!("key{number} = 1\n")).collect();
        Folders::new().with("system/a.toml", text).refusals()
    };
    let all = told(100);
    assert_eq!(all.len(), 100);
    assert!(all[99].starts_with("system/a.toml:100: key99: unknown key"), "{}", all[99]);
    let some = told(103);
    assert_eq!(some[..100], all);
    assert_eq!(some[100..], ["and 3 more"]);
}

#[test]
fn files_that_cannot_be_read() {
    let folders = Folders::new()
        .with("system/bytes.toml", b"[log]\n# \xff\n")
        .with("system/big.toml", format!("# {}\n", "x".repeat(64 * 1024)));
    fs::create_dir(folders.path("system/dir.toml")).unwrap();
    std::os::unix::fs::symlink("nowhere", folders.path("system/link.toml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folders.path("system/socket.toml")).unwrap();
    assert_eq!(
        folders.refusals(),
        [
            "system/big.toml: is larger than 64KiB",
            "system/bytes.toml:2: is not UTF-8 text",
            "system/dir.toml: cannot be read: is a directory",
            "system/link.toml: cannot be read: No such file or directory (os error 2)",
            "system/socket.toml: is not a regular file",
        ]
    );
}

#[test]
fn a_file_with_an_odd_name_is_told_on_one_line() {
    let folders = Folders::new().with("system/a\nb.toml", "log = 1\n");
    let refused = folders.load().unwrap_err().to_string();
    assert_eq!(refused.lines().count(), 1, "{refused}");
    assert!(refused.contains(r#"a\nb.toml":1: log: 1 is not a section"#), "{refused}");
}

#[test]
fn a_folder_that_cannot_be_read() {
    let folders = Folders::new().with("file", "");
    let sources = Sources { system_dir: Some(folders.path("file")), ..Sources::default() };
    let refused = super::lines(&Settings::load(&sources).unwrap_err(), folders.dir.path());
    assert_eq!(refused, ["file: cannot be read: Not a directory (os error 20)"]);
}

#[test]
fn all_problems_of_all_layers_are_told_at_once_in_order() {
    let folders = Folders::new()
        .with("system/1.toml", "profile = \"toaster\"\n[log]\nlevel = \"loud\"\n[audio]\nvolume = 80\n")
        .with("system/2.toml", "not toml\n")
        .with("user/1.toml", "[ipc]\nmax_clients = 0\n");
    let mut sources = folders.sources();
    sources.env = super::pairs(&[("CARPUS_NONSENSE", "1"), ("CARPUS_LOG__LEVEL", "warn")]);
    sources.flags = super::pairs(&[("audio.gain", "1%")]);
    let error = Settings::load(&sources).unwrap_err();
    let lines = super::lines(&error, folders.dir.path());
    let starts: Vec<&str> = lines.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        starts,
        [
            "system/1.toml:1",
            "system/1.toml:3",
            "system/1.toml:5",
            "system/2.toml:1:5",
            "user/1.toml:2",
            "CARPUS_NONSENSE",
            "--set audio.gain",
        ]
    );
}

/// A bad value is refused also where a layer above would cover it: it would come back one day.
#[test]
fn a_covered_value_is_checked_too() {
    let folders = Folders::new().with("system/a.toml", "[log]\nlevel = 3\n");
    let mut sources = folders.sources();
    sources.flags = super::pairs(&[("log.level", "info")]);
    assert_eq!(Settings::load(&sources).unwrap_err().problems().len(), 1);
}

#[test]
fn long_values_are_cut() {
    let long = "x".repeat(1000);
    let refused = of_file(&format!("[session]\nwill_expire_lead = \"{long}\"\n"));
    assert!(refused.len() < 200, "{refused}");
    let digits = "9".repeat(1000);
    let refused = of_file(&format!("[ipc]\nmax_clients = {digits}\n"));
    assert!(refused.len() < 200, "{refused}");
    let refused = of_file(&format!("[ipc]\n{long} = 1\n"));
    assert!(refused.len() < 300, "{refused}");
}
