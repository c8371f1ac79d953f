-- Changes that a platform carries out in its own time: what was submitted and has no outcome yet. A run that was cut
-- off asks about these jobs and submits none of their changes a second time.
CREATE TABLE bulk_jobs (
    sync_no    INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    stream     TEXT    NOT NULL,
    job        TEXT    NOT NULL, -- the platform's id for it
    changes    BLOB    NOT NULL, -- 16 bytes each, in the order in which they were sent
    started_at INTEGER NOT NULL,
    PRIMARY KEY (sync_no, stream, job)
) STRICT, WITHOUT ROWID;
