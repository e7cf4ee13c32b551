use std::time::Duration;

/// The numbers behind the links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLimits {
    /// How long a strap may say nothing before its connection is made afresh. Straps notify each second.
    pub no_data: Duration,
    /// The shortest wait after a failure.
    pub backoff_min: Duration,
    /// The longest wait after a failure.
    pub backoff_max: Duration,
    /// How long connecting, discovering and subscribing may take together.
    pub attempt: Duration,
    /// How long taking a link down may take.
    pub disconnect: Duration,
    /// How long a scan runs.
    pub scan_time: Duration,
    /// The rest between two scans.
    pub scan_rest: Duration,
    /// The rest between two scans while a strap is live.
    pub scan_rest_while_live: Duration,
    /// How many straps may be known.
    pub links_max: usize,
    /// Whether to scan for unknown straps although no known one is absent.
    pub look_for_new: bool,
}

impl Default for LinkLimits {
    fn default() -> Self {
        Self {
            no_data: Duration::from_secs(10),
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(30),
            attempt: Duration::from_secs(60),
            disconnect: Duration::from_secs(5),
            scan_time: Duration::from_secs(8),
            scan_rest: Duration::from_secs(2),
            scan_rest_while_live: Duration::from_secs(60),
            links_max: 16,
            look_for_new: false,
        }
    }
}
