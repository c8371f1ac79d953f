-- The fields of a batch of new records are journalled in a packet of their own. The history gets them from there, and
-- the links keep them as their shadows: they are written once.
ALTER TABLE journal_batches ADD COLUMN fields_no INTEGER; -- NULL: they are with the rest, in `packet_no`
ALTER TABLE outbox ADD COLUMN fields_no INTEGER;

-- Packets of fields that links have their shadows in. Goes with the last of them.
CREATE TABLE shadow_packets (
    packet_no INTEGER PRIMARY KEY,
    sync_no   INTEGER NOT NULL REFERENCES syncs (sync_no) ON DELETE CASCADE,
    n_links   INTEGER NOT NULL
) STRICT;

CREATE INDEX shadow_packets_by_sync ON shadow_packets (sync_no);

-- The place of the shadow in the packet whose number is `shadow_no`. NULL: it is a row of `shadows`, until then every
-- one of them.
ALTER TABLE links ADD COLUMN shadow_place INTEGER;
