-- Signed jobs. A row without accepted_at was refused before its id was spent: whatever it
-- says of itself was said by nobody in particular, so only accepted ids are unique.
CREATE TABLE jobs(
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of arrival
  id TEXT NOT NULL,       -- empty when the payload could not be read
  payload_sha256 TEXT NOT NULL UNIQUE,
  subject TEXT NOT NULL,  -- empty when it binds to none here
  action TEXT NOT NULL,
  envelope TEXT NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('accepted', 'running', 'done', 'refused', 'failed')),
  code TEXT NOT NULL,
  message TEXT NOT NULL,
  operation INTEGER NOT NULL DEFAULT 0,  -- which may have been pruned since
  received_at INTEGER NOT NULL,
  accepted_at INTEGER,
  expires INTEGER NOT NULL,
  ended_at INTEGER,
  acknowledged_at INTEGER
) STRICT;

CREATE UNIQUE INDEX one_accepted_job_per_id ON jobs(id) WHERE accepted_at IS NOT NULL;
CREATE INDEX jobs_by_id ON jobs(id);
CREATE INDEX jobs_waiting ON jobs(subject, sequence) WHERE state = 'accepted';
CREATE INDEX jobs_of_operations ON jobs(operation) WHERE operation > 0;
CREATE INDEX jobs_by_subject ON jobs(subject, sequence);
CREATE INDEX jobs_ended ON jobs(ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX jobs_unacknowledged ON jobs(sequence)
  WHERE ended_at IS NOT NULL AND acknowledged_at IS NULL;
CREATE INDEX jobs_turned_away ON jobs(sequence) WHERE accepted_at IS NULL;
