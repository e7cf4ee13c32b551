//! Frames: any bytes, in pieces of any length, under any limit.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use carpus_protocol::RawCall;
use carpus_protocol::frames::LimitedStream;
use zlink::Connection;
use zlink::tokio::unix;

/// What became of one frame: its call, or that it is none.
type Taken = Option<RawCall>;

/// The first byte is the limit (0 counts as 1), the second the length of the pieces (likewise), the rest what a client
/// sends. Compared with a second reading, which has all the bytes at once.
pub fn frames(input: &[u8]) -> bool {
    let [limit, piece, sent @ ..] = input else { return false };
    let (limit, piece) = (usize::from(*limit).max(1), usize::from(*piece).max(1));
    let (expected, too_long) = split(sent, limit);

    let (taken, end) = super::run(receive(sent, limit, piece));

    assert!(taken.len() <= expected.len(), "{} frames of {}", taken.len(), expected.len());
    for (taken, frame) in taken.iter().zip(&expected) {
        assert_eq!(*taken, read(frame), "{:?}", String::from_utf8_lossy(frame));
    }
    match end {
        zlink::Error::BufferOverflow => assert!(too_long, "no frame is longer than {limit}"),
        zlink::Error::UnexpectedEof => {
            assert!(!too_long, "a frame is longer than {limit}");
            assert_eq!(taken.len(), expected.len());
        }
        other => panic!("{other}"),
    }
    taken.iter().any(Option::is_some)
}

/// The whole frames before the first that is too long, and whether there is such a one.
fn split(sent: &[u8], limit: usize) -> (Vec<&[u8]>, bool) {
    let mut parts: Vec<&[u8]> = sent.split(|byte| *byte == 0).collect();
    let fitting = parts.iter().take_while(|part| part.len() <= limit).count();
    let too_long = fitting < parts.len();
    parts.truncate(fitting.min(parts.len() - 1)); // the last part has no end
    (parts, too_long)
}

fn read(frame: &[u8]) -> Taken {
    serde_json::from_slice::<zlink::Call<RawCall>>(frame).ok().map(|call| call.method().clone())
}

/// Every frame that comes through, and what ended the connection.
async fn receive(sent: &[u8], limit: usize, piece: usize) -> (Vec<Taken>, zlink::Error) {
    let (near, mut far) = UnixStream::pair().expect("a pair of sockets");
    let near = unix::Stream::try_from(near).expect("a socket of the runtime");
    let (mut read, _write) = Connection::new(LimitedStream::new(near, limit)).split();
    let mut pieces = sent.chunks(piece);
    let mut open = Some(());
    let mut taken = Vec::new();
    loop {
        tokio::select! {
            biased;
            received = read.receive_call::<RawCall>() => match received {
                Ok((call, _files)) => taken.push(Some(call.method().clone())),
                Err(zlink::Error::Json(_)) => taken.push(None),
                Err(end) => return (taken, end),
            },
            // Twice, so that the reader sees what is there before the next piece comes.
            () = async { for _ in 0..2 { tokio::task::yield_now().await } }, if open.is_some() => {
                match pieces.next() {
                    Some(piece) => far.write_all(piece).expect("the other end is open"),
                    None => {
                        open = None;
                        far.shutdown(std::net::Shutdown::Write).expect("the socket is open");
                    }
                }
            }
        }
    }
}
