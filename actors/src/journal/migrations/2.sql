-- The recurrences that apps declared. The record is JSON.
CREATE TABLE recurrences (
    app TEXT NOT NULL PRIMARY KEY,
    record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the user lets apps do, where that was ever changed: 1 is yes, 0 is no.
CREATE TABLE rights (
    app TEXT NOT NULL PRIMARY KEY,
    background_refresh INTEGER NOT NULL CHECK (background_refresh IN (0, 1)),
    schedule INTEGER NOT NULL CHECK (schedule IN (0, 1))
) STRICT, WITHOUT ROWID;
