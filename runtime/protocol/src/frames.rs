//! Limits on what comes through the socket.
//!
//! zlink buffers a frame of up to 100 MB before it gives up, and keeps every file that is passed along with one until
//! the frame is complete. A runtime that serves strangers wants far less: this socket ends the connection as soon as a
//! frame grows too long, and closes each file at once, as no call takes one.

use zlink::connection::socket::{self, Socket};
use zlink::tokio::unix;

/// The longest frame that the runtime takes from a client, in bytes. The longest proper call, an install with a
/// long path, stays under 8 KiB.
pub const CALL_BYTES_MAX: usize = 64 * 1024;

/// A Unix socket that refuses frames longer than a limit: reading one fails with
/// [`zlink::Error::BufferOverflow`]. Files that are passed through it are closed.
#[derive(Debug)]
pub struct LimitedStream {
    stream: unix::Stream,
    frame_bytes_max: usize,
}

impl LimitedStream {
    /// Wraps a socket.
    pub const fn new(stream: unix::Stream, frame_bytes_max: usize) -> Self {
        Self { stream, frame_bytes_max }
    }
}

impl Socket for LimitedStream {
    type ReadHalf = LimitedReadHalf;
    type WriteHalf = <unix::Stream as Socket>::WriteHalf;

    fn split(self) -> (Self::ReadHalf, Self::WriteHalf) {
        let (inner, write) = self.stream.split();
        let gauge = FrameGauge { bytes: 0, bytes_max: self.frame_bytes_max };
        (LimitedReadHalf { inner, gauge }, write)
    }
}

/// The reading half of a [`LimitedStream`].
#[derive(Debug)]
pub struct LimitedReadHalf {
    inner: <unix::Stream as Socket>::ReadHalf,
    gauge: FrameGauge,
}

impl socket::ReadHalf for LimitedReadHalf {
    async fn read(&mut self, buffer: &mut [u8]) -> zlink::Result<socket::ReadResult> {
        let result = self.inner.read(buffer).await?;
        let bytes = buffer.get(..result.bytes_read()).unwrap_or_default();
        // A result without the files, which are closed here: a client could fill the runtime's table of them.
        let kept = socket::ReadResult::new(bytes.len());
        if self.gauge.fits(bytes) { Ok(kept) } else { Err(zlink::Error::BufferOverflow) }
    }
}

/// Measures frames, which end with a zero byte.
#[derive(Debug)]
struct FrameGauge {
    /// Bytes of the frame that is not complete yet.
    bytes: usize,
    bytes_max: usize,
}

impl FrameGauge {
    /// Takes in what was read, and tells whether each frame in it fits.
    fn fits(&mut self, read: &[u8]) -> bool {
        let mut parts = read.split(|byte| *byte == 0).peekable();
        while let Some(part) = parts.next() {
            self.bytes = self.bytes.saturating_add(part.len());
            if self.bytes > self.bytes_max {
                return false;
            }
            if parts.peek().is_some() {
                self.bytes = 0;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_the_limit_fits_and_one_byte_more_does_not() {
        let mut gauge = FrameGauge { bytes: 0, bytes_max: 4 };
        assert!(gauge.fits(b"ab"));
        assert!(gauge.fits(b"cd\0"));
        assert!(gauge.fits(b"ab\0cd\0abc"), "each frame counts by itself");
        assert!(gauge.fits(b"d"));
        assert!(!gauge.fits(b"e"));
    }

    #[tokio::test]
    async fn files_that_are_passed_are_closed_at_once() {
        let (near, far) = tokio::net::UnixStream::pair().unwrap();
        let near = LimitedStream::new(unix::Stream::try_from(near).unwrap(), CALL_BYTES_MAX);
        let mut far = zlink::Connection::new(unix::Stream::try_from(far).unwrap());
        let (passed, mut other_end) = std::os::unix::net::UnixStream::pair().unwrap();
        far.send_reply(&zlink::Reply::new(Some("any frame")), vec![passed.into()]).await.unwrap();

        let (mut read, _write) = near.split();
        let mut buffer = [0; 4];
        let result = socket::ReadHalf::read(&mut read, &mut buffer).await.unwrap();
        assert_eq!(result.bytes_read(), buffer.len(), "half a frame, which may never end");
        assert!(result.fds().is_empty());
        // It would wait for ever if the file were open still.
        assert_eq!(std::io::Read::read(&mut other_end, &mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_long_frame_within_one_read_is_seen() {
        let mut gauge = FrameGauge { bytes: 0, bytes_max: 4 };
        assert!(!gauge.fits(b"abcde\0a"));
    }
}
