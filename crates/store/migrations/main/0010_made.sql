-- On which side this sync made the record of a link: 1 target, 2 source. NULL: neither, the two were there before they
-- were linked, or it was not written down. What a sync made can be removed again; what it met stays.
ALTER TABLE links ADD COLUMN made_on INTEGER CHECK (made_on IN (1, 2));
