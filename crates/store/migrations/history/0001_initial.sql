-- history.db: what happened. It has a size budget and may be pruned or lost without harm to any sync.

CREATE TABLE recorded_runs (
    run_no INTEGER PRIMARY KEY,
    run    BLOB NOT NULL UNIQUE CHECK (length(run) = 16),
    sync   BLOB NOT NULL
) STRICT;

CREATE INDEX recorded_runs_by_sync ON recorded_runs (sync);

CREATE TABLE run_records (
    record_no  INTEGER PRIMARY KEY, -- run_no * 2^32 + seq: a row exists once, and a run is a range
    outcome    TEXT    NOT NULL,
    source_key TEXT,
    target_key TEXT,
    message    TEXT,
    field      TEXT,
    before     TEXT,                -- JSON
    after      TEXT,                -- JSON
    source     TEXT,                -- JSON
    exchange   BLOB,                -- id of the exchange that sent it
    at         INTEGER NOT NULL
) STRICT;

CREATE INDEX run_records_by_outcome ON run_records (outcome);
CREATE INDEX run_records_by_source_key ON run_records (source_key COLLATE NOCASE);
CREATE INDEX run_records_by_target_key ON run_records (target_key COLLATE NOCASE);

CREATE TABLE exchanges (
    exchange_no      INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    connection       BLOB    NOT NULL,
    run              BLOB,
    at               INTEGER NOT NULL,
    took_ms          INTEGER NOT NULL,
    attempt          INTEGER NOT NULL,
    method           TEXT    NOT NULL,
    url              TEXT    NOT NULL,
    request_headers  TEXT    NOT NULL, -- JSON list of pairs
    request_body     BLOB,
    status           INTEGER,
    response_headers TEXT    NOT NULL, -- JSON list of pairs
    response_body    BLOB,
    error            TEXT
) STRICT;

CREATE INDEX exchanges_by_run ON exchanges (run) WHERE run IS NOT NULL;
CREATE INDEX exchanges_by_connection ON exchanges (connection);
