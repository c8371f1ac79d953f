-- The fields that were sent, where they have a packet of their own; see packet.rs.
ALTER TABLE record_packets ADD COLUMN fields BLOB;
