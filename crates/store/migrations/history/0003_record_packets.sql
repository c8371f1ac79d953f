-- Run records by the packet, as they come from the outbox; see packet.rs. What came before stays in `run_records`.
CREATE TABLE record_packets (
    packet_no INTEGER PRIMARY KEY, -- run_no * 2^32 + the first record's place: sorts with run_records.record_no
    last_seq  INTEGER NOT NULL,    -- the last record's place; packets of a run do not overlap
    outcomes  INTEGER NOT NULL,    -- a bit for each outcome that is in it
    counts    BLOB    NOT NULL,    -- how many records have each outcome, 16 bits each
    keys      BLOB    NOT NULL,    -- a Bloom filter of the source keys
    lines     BLOB    NOT NULL,    -- keys, outcomes and messages
    changes   BLOB                 -- values
) STRICT;
