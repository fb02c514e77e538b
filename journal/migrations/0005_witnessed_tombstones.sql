-- How much time the journal had witnessed when the guest was destroyed. Tombstones of before that
-- was counted are kept as long again: 0 is where the count begins.
ALTER TABLE provenance ADD COLUMN tombstoned_witnessed INTEGER NOT NULL DEFAULT 0;
