//! Taking frames off a real socket, and comparing them with the golden ones.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::path::PathBuf;

use carpus_protocol::client::Client;
use carpus_protocol::{AnyCall, Method, RawCall};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::net::{UnixListener, UnixStream};
use zlink::{Connection, Reply};

/// The frames of one interface, in the order in which they were added.
pub(crate) struct Frames {
    interface: &'static zlink::idl::Interface<'static>,
    /// What the frame is (`call Attach`), and its bytes.
    frames: Vec<(String, String)>,
    /// Where in `frames` each version begins.
    versions: Vec<usize>,
}

async fn read_frame(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    loop {
        match stream.read_u8().await.unwrap() {
            0 => return String::from_utf8(bytes).unwrap(),
            byte => bytes.push(byte),
        }
    }
}

/// The bytes that a client sends for a call.
async fn sent<M: Method>(method: &M) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let mut client = Client::connect(&path).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    tokio::select! {
        answer = client.call(method) => panic!("{answer:?}"),
        frame = read_frame(&mut server) => frame,
    }
}

impl Frames {
    pub(crate) fn of(interface: &'static zlink::idl::Interface<'static>) -> Self {
        Self { interface, frames: Vec::new(), versions: vec![0] }
    }

    /// From here on come the frames that the next version added.
    pub(crate) fn next_version(&mut self) {
        self.versions.push(self.frames.len());
    }

    /// A call: the client's bytes, which the runtime reads as `expected`.
    pub(crate) async fn call<M: Method>(&mut self, method: M, expected: impl FnOnce(M) -> AnyCall) {
        let frame = sent(&method).await;
        let raw: RawCall = serde_json::from_str(&frame).unwrap();
        let name = M::NAME.rsplit('.').next().unwrap();
        assert_eq!(AnyCall::try_from(raw).unwrap(), expected(method), "{frame}");
        self.frames.push((format!("call {name}"), frame));
    }

    /// A reply: the runtime's bytes, which a client reads as the same value.
    pub(crate) async fn reply<M: Method>(&mut self, what: &str, reply: M::Reply)
    where
        M::Reply: PartialEq + Clone,
    {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(zlink::tokio::unix::Stream::try_from(near).unwrap());
        let continues = M::STREAMS.then_some(true);
        connection
            .send_reply(&Reply::new(Some(reply.clone())).set_continues(continues), vec![])
            .await
            .unwrap();
        let frame = read_frame(&mut far).await;
        let read: Reply<M::Reply> = serde_json::from_str(&frame).unwrap();
        assert_eq!(read.parameters(), Some(&reply), "{frame}");
        assert_eq!(read.continues(), continues, "{frame}");
        let name = M::NAME.rsplit('.').next().unwrap();
        self.frames.push((format!("reply {name}{what}"), frame));
    }

    /// A refusal: the runtime's bytes, which a client reads as the same value.
    pub(crate) async fn error<E: Serialize + DeserializeOwned + PartialEq + Debug>(
        &mut self,
        name: &str,
        error: E,
    ) {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut connection = Connection::new(zlink::tokio::unix::Stream::try_from(near).unwrap());
        connection.send_error(&error, vec![]).await.unwrap();
        let frame = read_frame(&mut far).await;
        assert_eq!(serde_json::from_str::<E>(&frame).unwrap(), error, "{frame}");
        self.frames.push((format!("error {name}"), frame));
    }

    /// Compares with the files, and sees that nothing of the interface was left out.
    pub(crate) fn check(&self) {
        self.check_complete();
        let ends = self.versions[1..].iter().copied().chain([self.frames.len()]);
        for (version, (start, end)) in self.versions.iter().zip(ends).enumerate() {
            self.check_version(version + 1, &self.frames[*start..end]);
        }
    }

    fn check_version(&self, version: usize, frames: &[(String, String)]) {
        let name = self.interface.name();
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}"));
        let path = folder.join(format!("{name}.txt"));
        let mut now = String::new();
        for (what, frame) in frames {
            writeln!(now, "{what}\n  {frame}").unwrap();
        }
        if std::env::var_os("CARPUS_GOLDEN").is_some() && !path.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &now).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        for (golden, now) in golden.lines().zip(now.lines()) {
            assert_eq!(golden, now, "{name}: the bytes changed; do not change the file, add a version");
        }
        assert_eq!(golden.lines().count(), now.lines().count(), "{name}: frames came or went; add a version");
    }

    fn check_complete(&self) {
        let mut wanted = BTreeSet::new();
        for method in self.interface.methods() {
            wanted.insert(format!("call {}", method.name()));
            wanted.insert(format!("reply {}", method.name()));
        }
        wanted.extend(self.interface.errors().map(|error| format!("error {}", error.name())));
        let there: BTreeSet<String> = self
            .frames
            .iter()
            .map(|(what, _)| what.split(' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(there, wanted, "{}", self.interface.name());
    }
}
