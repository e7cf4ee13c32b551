//! Room for what the runtime holds open: each client is a descriptor, and the usual allowance of a process is 1024.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the runtime holds open besides clients and apps: the database and its log, devices, timers, the bus.
const OWN: u64 = 256;
/// What one app takes: its process, its log, the files of its control group.
const PER_APP: u64 = 8;

/// Sees that so many clients and running apps find room, as far as the system lets the runtime; where it does not,
/// that is said.
pub(crate) fn provide(clients: usize, apps: usize) {
    let needed = (clients as u64).saturating_add((apps as u64).saturating_mul(PER_APP)).saturating_add(OWN);
    let allowed = getrlimit(Resource::Nofile);
    if let Some(current) = raised(allowed, needed)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..allowed })
    {
        tracing::warn!("the runtime cannot have {current} files open: {error}");
    }
    if let Some(allowed) = getrlimit(Resource::Nofile).current.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            "the system lets the runtime have {allowed} files open, and {clients} clients (ipc.max_clients) with \
             {apps} apps (apps.max_running) may need {needed}; raise LimitNOFILE= of its unit, or lower these"
        );
    }
}

/// The allowance to ask for; none where that which is in force will do, or is all there is.
fn raised(allowed: Rlimit, needed: u64) -> Option<u64> {
    let current = allowed.current?;
    let most = allowed.maximum.map_or(needed, |maximum| maximum.min(needed));
    (current < most).then_some(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowance_grows_to_what_is_needed_and_no_further_than_may_be() {
        let raised = |current, maximum, needed| raised(Rlimit { current, maximum }, needed);
        assert_eq!(raised(Some(1024), Some(4096), 1024), None);
        assert_eq!(raised(Some(1024), Some(4096), 1025), Some(1025));
        assert_eq!(raised(Some(1024), Some(4096), 5000), Some(4096));
        assert_eq!(raised(Some(1024), Some(1024), 5000), None);
        assert_eq!(raised(Some(1024), None, 5000), Some(5000));
        assert_eq!(raised(None, None, 5000), None);
    }
}
