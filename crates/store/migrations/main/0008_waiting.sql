-- Records that point at a record which has no counterpart yet: they are looked at again as soon as it has one.
CREATE TABLE waiting (
    sync_no    INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    source_key TEXT    NOT NULL,
    of_sync_no INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    of_key     TEXT    NOT NULL, -- the record that it points at, on the source
    source     TEXT    NOT NULL, -- the record as it was read, JSON
    PRIMARY KEY (sync_no, source_key, of_sync_no, of_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX waiting_of ON waiting (of_sync_no, of_key);
