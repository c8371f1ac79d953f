-- Records that later runs try again.

-- Fingerprint of the mapped record that was not written: the same one again is one more try, another one the first.
ALTER TABLE unwritten ADD COLUMN fingerprint BLOB;
