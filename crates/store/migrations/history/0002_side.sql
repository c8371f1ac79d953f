-- Which side was written: 'source' or 'target'.
ALTER TABLE run_records ADD COLUMN side TEXT NOT NULL DEFAULT 'target';
