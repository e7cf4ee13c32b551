//! "Did you mean …?"

use strsim::osa_distance;

/// Longer than any name that there is; longer text is not compared.
const COMPARED_MAX: usize = 64;

/// The candidate nearest to `found`, if one is so near that it was probably meant: at most one slip in
/// each three characters. Capital letters do not count as a slip.
pub(crate) fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = found.chars().count();
    if length > COMPARED_MAX {
        return None;
    }
    let slips_max = (length / 3).max(1);
    let found = found.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (osa_distance(&found, &candidate.to_lowercase()), candidate))
        .filter(|(slips, candidate)| *slips <= slips_max && *slips < candidate.len())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// The end of a message: what was probably meant, and what is allowed.
pub(crate) fn with_near(near: Option<&str>, allowed: &str) -> String {
    match near {
        Some(near) => format!("did you mean {near}? {}", capitalised(allowed)),
        None => allowed.to_owned(),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
