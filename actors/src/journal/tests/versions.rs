//! What older versions left on the disk is read, and brought to the newest format.

use carpus_core::AppRights;

use super::*;

/// A database as an older version left it.
fn built(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

const VERSION_1: &str = include_str!("fixtures/version-1.sql");
const VERSION_2: &str = include_str!("fixtures/version-2.sql");

async fn of_both(life: &Life) {
    assert_eq!(drain(&mut life.subscribe(app()).await), [durable(6, ended(1))]);
    life.append(app(), started(2)).await;
    assert_eq!(drain(&mut life.subscribe(app()).await)[1], durable(7, started(2)), "numbers go on");
    let strap = KnownStrap {
        device: DeviceId::parse("C0:FF:EE:00:00:01").unwrap(),
        name: Some("chest".to_owned()),
        role: None,
        added_at: WallTime::from_unix_ms(77),
    };
    assert_eq!(life.journal.send(LoadStraps).await.unwrap().unwrap(), [strap]);
    assert_eq!(life.session_id().await, 33);
    assert_eq!(life.journal.send(LoadGrants).await.unwrap().unwrap(), []);
    life.journal.send(rules::grants()).await.unwrap().unwrap();
}

fn version_of(path: &Path) -> i64 {
    Connection::open(path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn d2_a_database_of_version_1_is_brought_to_the_newest_and_loses_nothing() {
    in_real_time(async {
        let (_folder, path) = room();
        built(&path, VERSION_1);
        assert_eq!(prepare(&path).unwrap(), None);
        let life = Life::begin(&path);
        let sessions = life.journal.send(LoadSessions).await.unwrap().unwrap();
        assert_eq!(sessions, [record(1, scheduled(5)), record(2, running(false))]);
        assert_eq!(life.journal.send(LoadRecurrences).await.unwrap().unwrap(), []);
        assert_eq!(life.journal.send(LoadRights).await.unwrap().unwrap(), []);
        of_both(&life).await;
        life.end().await;
        assert_eq!(version_of(&path), SCHEMA_VERSION);
    });
}

#[test]
fn d2_a_database_of_version_2_is_brought_to_the_newest_and_loses_nothing() {
    in_real_time(async {
        let (_folder, path) = room();
        built(&path, VERSION_2);
        assert_eq!(prepare(&path).unwrap(), None);
        let life = Life::begin(&path);
        let sessions = life.journal.send(LoadSessions).await.unwrap().unwrap();
        let recurring = RecordedPhase::Scheduled { at: WallTime::from_unix_ms(5), recurring: true };
        let phases = [scheduled(5), running(true), fallback(7, 8), recurring];
        let expected: Vec<_> = phases.into_iter().zip(1..).map(|(phase, id)| record(id, phase)).collect();
        assert_eq!(sessions, expected);
        let recurrences = life.journal.send(LoadRecurrences).await.unwrap().unwrap();
        assert_eq!(recurrences, [rules::recurrence(app())]);
        let rights = life.journal.send(LoadRights).await.unwrap().unwrap();
        assert_eq!(rights, [(app(), AppRights { background_refresh: true, schedule: false })]);
        of_both(&life).await;
        life.end().await;
        assert_eq!(version_of(&path), SCHEMA_VERSION);
    });
}

#[test]
fn a6_a_damaged_database_of_an_older_version_is_carried_over_too() {
    for (sql, sessions) in [(VERSION_1, 2), (VERSION_2, 4)] {
        let (_folder, path) = room();
        built(&path, sql);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..100].fill(0); // its header
        std::fs::write(&path, &bytes).unwrap();
        let rescue = prepare(&path).unwrap().unwrap();
        assert_eq!((rescue.saved.sessions, rescue.saved.events, rescue.saved.straps), (sessions, 1, 1));
        assert_eq!(version_of(&path), SCHEMA_VERSION);
    }
}

/// The length, and a checksum (FNV-1a, 64 bits).
fn fingerprint(text: &[u8]) -> (usize, String) {
    let fnv = text.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    (text.len(), format!("{fnv:016X}"))
}

#[test]
fn the_formats_of_all_versions_are_frozen() {
    // A released migration is never changed: add another.
    assert_eq!(fingerprint(include_bytes!("../migrations/1.sql")), (954, "8031E7DE38F1DCBA".to_owned()));
    assert_eq!(fingerprint(include_bytes!("../migrations/2.sql")), (468, "5FC152475339CEEF".to_owned()));
    assert_eq!(fingerprint(include_bytes!("../migrations/3.sql")), (229, "CC2AEDE3A3F5FB4E".to_owned()));
}
