//! Replies, as a client reads them.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use carpus_protocol::client::CallError;
use carpus_protocol::{Method, apps, devices, haptics, monitor, service, session, simulation, wrist};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zlink::Connection;
use zlink::tokio::unix;

/// Reads the reply of a method, and says whether it was one.
type Reading = fn(&[u8]) -> bool;

macro_rules! methods {
    ($($interface:ident { $($method:ident)* })*) => {
        /// Every method, by its full name.
        pub const METHODS: &[(&str, Reading)] =
            &[$($((<$interface::$method as Method>::NAME, reading::<$interface::$method>),)*)*];
    };
}

methods! {
    apps { Install Remove List Open Close SetRights Log }
    devices { List Scan Add Forget HeartRate }
    haptics { Play Stop }
    monitor { Events Sessions Alarms Recurrences StopAlarm OpenAlarm SnoozeAlarm Status }
    service { GetInfo GetInterfaceDescription }
    session {
        Attach Events Acknowledge Create Start StartAt Replace CanStart SetRecurrence ClearRecurrence Recurrence
        Invalidate Handled NotifyUser Repeat Info
    }
    simulation { Disk DropOut Fail Mute Malformed Press SetBattery SetBoard }
    wrist { Raise Lower Crown Cover State }
}

/// The first line is the method's full name, the rest what the runtime answers. Taken when it is a reply or a refusal.
pub fn reply(input: &[u8]) -> bool {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return false };
    let (name, frame) = (&input[..end], &input[end + 1..]);
    let method = METHODS.iter().find(|(known, _)| known.as_bytes() == name);
    method.is_some_and(|(_, reading)| reading(frame))
}

fn reading<M: Method>(frame: &[u8]) -> bool {
    match super::run(receive::<M>(frame)) {
        Ok(Ok(reply)) => {
            reply.parameters().iter().for_each(|parameters| assert_same_when_read_again(*parameters));
            true
        }
        Ok(Err(refusal)) => {
            assert_same_when_read_again(&refusal);
            true
        }
        Err(error) => {
            let shown = CallError::<std::convert::Infallible>::from(error).to_string();
            assert!(!shown.is_empty());
            false
        }
    }
}

type Received<M> = zlink::Result<Result<zlink::Reply<<M as Method>::Reply>, <M as Method>::Error>>;

async fn receive<M: Method>(frame: &[u8]) -> Received<M> {
    let (near, mut far) = UnixStream::pair().expect("a pair of sockets");
    far.write_all(frame).and_then(|()| far.write_all(&[0])).expect("a frame fits into a socket");
    drop(far);
    let mut connection = Connection::new(unix::Stream::try_from(near).expect("a socket of the client"));
    let (received, _files) = connection.receive_reply::<M::Reply, M::Error>().await?;
    Ok(received)
}

fn assert_same_when_read_again<T: Serialize + DeserializeOwned>(value: &T) {
    let written = serde_json::to_value(value).expect("what was read is JSON");
    let again: T = serde_json::from_value(written.clone()).expect("what was written is read");
    assert_eq!(serde_json::to_value(&again).expect("what was read is JSON"), written);
}
