//! What an app may not do. Where the kernel has no Landlock of the wanted version, what it would hold is not tested.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};

use super::*;

impl Bench {
    /// What a script that runs to its end prints.
    fn says(&self, script: &str) -> String {
        let before = fs::read_to_string(self.path("logs/test-app.log")).unwrap_or_default();
        let app = self.run(script);
        self.exit(&*app);
        self.log()[before.len()..].trim_end().to_owned()
    }

    /// Whether a command fails in an app, which it does nowhere else.
    fn is_refused(&self, command: &str) -> bool {
        let outside = Command::new("sh").args(["-c", command]).output().unwrap();
        assert!(outside.status.success(), "{command}: {}", String::from_utf8_lossy(&outside.stderr));
        let said = self.says(&format!("if {command}; then echo done; else echo refused; fi"));
        said.ends_with("refused")
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// The bench where everything is enforced; none where the kernel cannot.
fn kept_apart() -> Option<Bench> {
    let bench = Bench::new(Launcher::without_cgroups);
    bench.launcher.shortcoming().is_none().then_some(bench)
}

/// The python of this machine, and the folder that it needs.
fn python() -> Option<(String, PathBuf)> {
    let script = "import sys; print(sys.executable); print(sys.base_prefix)";
    let output = Command::new("python3").args(["-c", script]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (program, folder) = text.trim().split_once('\n')?;
    Some((program.to_owned(), folder.into()))
}

#[test]
fn an_app_has_no_capabilities_no_groups_and_no_way_to_new_privileges() {
    for bench in benches() {
        let status = bench.says("exec cat /proc/self/status");
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} in {status}")).trim().to_owned()
        };
        for set in ["CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(value(set), "0000000000000000", "{set}");
        }
        assert_eq!(value("NoNewPrivs:"), "1");
        if rustix::process::geteuid().is_root() {
            assert_eq!((value("CapBnd:"), value("Groups:")), ("0000000000000000".to_owned(), String::new()));
        }
    }
}

#[test]
fn an_app_has_the_limits_that_are_set_and_its_files_are_its_own() {
    for bench in benches() {
        let limits = bench.says("exec cat /proc/self/limits");
        let hard = |name: &str| {
            let line = limits.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{limits}")).split_whitespace().nth(1).map(str::to_owned)
        };
        let of = ["Max open files", "Max core file size", "Max file size"].map(|name| hard(name).unwrap());
        assert_eq!(of, ["64", "0", "1048576"]);
        assert_eq!(bench.says("exec cat /proc/self/oom_score_adj"), "500");
        let file = bench.path("data/file");
        bench.says(&format!("echo x > {}", file.display()));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_file_grows_as_long_as_it_may() {
    for bench in benches() {
        let file = bench.path("data/file");
        let dd = |bytes: u64| format!("exec dd if=/dev/zero of={} bs={bytes} count=1", file.display());
        let full = bench.run(&dd(MIB));
        assert_eq!(bench.exit(&*full), ExitStatus::Code(0));
        let beyond =
            bench.run(&format!("exec dd if=/dev/zero of={} bs=1 count=1 seek={MIB}", file.display()));
        assert_eq!(bench.exit(&*beyond), ExitStatus::Signal(Signal::XFSZ.as_raw()));
        assert_eq!(fs::metadata(&file).unwrap().len(), MIB);
    }
}

#[test]
fn an_app_opens_as_many_files_as_it_may() {
    for bench in benches() {
        // The files 0 to 63 are 64; bash refuses nothing by itself. It keeps none open but those and its script.
        let open = |number: u32| bench.says(&format!("bash -c 'exec {number}</dev/null && echo open' 2>&1"));
        assert!(open(63).ends_with("open"));
        assert!(!open(64).ends_with("open"));
    }
}

#[test]
fn no_open_file_of_the_runtime_reaches_an_app() {
    use std::os::fd::AsRawFd as _;
    let bench = Bench::new(Launcher::without_cgroups);
    let secret = File::create(bench.path("secret")).unwrap();
    // As a library might that forgets to say that its files are not for other programs.
    rustix::io::fcntl_setfd(&secret, rustix::io::FdFlags::empty()).unwrap();
    let number = secret.as_raw_fd();
    assert_eq!(bench.says(&format!("test -e /proc/self/fd/{number} && echo open || echo closed")), "closed");
}

#[test]
fn an_app_reads_the_system_and_its_folder_and_writes_its_data_only() {
    let Some(bench) = kept_apart() else { return };
    fs::write(bench.path("folder/part"), "of the app").unwrap();
    assert_eq!(bench.says("cat part && test -r /etc/passwd && ls /usr/bin > /dev/null"), "of the app");
    let changes = "mkdir -p a/b && echo 1 > a/file && mv a/file a/b/moved && ln -s a link && cat link/b/moved && \
                   : > a/b/moved && rm -r a link && ls";
    assert_eq!(bench.says(&format!("cd {} && {changes}", bench.shown("data"))), "1");
    for command in ["echo > part", "echo > new", "mkdir folder", "mv part moved && mv moved part", "rm new"] {
        assert!(bench.is_refused(&format!("cd {} && {command}", bench.shown("folder"))), "{command}");
    }
    let program = format!("cp /bin/true {0}/own && {0}/own", bench.shown("data"));
    assert!(bench.is_refused(&program), "what an app writes is not run");
}

#[test]
fn the_rest_of_the_runtimes_state_is_out_of_reach() {
    let Some(bench) = kept_apart() else { return };
    fs::create_dir(bench.path("data-of-another")).unwrap();
    bench.says("true"); // its log is there
    for (number, name) in
        ["state.db", "carpus.sock.apps", "logs/other.log", "data-of-another/x"].iter().enumerate()
    {
        fs::write(bench.path(name), "secret").unwrap();
        let path = bench.shown(name);
        let commands = [
            format!("cat {path}"),
            format!("echo x >> {path}"),
            format!("mv {path} {path}.moved && mv {path}.moved {path}"),
            format!("ln {path} {}/link{number}", bench.shown("data")),
        ];
        for command in commands {
            assert!(bench.is_refused(&command), "{command}");
        }
    }
    assert!(
        bench.is_refused(&format!("cat {} > /dev/null", bench.shown("logs/test-app.log"))),
        "but for writing"
    );
    assert!(bench.is_refused(&format!("ls {}", bench.folder.path().display())));
    let link = bench.shown("data/way-out");
    std::os::unix::fs::symlink(bench.path("state.db"), &link).unwrap();
    assert!(bench.is_refused(&format!("cat {link}")), "a link is no way out");
}

#[test]
fn no_device_but_the_harmless_ones_is_in_reach() {
    let Some(bench) = kept_apart() else { return };
    let harmless = "echo x > /dev/null && echo x >> /dev/zero && head -c 3 /dev/zero | wc -c && \
                    head -c 3 /dev/urandom | wc -c";
    assert_eq!(bench.says(harmless), "3\n3");
    for device in
        ["/dev/ptmx", "/dev/input/event0", "/dev/snd/controlC0", "/dev/gpiochip0", "/dev/shm", "/dev"]
    {
        let look =
            if Path::new(device).is_dir() { format!("ls {device}") } else { format!("true < {device}") };
        assert!(!Path::new(device).exists() || bench.is_refused(&look), "{device}");
    }
}

#[test]
fn an_app_sees_its_own_process_and_no_other() {
    let Some(bench) = kept_apart() else { return };
    assert!(bench.says("exec cat /proc/self/environ").contains("CARPUS_APP_ID=test-app"));
    let other = bench.run("exec sleep 1000").id();
    for id in [std::process::id(), other] {
        for look in ["cat /proc/ID/environ", "cat /proc/ID/cmdline", "cat /proc/ID/maps", "ls /proc/ID/fd"] {
            assert!(
                bench.is_refused(&format!("{} > /dev/null", look.replace("ID", &id.to_string()))),
                "{look}"
            );
        }
    }
    assert!(bench.is_refused("ls /proc"));
}

#[test]
fn an_app_signals_itself_and_nobody_else() {
    let Some(bench) = kept_apart() else { return };
    let other = bench.run("exec sleep 1000");
    for id in [std::process::id(), other.id()] {
        assert!(bench.is_refused(&format!("kill -0 {id}")));
    }
    let own = bench.says("sleep 1000 & kill -KILL $!; wait $!; echo $?");
    assert!(own.ends_with("137"), "{own}");
}

#[test]
fn an_abstract_socket_of_another_is_out_of_reach() {
    let Some(mut bench) = kept_apart() else { return };
    let Some((python, folder)) = python() else { return }; // a shell knows no sockets
    bench.launcher.options.readable = vec![folder];
    let name = format!("carpus-test-{}", std::process::id());
    let _listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    let script = format!("import socket; socket.socket(socket.AF_UNIX).connect('\\0' + '{name}')");
    assert_eq!(bench.says(&format!("{python} -c 'import socket; print(1)'")), "1");
    assert!(bench.is_refused(&format!("{python} -c \"{script}\"")));
}

#[test]
fn programs_in_python_start() {
    let Some(mut bench) = kept_apart() else { return };
    let Some((python, folder)) = python() else { return };
    bench.launcher.options.readable = vec![folder];
    let script = "import os, json, random, tempfile, threading, subprocess, time\n\
                  threading.Thread(target=print, args=('thread',)).start()\n\
                  print(os.cpu_count() > 0, time.tzname != (), random.random() < 1)\n\
                  print(subprocess.run(['echo', 'child'], capture_output=True).stdout.decode())";
    fs::write(bench.path("folder/program.py"), script).unwrap();
    let said = bench.says(&format!("exec {python} program.py"));
    assert!(said.contains("thread") && said.contains("True True True") && said.contains("child"), "{said}");
}

#[test]
fn what_the_operator_opens_may_be_read_and_run_and_not_written() {
    let Some(mut bench) = kept_apart() else { return };
    let tool = bench.path("tools/tool");
    fs::create_dir(bench.path("tools")).unwrap();
    fs::write(&tool, "#!/bin/sh\necho works\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let run = tool.display().to_string();
    assert!(bench.is_refused(&run));
    bench.launcher.options.readable = vec![bench.path("tools"), "/nowhere/to/be/found".into()];
    assert_eq!(bench.says(&run), "works");
    assert!(bench.is_refused(&format!("echo >> {run}")));
}

#[test]
fn without_the_sandbox_an_app_is_bound_and_sees_what_its_user_sees() {
    let mut bench = Bench::new(Launcher::without_cgroups);
    bench.launcher.options.sandbox = Sandbox::Off;
    fs::write(bench.path("other"), "of another").unwrap();
    assert_eq!(bench.says(&format!("cat {}", bench.shown("other"))), "of another");
    assert!(bench.says("exec cat /proc/self/status").contains("NoNewPrivs:\t1"));
    assert_eq!(bench.launcher.shortcoming(), None);
    assert!(bench.launcher.describe().ends_with("not kept apart"));
}

#[test]
fn an_app_that_must_be_kept_apart_and_cannot_is_not_launched() {
    let mut bench = Bench::new(Launcher::without_cgroups);
    for version in [0, 5] {
        bench.launcher.abilities = Abilities::of_version(version);
        bench.launcher.options.sandbox = Sandbox::Required;
        let refused = bench.launcher.launch(&bench.launch_of("/bin/true")).err();
        assert!(matches!(refused, Some(ProcessError::NotKeptApart { .. })), "{refused:?}");
        assert!(bench.launcher.shortcoming().is_some());
        bench.launcher.options.sandbox = Sandbox::Auto;
        assert_eq!(bench.says("echo runs"), "runs", "as far as the kernel can");
    }
}
