-- Times are milliseconds since 1970 UTC. Rows that a person may read use words, not numbers.

CREATE TABLE facts(
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE operations(
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  input TEXT NOT NULL,
  state TEXT NOT NULL
    CHECK(state IN ('open', 'rolling_back', 'succeeded', 'rolled_back', 'stuck')),
  forward_only INTEGER NOT NULL CHECK(forward_only IN (0, 1)),
  attempts INTEGER NOT NULL DEFAULT 0,
  turned_back TEXT,  -- why; NULL while it never did
  stuck TEXT,        -- why; NULL unless stuck
  started INTEGER NOT NULL,
  updated INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX one_unfinished_operation_per_subject ON operations(subject)
  WHERE state IN ('open', 'rolling_back', 'stuck');
CREATE INDEX operations_by_subject ON operations(subject, id);
CREATE INDEX operations_closed ON operations(id) WHERE state IN ('succeeded', 'rolled_back');

CREATE TABLE steps(
  operation INTEGER NOT NULL REFERENCES operations(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,  -- in the order in which they were first begun
  state TEXT NOT NULL CHECK(state IN ('begun', 'done', 'undone')),
  input TEXT NOT NULL,
  output TEXT NOT NULL DEFAULT '',
  task TEXT NOT NULL DEFAULT '',
  begun INTEGER NOT NULL,
  ended INTEGER,
  PRIMARY KEY(operation, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE provenance(
  uuid TEXT PRIMARY KEY,
  incarnation INTEGER NOT NULL,
  subject TEXT NOT NULL,
  origin TEXT NOT NULL CHECK(origin IN ('created', 'scratch', 'adopted', 'foreign')),
  created_by INTEGER NOT NULL,  -- an operation, which may have been pruned since
  life TEXT NOT NULL CHECK(life IN ('provisioning', 'live', 'tombstone', 'gone')),
  data_bearing INTEGER NOT NULL CHECK(data_bearing IN (0, 1)),
  detail TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  tombstoned_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX one_owner_per_subject ON provenance(subject)
  WHERE life IN ('provisioning', 'live') AND origin <> 'foreign' AND subject <> '';
CREATE INDEX provenance_by_subject ON provenance(subject);

CREATE TABLE desired_state(
  only_row INTEGER PRIMARY KEY CHECK(only_row = 1),
  generation INTEGER NOT NULL,
  digest TEXT NOT NULL,
  content TEXT NOT NULL,
  accepted_at INTEGER NOT NULL
) STRICT;

CREATE TABLE conditions(
  subject TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('True', 'False', 'Unknown')),
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  observed_generation INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY(subject, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE condition_transitions(
  id INTEGER PRIMARY KEY,
  subject TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status IN ('True', 'False', 'Unknown')),
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  observed_generation INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
CREATE INDEX condition_transitions_by_condition ON condition_transitions(subject, type, id);

CREATE TABLE tickets(
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  rule TEXT NOT NULL,
  message TEXT NOT NULL,
  job TEXT NOT NULL,
  effects TEXT NOT NULL,
  created INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  is_open INTEGER NOT NULL CHECK(is_open IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX one_open_ticket_per_key ON tickets(subject, key) WHERE is_open = 1;

CREATE TABLE audit(
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_subject ON audit(subject, sequence);

CREATE TABLE jobs_seen(
  job_id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE corrections(
  id INTEGER PRIMARY KEY,
  subject TEXT NOT NULL,
  field TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX corrections_by_field ON corrections(subject, field, at);
CREATE INDEX corrections_by_time ON corrections(at);
