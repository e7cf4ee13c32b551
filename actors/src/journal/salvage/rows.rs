//! The rows on a page, each read by itself (SQLite's file format, parts 1.6 and 2.1). Nothing is believed: whatever
//! does not fit is no row.

use super::pages::{HEADER, Pages, be32};

/// The longest row that is read: far longer than any that Carpus writes.
const ROW_MAX: u64 = 1024 * 1024;

const INDEX_INTERIOR: u8 = 0x02;
const INDEX_LEAF: u8 = 0x0A;
const TABLE_LEAF: u8 = 0x0D;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    /// Of a kind that Carpus does not write, or no readable text.
    Other,
}

/// A row: its number, where its table numbers its rows, and its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) number: Option<i64>,
    pub(super) values: Vec<Value>,
    /// The pages that it goes on on.
    #[cfg(test)]
    pub(super) overflow: Vec<u32>,
}

/// The rows of a page, and how many could not be read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) rows: Vec<Row>,
    pub(super) unreadable: usize,
}

/// Reads the rows of a page; none where it is of another kind.
pub(super) fn on_page(pages: &Pages<'_>, number: u32, page: &[u8]) -> Found {
    let start = if number == 1 { HEADER } else { 0 };
    let mut found = Found::default();
    let Some(&kind) = page.get(start) else { return found };
    let pointers = match kind {
        INDEX_LEAF | TABLE_LEAF => start + 8,
        INDEX_INTERIOR => start + 12,
        _ => return found,
    };
    let count = be16(page, start + 3).unwrap_or(0);
    for pointer in 0..usize::from(count) {
        let Some(at) = be16(page, pointers + 2 * pointer) else { break };
        match cell(pages, page, kind, usize::from(at)) {
            Some(row) => found.rows.push(row),
            None => found.unreadable += 1,
        }
    }
    if kind == TABLE_LEAF {
        found.unreadable += leave_out_strays(&mut found.rows);
    }
    found
}

/// Rows lie in the order of their numbers. One that does not is what was left behind when it was moved or deleted, and a
/// damaged pointer leads to it: such rows are left out, as few as do. Returns how many.
fn leave_out_strays(rows: &mut Vec<Row>) -> usize {
    // For each row, how many can be kept up to it, and the one before it then.
    let mut chains: Vec<(usize, Option<usize>)> = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let before = (0..index).filter(|before| rows[*before].number < row.number);
        let best = before.max_by_key(|before| chains[*before].0);
        chains.push((best.map_or(1, |best| chains[best].0 + 1), best));
    }
    let mut next = (0..rows.len()).max_by_key(|index| chains[*index].0);
    let mut kept = vec![false; rows.len()];
    while let Some(index) = next {
        kept[index] = true;
        next = chains[index].1;
    }
    let mut kept = kept.into_iter();
    let all = rows.len();
    rows.retain(|_| kept.next().unwrap_or(false));
    all - rows.len()
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from(*bytes.get(at)?) << 8 | u16::from(*bytes.get(at + 1)?))
}

/// A number of 1 to 9 bytes; moves `at` behind it.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0_u64;
    for index in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if index == 8 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7F);
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}

fn cell(pages: &Pages<'_>, page: &[u8], kind: u8, mut at: usize) -> Option<Row> {
    if kind == INDEX_INTERIOR {
        at += 4; // the page to the left of it
    }
    let length = varint(page, &mut at).filter(|length| *length <= ROW_MAX)?;
    let number = if kind == TABLE_LEAF { Some(varint(page, &mut at)?.cast_signed()) } else { None };
    let length = usize::try_from(length).ok()?;
    let local = local_part(length, page.len(), kind == TABLE_LEAF);
    let mut payload = page.get(at..at + local)?.to_vec();
    let mut next = if local < length { be32(page.get(at + local..at + local + 4)?, 0) } else { 0 };
    #[cfg(test)]
    let mut overflow = Vec::new();
    while payload.len() < length {
        let more = pages.read(next).filter(|_| next != 0)?;
        #[cfg(test)]
        overflow.push(next);
        let part = (length - payload.len()).min(more.len() - 4);
        payload.extend_from_slice(&more[4..4 + part]);
        next = be32(&more, 0);
    }
    let values = values(&payload)?;
    Some(Row {
        number,
        values,
        #[cfg(test)]
        overflow,
    })
}

/// How much of a row of this length lies on the page itself.
const fn local_part(length: usize, usable: usize, is_table: bool) -> usize {
    let most = if is_table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
    if length <= most {
        return length;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let wanted = least + (length - least) % (usable - 4);
    if wanted <= most { wanted } else { least }
}

fn values(payload: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    let mut body = usize::try_from(varint(payload, &mut at)?).ok()?;
    let kinds_end = body;
    let mut values = Vec::new();
    while at < kinds_end {
        let kind = varint(payload, &mut at)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let bytes = payload.get(body..body.checked_add(length)?)?;
        body += length;
        values.push(match kind {
            0 => Value::Null,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            1..=6 => Value::Integer(integer(bytes)),
            kind if kind >= 13 && kind % 2 == 1 => {
                String::from_utf8(bytes.to_vec()).map_or(Value::Other, Value::Text)
            }
            _ => Value::Other,
        });
    }
    (at == kinds_end && body == payload.len()).then_some(values)
}

/// Of 1 to 8 bytes, the most significant first, with a sign.
fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|byte| *byte >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte))
}
