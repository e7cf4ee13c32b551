//! Which runtime a process belongs to: several may run on one machine, each with a place of its own for its state.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// FNV-1a, 64 bits (RFC 9923): short, and the same in every version of the runtime.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// A short name of a folder that no other folder of this machine has: a later runtime with the same folder finds by it
/// what an earlier one launched.
pub(crate) fn key(folder: &Path) -> io::Result<String> {
    let folder = folder.canonicalize()?;
    // Two containers may have folders of the same path.
    let metadata = fs::metadata(&folder)?;
    let (device, inode) = (metadata.dev().to_le_bytes(), metadata.ino().to_le_bytes());
    let bytes = folder.as_os_str().as_bytes().iter().chain(&device).chain(&inode);
    let hash = bytes.fold(FNV_OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
    Ok(format!("{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_key_and_no_other_has_it() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = key(one.path()).unwrap();
        assert_eq!(name, key(&one.path().join(".")).unwrap());
        assert_ne!(name, key(other.path()).unwrap());
        assert!(name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        assert!(key(&one.path().join("nowhere")).is_err());
    }

    #[test]
    fn a_folder_that_took_the_place_of_another_is_another() {
        let around = tempfile::tempdir().unwrap();
        let folder = around.path().join("state");
        fs::create_dir(&folder).unwrap();
        let before = key(&folder).unwrap();
        fs::rename(&folder, around.path().join("aside")).unwrap();
        fs::create_dir(&folder).unwrap();
        assert_ne!(before, key(&folder).unwrap());
    }
}
