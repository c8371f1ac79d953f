-- What was many rows is few: the changes of a batch are journalled as one packet, and the same bytes go on to the
-- history. Rows of `journal` remain for single changes, and for those that wait for a person.

-- Compressed changes, see packet.rs. Written once, before anything is sent; removed once they are in history.db, or
-- when nothing came of them.
CREATE TABLE packets (
    packet_no INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice
    changes   BLOB NOT NULL
) STRICT;

-- Packets of which no change is settled yet.
CREATE TABLE journal_batches (
    packet_no INTEGER PRIMARY KEY,
    sync_no   INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    run       BLOB    NOT NULL,
    marks     BLOB    NOT NULL -- for each change its id and the fingerprint of its mapped record, 16 bytes each
) STRICT;

CREATE INDEX journal_batches_by_sync ON journal_batches (sync_no);

-- The packet that has the values of these records; NULL where they are with the records.
ALTER TABLE outbox ADD COLUMN packet_no INTEGER;

-- The source's bytes that the link was made or checked with, as a mark: the same bytes by the same mapping need not be
-- mapped again.
ALTER TABLE links ADD COLUMN source_mark INTEGER;
