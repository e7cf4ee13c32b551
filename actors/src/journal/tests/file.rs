//! What is done with the file that is found at the start.

use super::store::{check, open};
use super::*;

fn filled(path: &Path) {
    let (mut store, rescue) = open(path).unwrap();
    assert_eq!(rescue, None);
    let disk = store.connection.transaction().unwrap();
    let mut world = thread::World::new(usize::MAX);
    for session in 1..500 {
        Append { app: app(), event: started(session) }.apply(&disk, &mut world).unwrap();
        SaveSession(record(session, scheduled(5))).apply(&disk, &mut world).unwrap();
    }
    disk.commit().unwrap();
}

fn refused(path: &Path) -> OpenError {
    open(path).map(drop).unwrap_err()
}

#[test]
fn a_newer_version_is_refused_and_left_as_it_is() {
    let (_folder, path) = room();
    filled(&path);
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let refused = refused(&path);
    assert!(
        matches!(refused, OpenError::NewerVersion { found: 99, supported: SCHEMA_VERSION, .. }),
        "{refused}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_version_whose_mark_is_still_in_the_log_is_refused_too() {
    let (_folder, path) = room();
    drop(open(&path).unwrap());
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99").unwrap();
    assert!(path.with_file_name("state.db-wal").metadata().unwrap().len() > 0);
    assert!(matches!(check(&path), Err(OpenError::NewerVersion { found: 99, .. })));
}

#[test]
fn a_file_that_is_no_database_is_set_aside_as_it_is() {
    for lines in [1, 100, 1000] {
        let (_folder, path) = room();
        let text = "a shopping list\n".repeat(lines);
        std::fs::write(&path, &text).unwrap();
        let rescue = prepare(&path).unwrap().unwrap();
        assert_eq!(rescue.saved, Saved::default());
        assert_eq!(std::fs::read_to_string(&rescue.set_aside).unwrap(), text);
        assert_eq!(prepare(&path).unwrap(), None, "a fresh one is in its place");
        assert_eq!(set_aside(&path), [rescue.set_aside]);
        assert!(set_aside_before(&path).unwrap().remedy.contains("state.db.damaged-"));
    }
}

#[test]
fn a_database_that_lost_power_right_after_it_was_made_is_filled() {
    let (_folder, path) = room();
    Connection::open(&path).unwrap().execute_batch("PRAGMA journal_mode = WAL").unwrap();
    assert!(path.metadata().unwrap().len() > 0);
    assert!(open(&path).unwrap().1.is_none());
    check(&path).unwrap();
}

#[test]
fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    for damage in [None, Some(4096 + 200)] {
        let (_folder, path) = room();
        let photos = "CREATE TABLE photos (name TEXT); CREATE TABLE albums (name TEXT);
                      INSERT INTO photos VALUES (hex(randomblob(2000))), ('b')";
        Connection::open(&path).unwrap().execute_batch(photos).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(at) = damage {
            bytes[at..at + 3000].fill(0xA5);
            bytes[4096..4104].fill(0xFF);
            std::fs::write(&path, &bytes).unwrap();
        }
        let refused = refused(&path);
        assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a9_a_database_with_a_damaged_page_is_set_aside_as_it_is_and_the_rest_is_saved() {
    let (folder, path) = room();
    filled(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    let (store, rescue) = open(&path).unwrap();
    let rescue = rescue.unwrap();
    assert_eq!(std::fs::read(&rescue.set_aside).unwrap(), bytes);
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        store.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let lost = 499 * 2 - count("events") - count("sessions");
    assert!((1..100).contains(&lost), "{lost} of 998 rows were on the page");
    assert_eq!(count("sessions"), i64::try_from(rescue.saved.sessions).unwrap());
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("state.db.damaged-"));
    names.sort();
    assert_eq!(names, ["state.db", "state.db-shm", "state.db-wal"]);
}

#[test]
fn a6_each_table_of_a_damaged_database_is_carried_over_and_no_number_is_given_again() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        for session in 1..=3 {
            assert_eq!(life.session_id().await, session);
            life.journal.send(SaveSession(record(session, scheduled(5)))).await.unwrap().unwrap();
            life.append(app(), started(session)).await;
        }
        life.acknowledge(2).await;
        life.append(other_app(), started(9)).await;
        life.journal.send(Acknowledge { app: other_app(), sequence: 1 }).await.unwrap().unwrap();
        life.journal.send(SaveRecurrence(rules::recurrence(app()))).await.unwrap().unwrap();
        life.journal.send(SaveRights(app(), rules::NO_SCHEDULING)).await.unwrap().unwrap();
        life.journal.send(rules::grants()).await.unwrap().unwrap();
        let strap = KnownStrap {
            device: DeviceId::parse("C0:FF:EE:00:00:01").unwrap(),
            name: None,
            role: Some("chest".to_owned()),
            added_at: WallTime::from_unix_ms(77),
        };
        life.journal.send(SaveStrap(strap.clone())).await.unwrap().unwrap();
        life.end().await;
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..4096].fill(0x5A); // its header and its whole schema
        std::fs::write(&path, &bytes).unwrap();

        let saved = prepare(&path).unwrap().unwrap().saved;
        let expected =
            Saved { sessions: 3, recurrences: 1, events: 1, rights: 1, grants: 1, straps: 1, unreadable: 0 };
        assert_eq!(saved, expected);
        let life = Life::begin(&path);
        let sessions = life.journal.send(LoadSessions).await.unwrap().unwrap();
        assert_eq!(sessions, [1, 2, 3].map(|session| record(session, scheduled(5))));
        let recurrences = life.journal.send(LoadRecurrences).await.unwrap().unwrap();
        assert_eq!(recurrences, [rules::recurrence(app())]);
        let rights = life.journal.send(LoadRights).await.unwrap().unwrap();
        assert_eq!(rights, [(app(), rules::NO_SCHEDULING)]);
        let grants = life.journal.send(LoadGrants).await.unwrap().unwrap();
        assert_eq!(grants, [(app(), rules::grants().bluetooth)]);
        assert_eq!(life.journal.send(LoadStraps).await.unwrap().unwrap(), [strap]);
        assert!(life.session_id().await > 1_000_000, "far beyond all that may have been given");
        let mut told = life.subscribe(app()).await;
        life.append(app(), ended(3)).await;
        let told = drain(&mut told);
        assert_eq!(told[0], durable(3, started(3)));
        assert!(told[1].sequence > Some(1_000_000));
        for app in ["toothbrush", "never-seen"].map(|app| AppId::parse(app).unwrap()) {
            let number = life.try_append(app.clone(), started(9)).await.unwrap();
            assert!(number > Some(1_000_000), "{app}: {number:?}");
            assert_eq!(life.try_append(app, started(9)).await.unwrap(), number.map(|number| number + 1));
        }
    });
}

#[test]
fn a_rescue_that_was_cut_short_at_any_step_is_finished_at_the_next_start() {
    let stamp = "20260102T030405Z";
    let parts = ["", "-wal", "-shm"];
    for moved in 0..=parts.len() {
        let (folder, path) = room();
        let at = |name: String| folder.path().join(name);
        filled(&at(format!("state.db.fresh-{stamp}")));
        for (index, part) in parts.iter().enumerate() {
            let name = if index < moved { format!(".damaged-{stamp}{part}") } else { (*part).to_owned() };
            std::fs::write(at(format!("state.db{name}")), format!("damaged{part}")).unwrap();
        }
        assert_eq!(prepare(&path).unwrap(), None, "{moved}");
        for part in parts {
            let text = std::fs::read_to_string(at(format!("state.db.damaged-{stamp}{part}"))).unwrap();
            assert_eq!(text, format!("damaged{part}"));
        }
        let (store, _) = open(&path).unwrap();
        let rows: i64 =
            store.connection.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 499);
        assert!(!at(format!("state.db.fresh-{stamp}")).exists());
    }
}

#[test]
fn what_is_left_of_a_rescue_that_was_cut_short_earlier_is_begun_anew() {
    let (folder, path) = room();
    filled(&path);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..100].fill(0);
    std::fs::write(&path, &bytes).unwrap();
    std::fs::write(folder.path().join("state.db.part"), "half of a database").unwrap();
    assert_eq!(prepare(&path).unwrap().unwrap().saved.sessions, 499);
    assert!(!folder.path().join("state.db.part").exists());
}

#[test]
fn two_rescues_in_one_second_keep_both_files() {
    let (_folder, path) = room();
    for text in ["one", "two", "three"] {
        std::fs::write(&path, text).unwrap();
        let rescue = prepare(&path).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(&rescue.set_aside).unwrap(), text);
    }
    assert_eq!(set_aside(&path).len(), 3);
}

#[test]
fn a_missing_folder_is_refused_with_the_path() {
    let (folder, _) = room();
    let path = folder.path().join("nowhere").join("state.db");
    let refused = refused(&path);
    assert!(matches!(refused, OpenError::Refused { .. }));
    assert!(refused.to_string().contains("nowhere"), "{refused}");
}

#[test]
fn an_empty_file_is_filled() {
    let (_folder, path) = room();
    std::fs::write(&path, "").unwrap();
    check(&path).unwrap();
    assert!(open(&path).unwrap().1.is_none());
    check(&path).unwrap();
}

#[test]
fn the_database_syncs_at_each_commit_keeps_a_log_and_overwrites_what_is_deleted() {
    let (_folder, path) = room();
    let (store, _) = open(&path).unwrap();
    let pragma =
        |name: &str| store.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, String>(0));
    assert_eq!(pragma("journal_mode").unwrap(), "wal");
    for (name, value) in [("synchronous", 2), ("secure_delete", 1)] {
        let is: i64 = store.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap();
        assert_eq!(is, value, "{name}");
    }
}

#[test]
fn a_database_that_turns_out_damaged_while_it_is_used_is_set_aside_then() {
    let (_folder, path) = room();
    filled(&path);
    let mut thread =
        thread::JournalThread::open(&JournalOptions::at(path.clone(), 64), Arc::default()).unwrap();
    let mut ask = |request| {
        let (reply, mut answer) = tokio::sync::oneshot::channel();
        thread.run(vec![Box::new(Work::new(request, reply))]);
        answer.try_recv().unwrap()
    };
    let mut bytes = std::fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    bytes[4096 * 3..4096 * (pages - 1)].fill(0xA5);
    std::fs::write(&path, &bytes).unwrap();
    let failed = ask(LoadSessions);
    assert!(failed.is_err(), "{failed:?}");
    let sessions = ask(LoadSessions).unwrap();
    assert!(!sessions.is_empty());
    assert_eq!(std::fs::read(&set_aside(&path)[0]).unwrap(), bytes);
}
