-- Records that could not be written when they were last seen: what a person has to see to. Not in the history, which
-- is pruned without asking anybody.
CREATE TABLE unwritten (
    sync_no    INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    source_key TEXT    NOT NULL,
    place      INTEGER NOT NULL, -- 0, or the place in the run of a record that has no key
    run_no     INTEGER NOT NULL, -- the latest run that saw it
    seq        INTEGER NOT NULL, -- its place in that run
    outcome    TEXT    NOT NULL,
    PRIMARY KEY (sync_no, source_key, place)
) STRICT, WITHOUT ROWID;

-- 1: made from all records of the source, so that those it does not name need nothing.
ALTER TABLE plans ADD COLUMN is_complete INTEGER NOT NULL DEFAULT 0 CHECK (is_complete IN (0, 1));
