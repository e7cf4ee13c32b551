//! An app that means ill, for the tests of the boundary between apps: it tries what it is told on a socket in its data
//! folder, and answers with what came of it, a line of JSON each.
//!
//! Orders: `call FRAME` and `raw FRAME` (a call on a connection of its own, with its launch token and without),
//! `attach TOKEN`, `repeat N FRAME`, `until_end FRAME`, `bytes N`, `unread N FRAME`, `read PATH`, `write PATH`, `create PATH`,
//! `remove PATH`, `list PATH`, `run PATH`, `signal PID NUMBER`, `abstract NAME`, `escape FILE FRAME`. What the system
//! refuses is answered with its number, `{"errno": 13}`. Its events are written to its log, as they come.
//!
//! `escape` leaves a process behind that is no child of the app and in no session of its: started with the argument
//! `loose` it calls with an environment that names nothing of the app, and writes the answer to the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getppid, kill_process, setsid};
use serde_json::{Value, json};

/// The program, from the folder that an app is started in.
const OWN_PROGRAM: &str = "./intruder";
/// How long a write may be stuck before it counts as refused.
const STUCK: Duration = Duration::from_secs(1);
/// Opening a device or a pipe must not wait (open(2)).
const O_NONBLOCK: i32 = 0o4000;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["detach", socket, file, frame] => return detach(socket, file, frame),
        ["loose", parent, socket, file, frame] => return loose(parent, socket, file, frame),
        _ => {}
    }
    let listener = UnixListener::bind({
        let strings = PathBuf::from(variable("CARPUS_APP_DATA")?).join("strings.sock");
        fs::remove_file(&strings).ok();
        strings
    })?;
    let mut events = attached()?;
    events.send(r#"{"method":"io.carpus.Session.Events","more":true}"#)?;
    std::thread::spawn(move || {
        while let Ok(told) = events.answer() {
            println!("{}", told["parameters"]);
        }
    });
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}

/// Orders on different connections are obeyed side by side.
fn serve(mut stream: UnixStream) -> io::Result<()> {
    let reader = BufReader::new(stream.try_clone()?);
    for line in reader.lines() {
        let came = obey(&line?).unwrap_or_else(|error| match error.raw_os_error() {
            Some(number) => json!({"errno": number}),
            None => json!({"failed": error.to_string()}),
        });
        writeln!(stream, "{came}")?;
    }
    Ok(())
}

fn variable(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(io::Error::other)
}

/// A connection to the runtime.
struct Connection(BufReader<UnixStream>);

impl Connection {
    fn open(socket: &str) -> io::Result<Self> {
        Ok(Self(BufReader::new(UnixStream::connect(socket)?)))
    }

    fn send(&mut self, frame: &str) -> io::Result<()> {
        self.0.get_mut().write_all(format!("{frame}\0").as_bytes())
    }

    fn answer(&mut self) -> io::Result<Value> {
        let mut frame = Vec::new();
        self.0.read_until(0, &mut frame)?;
        if frame.pop() != Some(0) {
            return Err(io::Error::other("hung up"));
        }
        serde_json::from_slice(&frame).map_err(io::Error::other)
    }

    fn call(&mut self, frame: &str) -> io::Result<Value> {
        self.send(frame)?;
        self.answer()
    }

    fn attach(&mut self, token: &str) -> io::Result<Value> {
        let attach = json!({"method": "io.carpus.Session.Attach", "parameters": {"token": token}});
        self.call(&attach.to_string())
    }
}

fn unattached() -> io::Result<Connection> {
    Connection::open(&variable("CARPUS_SOCKET")?)
}

fn attached() -> io::Result<Connection> {
    let mut connection = unattached()?;
    match connection.attach(&variable("CARPUS_LAUNCH_TOKEN")?)? {
        answer if answer["error"].is_null() => Ok(connection),
        refused => Err(io::Error::other(refused.to_string())),
    }
}

fn obey(order: &str) -> io::Result<Value> {
    let (word, rest) = order.split_once(' ').unwrap_or((order, ""));
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let number = || first.parse::<usize>().map_err(io::Error::other);
    let path = Path::new(rest);
    let done = |()| json!({"ok": true});
    match word {
        "call" => attached()?.call(rest),
        "raw" => unattached()?.call(rest),
        "attach" => {
            let mut connection = unattached()?;
            let attached = connection.attach(rest)?;
            let created = connection.call(r#"{"method":"io.carpus.Session.Create"}"#)?;
            Ok(json!({"attached": attached, "created": created}))
        }
        "repeat" => repeat(number()?, second),
        "until_end" => until_end(rest),
        "bytes" => bytes(number()?),
        "unread" => unread(number()?, second),
        "read" => {
            let mut text = Vec::new();
            open(OpenOptions::new().read(true), path)?.take(1024).read_to_end(&mut text)?;
            Ok(json!({"ok": String::from_utf8_lossy(&text)}))
        }
        "write" => open(OpenOptions::new().write(true), path).map(|_| json!({"ok": true})),
        "create" => open(OpenOptions::new().write(true).create_new(true), path).map(|_| json!({"ok": true})),
        "remove" => fs::remove_file(path).map(done),
        "list" => fs::read_dir(path).map(|entries| json!({"ok": entries.count()})),
        "run" => Command::new(path).status().map(|status| json!({"ok": status.success()})),
        "signal" => signal(first, second).map(done),
        "abstract" => {
            let address = SocketAddr::from_abstract_name(rest)?;
            UnixStream::connect_addr(&address).map(|_| json!({"ok": true}))
        }
        "escape" => escape(first, second).map(done),
        _ => Ok(json!({"unknown": order})),
    }
}

fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.custom_flags(O_NONBLOCK).open(path)
}

fn signal(pid: &str, number: &str) -> io::Result<()> {
    let pid = pid.parse().ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    let signal = number.parse().ok().and_then(Signal::from_named_raw).ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, signal)?)
}

/// One call after another, on one connection; how many were answered, and with what.
fn repeat(times: usize, frame: &str) -> io::Result<Value> {
    let mut connection = attached()?;
    let mut last = Value::Null;
    for answered in 0..times {
        match connection.call(frame) {
            Ok(answer) => last = answer,
            Err(error) => return Ok(json!({"answered": answered, "ended": error.to_string()})),
        }
    }
    Ok(json!({"answered": times, "last": last}))
}

/// Reads a stream until it ends, and writes to its log that it does; its last frame, and how many came before it.
fn until_end(frame: &str) -> io::Result<Value> {
    let mut connection = attached()?;
    let mut answer = connection.call(frame)?;
    println!("{}", json!({"event": {"kind": "reads"}}));
    let mut before = 0;
    while answer["continues"] == true {
        answer = connection.answer()?;
        before += 1;
    }
    Ok(json!({"before": before, "last": answer}))
}

/// So many bytes that end no frame; whether the runtime hangs up.
fn bytes(count: usize) -> io::Result<Value> {
    let mut connection = attached()?;
    let stream = connection.0.get_mut();
    for _ in 0..count.div_ceil(1024) {
        if stream.write_all(&[b'x'; 1024]).is_err() {
            break;
        }
    }
    Ok(json!({"hung_up": connection.answer().is_err()}))
}

/// Calls, and reads none of the answers, for as long as it lives; how many calls were taken.
fn unread(count: usize, frame: &str) -> io::Result<Value> {
    let mut connection = attached()?;
    connection.0.get_ref().set_write_timeout(Some(STUCK))?;
    let taken = (0..count).take_while(|_| connection.send(frame).is_ok()).count();
    std::mem::forget(connection);
    Ok(json!({"taken": taken}))
}

fn escape(file: &str, frame: &str) -> io::Result<()> {
    let socket = variable("CARPUS_SOCKET")?;
    let mut detached = Command::new(OWN_PROGRAM);
    detached.args(["detach", &socket, file, frame]).stdin(Stdio::null()).spawn()?.wait()?;
    Ok(())
}

fn detach(socket: &str, file: &str, frame: &str) -> io::Result<()> {
    setsid()?;
    let parent = std::process::id().to_string();
    let mut loose = Command::new(std::env::current_dir()?.join(OWN_PROGRAM));
    loose.args(["loose", &parent, socket, file, frame]).env_clear().current_dir("/");
    loose.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(|_| ())
}

fn loose(parent: &str, socket: &str, file: &str, frame: &str) -> io::Result<()> {
    setsid()?;
    let is_child = || getppid().is_some_and(|id| id.as_raw_nonzero().to_string() == parent);
    while is_child() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let answer = Connection::open(socket).and_then(|mut connection| connection.call(frame));
    let answer = answer.unwrap_or_else(|error| json!({"failed": error.to_string()}));
    let written = format!("{file}.new");
    fs::write(&written, answer.to_string())?;
    fs::rename(written, file)
}
