//! The Varlink interfaces of Carpus, as Rust types.
//!
//! Each interface is a module: its methods are structs of their parameters ([`Method`] ties each to its reply and
//! its errors), `Call` holds any of its calls, `Error` its refusals, `TEXT` its description in Varlink's own
//! language. `INTROSPECTION` is the same description made from the Rust types; a test holds the two together.
//!
//! Numbers are integers; instants are Unix milliseconds and end in `_ms` or `_at_ms`; spans end in `_ms`. Names
//! such as `resigned-frontmost` are strings, written as the runtime's rules write them.
//!
//! # On the side of the runtime
//! A frame is read into a [`RawCall`], which takes any well-formed call, and then into [`AnyCall`]; what does not
//! fit gets Varlink's own answer. Sending must run to its end: a send that is dropped halfway leaves half a frame
//! on the socket.
//! ```
//! use carpus_protocol::{AnyCall, Done, RawCall, frames, session};
//! use zlink::{Connection, Reply};
//!
//! /// Serves one client until it hangs up.
//! async fn serve(stream: tokio::net::UnixStream) -> zlink::Result<()> {
//!     let stream = frames::LimitedStream::new(stream.try_into()?, frames::CALL_BYTES_MAX);
//!     let (mut read, mut write) = Connection::new(stream).split();
//!     loop {
//!         let call = match read.receive_call::<RawCall>().await {
//!             Ok((call, _files)) => call,
//!             Err(zlink::Error::UnexpectedEof) => return Ok(()),
//!             Err(error) => return Err(error), // no JSON, or too long: cut the client off
//!         };
//!         let (more, oneway) = (call.more(), call.oneway());
//!         let wanted = match AnyCall::try_from(call.method().clone()) {
//!             Ok(wanted) => wanted,
//!             Err(_) if oneway => continue,
//!             Err(problem) => {
//!                 write.send_error(&problem.reply(), vec![]).await?;
//!                 continue;
//!             }
//!         };
//!         match wanted {
//!             call if call.streams() && !more => {
//!                 write.send_error(&zlink::varlink_service::Error::ExpectedMore, vec![]).await?;
//!             }
//!             AnyCall::Session(session::Call::Attach(attach)) if attach.token == "right" => {
//!                 let reply = session::AttachReply {
//!                     app: "heart-rate".to_owned(),
//!                     state: carpus_protocol::AppState::Active,
//!                     session: None,
//!                 };
//!                 write.send_reply(&Reply::new(Some(reply)), vec![]).await?;
//!             }
//!             AnyCall::Session(session::Call::Attach(_)) => {
//!                 write.send_error(&session::Error::BadToken, vec![]).await?;
//!             }
//!             AnyCall::Session(session::Call::Events(_)) => {
//!                 // `continues` on all but the last reply of a stream
//!                 let event = session::AppEvent::WillExpire { session: 1, remaining_ms: 30_000 };
//!                 let reply = session::EventsReply { sequence: Some(7), event };
//!                 write.send_reply(&Reply::new(Some(reply)).set_continues(Some(true)), vec![]).await?;
//!             }
//!             _ if oneway => {} // done, and not answered
//!             _ => write.send_reply(&Reply::new(Some(Done {})), vec![]).await?,
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // … and on the side of a client:
//! use carpus_protocol::client::{CallError, Client};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("carpus.sock");
//! # let listener = tokio::net::UnixListener::bind(&path)?;
//! # let server = async {
//! #     let (first, _) = listener.accept().await?;
//! #     serve(first).await?;
//! #     Ok::<(), Box<dyn std::error::Error>>(())
//! # };
//! # let client = async {
//! let mut client = Client::connect(&path).await?;
//! let refused = client.call(&session::Attach { token: "wrong".to_owned() }).await;
//! assert!(matches!(refused, Err(CallError::Refused(session::Error::BadToken))));
//! let attached = client.call(&session::Attach { token: "right".to_owned() }).await?;
//! assert_eq!(attached.app, "heart-rate");
//!
//! let mut events = client.stream(&session::Events {}).await?;
//! let event = events.next().await.expect("the stream goes on")?;
//! assert_eq!(event.sequence, Some(7));
//! # drop(events);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # };
//! # let (served, called) = tokio::join!(server, client);
//! # served?;
//! # called
//! # }
//! ```

pub mod apps;
mod call;
pub mod client;
pub mod devices;
pub mod frames;
pub mod haptics;
mod interface;
pub mod monitor;
mod names;
mod recurrence;
pub mod service;
pub mod session;
pub mod simulation;
mod types;
pub mod wrist;

pub use call::{AnyCall, CallProblem, RawCall};
pub use interface::{Done, Method};
pub use names::UnknownName;
pub use recurrence::{BadTimeOfDay, RecurrenceRule, TimeOfDay, Weekday};
pub use types::{
    AppState, Cause, ErrorCode, ExitStatus, HapticType, MissingMember, Reason, SessionError, SessionInfo,
    SessionKind, SessionState,
};
