//! Ends in one write, recurrences, rights, and the format before them.

use carpus_core::recurrence::{Recurrence, RecurrenceZone, Weekdays};
use carpus_core::{AppRights, RecurrenceRecord, UsedInstant};

use super::*;

pub(super) fn grants() -> SaveGrants {
    SaveGrants { app: app(), bluetooth: vec!["heart-rate".to_owned(), "battery".to_owned()] }
}

pub(super) fn recurrence(app: AppId) -> RecurrenceRecord {
    let zone = RecurrenceZone::Named(jiff::tz::TimeZone::get("Europe/Berlin").unwrap());
    let rule = Recurrence { weekdays: Weekdays::DAILY, time: jiff::civil::time(7, 0, 0, 0), zone };
    let noted = WallTime::from_unix_ms(4);
    RecurrenceRecord { app, rule, last: Some(UsedInstant { at: WallTime::from_unix_ms(5), noted }) }
}

pub(super) const NO_SCHEDULING: AppRights = AppRights { background_refresh: true, schedule: false };

#[test]
fn a10_n6_recurrences_and_rights_survive_and_can_be_replaced_and_removed() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut moved = recurrence(app());
        moved.rule.zone = RecurrenceZone::Board;
        for record in [recurrence(app()), recurrence(other_app()), moved.clone()] {
            life.journal.send(SaveRecurrence(record)).await.unwrap().unwrap();
        }
        life.journal.send(RemoveRecurrence(other_app())).await.unwrap().unwrap();
        for rights in [AppRights::default(), NO_SCHEDULING] {
            life.journal.send(SaveRights(app(), rights)).await.unwrap().unwrap();
        }
        life.end().await;
        let life = Life::begin(&path);
        assert_eq!(life.journal.send(LoadRecurrences).await.unwrap().unwrap(), [moved]);
        assert_eq!(life.journal.send(LoadRights).await.unwrap().unwrap(), [(app(), NO_SCHEDULING)]);
    });
}

#[test]
fn a9_one_bad_recurrence_never_blocks_another() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        for app in [app(), other_app()] {
            life.journal.send(SaveRecurrence(recurrence(app))).await.unwrap().unwrap();
            life.journal.send(SaveRights(other_app(), NO_SCHEDULING)).await.unwrap().unwrap();
        }
        life.end().await;
        let connection = Connection::open(&path).unwrap();
        connection.execute("UPDATE recurrences SET record = '{' WHERE app = 'heart-rate'", []).unwrap();
        connection.execute("INSERT INTO rights VALUES ('NOT AN ID', 0, 0)", []).unwrap();
        drop(connection);
        let life = Life::begin(&path);
        let recurrences = life.journal.send(LoadRecurrences).await.unwrap().unwrap();
        assert_eq!(recurrences, [recurrence(other_app())]);
        assert_eq!(life.journal.send(LoadRights).await.unwrap().unwrap(), [(other_app(), NO_SCHEDULING)]);
    });
}

#[test]
fn a10_a_recurrence_in_a_zone_without_a_name_is_refused_and_takes_nothing_else_down() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut nameless = recurrence(app());
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        nameless.rule.zone = RecurrenceZone::Named(zone);
        let (refused, saved) = tokio::join!(
            life.journal.send(SaveRecurrence(nameless)),
            life.journal.send(SaveSession(record(1, scheduled(5)))),
        );
        assert!(matches!(refused.unwrap(), Err(JournalError::UnnamedZone)));
        saved.unwrap().unwrap();
        assert_eq!(life.journal.send(LoadRecurrences).await.unwrap().unwrap(), []);
    });
}

fn conclude(session: u64, keep: Option<SessionRecord>) -> Conclude {
    Conclude { app: app(), event: ended(session), session: SessionId(session), keep }
}

#[test]
fn d1_d2_an_end_and_what_becomes_of_the_record_are_one_write() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let mut events = life.subscribe(app()).await;
        for session in 1..=2 {
            life.journal.send(SaveSession(record(session, scheduled(5)))).await.unwrap().unwrap();
        }
        let owed = record(2, fallback(7, 8));
        for end in [conclude(1, None), conclude(2, Some(owed.clone())), conclude(3, None)] {
            life.journal.send(end).await.unwrap().unwrap();
        }
        assert_eq!(life.journal.send(LoadSessions).await.unwrap().unwrap(), [owed]);
        let told = drain(&mut events);
        assert_eq!(told, [1, 2, 3].map(|session| durable(session, ended(session))));
    });
}

#[test]
fn d2_an_end_that_cannot_be_told_leaves_the_record_as_it_is() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        life.journal.send(SaveSession(record(1, scheduled(5)))).await.unwrap().unwrap();
        let allow = refuse_events(&path);
        let failed = life.journal.send(conclude(1, None)).await.unwrap();
        assert!(matches!(failed, Err(JournalError::Failed(_))), "{failed:?}");
        allow();
        let sessions = life.journal.send(LoadSessions).await.unwrap().unwrap();
        assert_eq!(sessions, [record(1, scheduled(5))]);
        life.journal.send(conclude(1, None)).await.unwrap().unwrap();
        assert_eq!(life.journal.send(LoadSessions).await.unwrap().unwrap(), []);
    });
}

#[test]
fn grants_are_kept_replaced_and_told_apart_and_one_that_is_unreadable_grants_nothing() {
    in_real_time(async {
        let (_folder, path) = room();
        let life = Life::begin(&path);
        let none = SaveGrants { app: other_app(), bluetooth: Vec::new() };
        for granted in [none.clone(), SaveGrants { bluetooth: Vec::new(), ..grants() }, grants()] {
            life.journal.send(granted).await.unwrap().unwrap();
        }
        life.end().await;
        let disk = Connection::open(&path).unwrap();
        disk.execute("INSERT INTO grants VALUES ('z', 'heart-rate')", []).unwrap();
        drop(disk);
        let life = Life::begin(&path);
        let kept = life.journal.send(LoadGrants).await.unwrap().unwrap();
        assert_eq!(kept, [(app(), grants().bluetooth), (other_app(), none.bluetooth)]);
    });
}
