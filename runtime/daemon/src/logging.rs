//! The log of the runtime.

use carpus_config::Settings;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

/// Starts the log. It goes to the standard error; under systemd without colours and times, which the journal has itself.
pub(crate) fn start(settings: &Settings) {
    let level = settings.log.level.as_str();
    let filter = std::env::var("CARPUS_LOG").ok().and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(level));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if std::env::var_os("JOURNAL_STREAM").is_some() {
        lines.with_ansi(false).without_time().boxed()
    } else {
        use std::io::IsTerminal as _;
        lines.with_ansi(std::io::stderr().is_terminal()).boxed()
    };
    tracing_subscriber::registry().with(filter).with(filter_fn(holds_no_frame)).with(lines).init();
}

/// Frames are never logged, whatever is asked for: launch tokens are in them, and what straps measure.
fn holds_no_frame(metadata: &Metadata<'_>) -> bool {
    *metadata.level() < Level::TRACE || !metadata.target().starts_with("zlink")
}
