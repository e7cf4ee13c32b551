-- What the user let an app have of the Bluetooth devices when it was installed: a JSON list of the names of profiles.
CREATE TABLE grants (
    app TEXT NOT NULL PRIMARY KEY,
    bluetooth TEXT NOT NULL
) STRICT, WITHOUT ROWID;
