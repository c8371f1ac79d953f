-- patchbay.db: what a person set up and what correctness stands on.
-- Ids are the 16 bytes of a UUIDv7; times are milliseconds since 1970 in UTC.
-- `sync_no` and `run_no` stand in for ids in tables with many rows, and never leave this crate.

CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL,
    connector     TEXT    NOT NULL,
    auth          TEXT    NOT NULL, -- name of the sign-in method
    config        TEXT    NOT NULL, -- JSON without secrets: those are in the keychain
    account_id    TEXT,
    account_label TEXT,
    state         TEXT    NOT NULL,
    state_reason  TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE syncs (
    sync_no           INTEGER PRIMARY KEY,
    id                BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    version           INTEGER NOT NULL, -- the one in sync_versions that runs
    draft             TEXT,             -- JSON of a document that is being edited
    is_enabled        INTEGER NOT NULL DEFAULT 0 CHECK (is_enabled IN (0, 1)),
    source_connection BLOB    NOT NULL, -- copied from the published document
    target_connection BLOB    NOT NULL, -- copied from the published document
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    deleted_at        INTEGER
) STRICT;

CREATE INDEX syncs_by_source_connection ON syncs (source_connection);
CREATE INDEX syncs_by_target_connection ON syncs (target_connection);

CREATE TABLE sync_versions (
    sync_no    INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    version    INTEGER NOT NULL,
    document   TEXT    NOT NULL, -- JSON, see model::sync
    created_at INTEGER NOT NULL,
    PRIMARY KEY (sync_no, version)
) STRICT, WITHOUT ROWID;

-- Narrow on purpose: an unchanged record is recognised from this table's pages alone.
CREATE TABLE links (
    sync_no            INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    source_key         TEXT    NOT NULL,
    target_key         TEXT    NOT NULL,
    source_fingerprint BLOB    NOT NULL CHECK (length(source_fingerprint) = 16),
    target_version     TEXT,
    shadow_no          INTEGER NOT NULL,
    PRIMARY KEY (sync_no, source_key)
) STRICT, WITHOUT ROWID;

-- Not unique: two source records may have been linked to one target record by hand or by the
-- platform's own merging, and it is for the plan to say so.
CREATE INDEX links_by_target ON links (sync_no, target_key);

-- The wide half of a link, appended in order of creation.
CREATE TABLE shadows (
    shadow_no INTEGER PRIMARY KEY,
    shadow    TEXT NOT NULL -- JSON of the mapped fields that both sides last agreed on
) STRICT;

CREATE TABLE checkpoints (
    sync_no    INTEGER NOT NULL PRIMARY KEY REFERENCES syncs (sync_no) ON DELETE CASCADE,
    sequence   INTEGER NOT NULL, -- how often it has been advanced
    document   TEXT    NOT NULL  -- JSON, see model::cursor
) STRICT;

CREATE TABLE runs (
    run_no          INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    sync_no         INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    sync_version    INTEGER NOT NULL,
    run_trigger     TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN (
        'queued', 'running', 'waiting', 'completed', 'cancelled', 'failed', 'interrupted'
    )),
    reason          TEXT,
    owner           TEXT    NOT NULL, -- the process that works on it
    plan            BLOB,             -- id of the plan that it applies
    n_read          INTEGER NOT NULL DEFAULT 0,
    n_created       INTEGER NOT NULL DEFAULT 0,
    n_updated       INTEGER NOT NULL DEFAULT 0,
    n_unchanged     INTEGER NOT NULL DEFAULT 0,
    n_filtered      INTEGER NOT NULL DEFAULT 0,
    n_invalid       INTEGER NOT NULL DEFAULT 0,
    n_rejected      INTEGER NOT NULL DEFAULT 0,
    n_conflict      INTEGER NOT NULL DEFAULT 0,
    n_held          INTEGER NOT NULL DEFAULT 0,
    started_at      INTEGER NOT NULL,
    finished_at     INTEGER
) STRICT;

-- One run of a sync at a time, whoever starts it.
CREATE UNIQUE INDEX runs_active ON runs (sync_no) WHERE state IN ('queued', 'running', 'waiting');
CREATE INDEX runs_by_sync ON runs (sync_no, id);

-- Changes that were about to be sent and are not settled. Rows live for seconds; the key follows
-- the order of creation, so that they are appended and removed in whole pages.
CREATE TABLE journal (
    sync_no            INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    change             BLOB    NOT NULL CHECK (length(change) = 16),
    run                BLOB    NOT NULL,
    seq                INTEGER NOT NULL, -- its place in the run
    is_held            INTEGER NOT NULL, -- 1: waits for a person
    operation          TEXT    NOT NULL,
    source_key         TEXT    NOT NULL,
    target_key         TEXT,
    fields             TEXT    NOT NULL, -- JSON
    before             TEXT,             -- JSON
    target_version     TEXT,
    mapped_fingerprint BLOB    NOT NULL,
    mapped             TEXT,             -- JSON; NULL when it is the same text as fields
    source             TEXT,             -- JSON
    PRIMARY KEY (sync_no, change)
) STRICT, WITHOUT ROWID;

-- Run records that were committed here and are not yet copied to history.db, many to a row.
CREATE TABLE outbox (
    outbox_no INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
    records   BLOB NOT NULL                      -- see outbox.rs
) STRICT;

CREATE TABLE plans (
    plan_no      INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    sync_no      INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    sync_version INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    note         TEXT,
    checkpoint   TEXT,             -- JSON: committed once the plan has been applied
    n_read       INTEGER NOT NULL DEFAULT 0,
    n_created    INTEGER NOT NULL DEFAULT 0,
    n_updated    INTEGER NOT NULL DEFAULT 0,
    n_unchanged  INTEGER NOT NULL DEFAULT 0,
    n_filtered   INTEGER NOT NULL DEFAULT 0,
    n_invalid    INTEGER NOT NULL DEFAULT 0,
    n_rejected   INTEGER NOT NULL DEFAULT 0,
    n_conflict   INTEGER NOT NULL DEFAULT 0,
    n_held       INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX plans_by_sync ON plans (sync_no, id);

CREATE TABLE plan_entries (
    entry_no           INTEGER PRIMARY KEY,
    plan_no            INTEGER NOT NULL REFERENCES plans (plan_no) ON DELETE CASCADE,
    seq                INTEGER NOT NULL,
    action             TEXT    NOT NULL,
    is_included        INTEGER NOT NULL DEFAULT 1 CHECK (is_included IN (0, 1)),
    source_key         TEXT    NOT NULL,
    target_key         TEXT,
    fields             TEXT    NOT NULL, -- JSON
    before             TEXT,             -- JSON
    mapped             TEXT,             -- JSON; NULL when it is the same text as fields
    mapped_fingerprint BLOB    NOT NULL,
    source             TEXT,             -- JSON
    problem            TEXT,
    target_version     TEXT
) STRICT;

CREATE UNIQUE INDEX plan_entries_by_seq ON plan_entries (plan_no, seq);
CREATE INDEX plan_entries_by_action ON plan_entries (plan_no, action, is_included, seq);
CREATE INDEX plan_entries_by_source ON plan_entries (plan_no, source_key);

-- Who may do what only one process at a time may do (refresh a token, work on a run).
CREATE TABLE leases (
    name       TEXT    NOT NULL PRIMARY KEY,
    owner      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
