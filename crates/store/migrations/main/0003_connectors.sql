-- Connectors of the person's own. Those that come along are part of the program.

CREATE TABLE connectors (
    connector_no INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE, -- as connections refer to it
    version      INTEGER NOT NULL,        -- the one in connector_versions that is used
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    deleted_at   INTEGER
) STRICT;

CREATE TABLE connector_versions (
    connector_no INTEGER NOT NULL REFERENCES connectors (connector_no) ON DELETE CASCADE,
    version      INTEGER NOT NULL,
    document     TEXT    NOT NULL, -- the file as it was written, YAML
    origin       TEXT    NOT NULL, -- where it came from, in the person's words
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (connector_no, version)
) STRICT, WITHOUT ROWID;
