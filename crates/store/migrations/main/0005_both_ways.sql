-- Deletes, two-way syncs, conflicts, undo.

ALTER TABLE runs ADD COLUMN n_deleted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plans ADD COLUMN n_deleted INTEGER NOT NULL DEFAULT 0;

-- What a plan is for: 'run', 'undo', 'decisions'; and the run that it takes back.
ALTER TABLE plans ADD COLUMN kind TEXT NOT NULL DEFAULT 'run';
ALTER TABLE plans ADD COLUMN of_run BLOB;

-- Which side is written: 'source' or 'target'.
ALTER TABLE plan_entries ADD COLUMN side TEXT NOT NULL DEFAULT 'target';
-- Version tag of the side that is not written.
ALTER TABLE plan_entries ADD COLUMN other_version TEXT;
-- Of a conflict: why each of its fields is one. JSON.
ALTER TABLE plan_entries ADD COLUMN kinds TEXT;
ALTER TABLE journal ADD COLUMN side TEXT NOT NULL DEFAULT 'target';
-- What the change is for: 'sync', 'delete', 'undo'.
ALTER TABLE journal ADD COLUMN intent TEXT NOT NULL DEFAULT 'sync';

-- What the target has where that differs from the shadow: platforms trim, round and rewrite what they are sent. JSON.
ALTER TABLE shadows ADD COLUMN target_shadow TEXT;
-- The source's version tag, where changes flow back to it.
ALTER TABLE shadows ADD COLUMN source_version TEXT;

-- Linked records that complete reads of a side did not bring. A record that comes back leaves the list.
CREATE TABLE missing (
    sync_no    INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    side       TEXT    NOT NULL,
    source_key TEXT    NOT NULL,
    sightings  INTEGER NOT NULL, -- complete reads that missed it
    since      INTEGER NOT NULL, -- when the first of them ended
    PRIMARY KEY (sync_no, side, source_key)
) STRICT, WITHOUT ROWID;

-- Fields that were changed on both sides and wait for a person. An empty field stands for the whole record.
CREATE TABLE conflicts (
    conflict_no INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    sync_no     INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    source_key  TEXT    NOT NULL,
    target_key  TEXT    NOT NULL,
    field       TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    base        TEXT,    -- JSON, as are the other values
    source      TEXT,
    target      TEXT,
    decision    TEXT,    -- JSON: what a person chose; NULL while nobody has
    run         BLOB,    -- the run that found it
    created_at  INTEGER NOT NULL,
    decided_at  INTEGER
) STRICT;

CREATE UNIQUE INDEX conflicts_by_record ON conflicts (sync_no, source_key, target_key, field);

-- Records that a person took out of a sync for a while.
CREATE TABLE pauses (
    sync_no    INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    source_key TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    since      INTEGER NOT NULL,
    PRIMARY KEY (sync_no, source_key)
) STRICT, WITHOUT ROWID;

-- How often a field went back and forth between the same two values.
CREATE TABLE flips (
    sync_no    INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    source_key TEXT    NOT NULL,
    field      TEXT    NOT NULL,
    side       TEXT    NOT NULL, -- the side that was written last
    was        BLOB    NOT NULL, -- fingerprint of the value that was overwritten
    n          INTEGER NOT NULL,
    PRIMARY KEY (sync_no, source_key, field)
) STRICT, WITHOUT ROWID;

-- Records of the target that wait for their counterpart while a two-way plan is being made.
CREATE TABLE staged (
    plan_no    INTEGER NOT NULL REFERENCES plans (plan_no) ON DELETE CASCADE,
    target_key TEXT    NOT NULL,
    match_hash INTEGER,          -- of its match values; NULL where one is missing
    record     TEXT    NOT NULL, -- JSON
    version    TEXT,
    PRIMARY KEY (plan_no, target_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX staged_by_match ON staged (plan_no, match_hash) WHERE match_hash IS NOT NULL;

-- How often a record was tried; from some number on it waits for a person only.
ALTER TABLE unwritten ADD COLUMN tries INTEGER NOT NULL DEFAULT 1;
