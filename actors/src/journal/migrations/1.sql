-- The events that an app has not acknowledged yet. The payload is JSON.
CREATE TABLE events (
    app TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (app, sequence)
) STRICT, WITHOUT ROWID;

-- The number that an app's next event gets.
CREATE TABLE sequences (
    app TEXT NOT NULL PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The sessions that are scheduled or run. The record is JSON.
CREATE TABLE sessions (
    session INTEGER NOT NULL PRIMARY KEY,
    app TEXT NOT NULL,
    record TEXT NOT NULL
) STRICT;

-- The user's straps.
CREATE TABLE straps (
    device TEXT NOT NULL PRIMARY KEY,
    name TEXT,
    role TEXT,
    added_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that are never given twice: what is named here is the first that is not reserved.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
