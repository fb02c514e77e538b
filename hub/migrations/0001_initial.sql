-- Times are milliseconds since 1970 UTC. Keys and tokens are kept as SHA-256 alone.

CREATE TABLE facts(
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE operators(
  name TEXT PRIMARY KEY,
  key_hash TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL CHECK(role IN ('operator', 'viewer')),
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE enroll_tokens(
  token_hash TEXT PRIMARY KEY,
  author TEXT NOT NULL,
  expires INTEGER NOT NULL,
  spent INTEGER,  -- when; NULL while it was not
  host TEXT       -- by whom
) STRICT, WITHOUT ROWID;

CREATE TABLE hosts(
  id TEXT PRIMARY KEY,
  hostname TEXT NOT NULL,
  version TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  enrolled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE leases(
  host TEXT PRIMARY KEY REFERENCES hosts(id) ON DELETE CASCADE,
  liveness TEXT NOT NULL CHECK(liveness IN ('alive', 'late', 'dead')),
  stalled INTEGER NOT NULL CHECK(stalled IN (0, 1))
) STRICT, WITHOUT ROWID;

-- The last one of each host; written for every heartbeat, so small, apart, and without a
-- reference to check.
CREATE TABLE heartbeats(
  host TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  session TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  pass_age INTEGER NOT NULL,
  journal_age INTEGER NOT NULL,
  open_operations INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  mode TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE reports(
  host TEXT PRIMARY KEY REFERENCES hosts(id) ON DELETE CASCADE,
  at INTEGER,     -- of the report; NULL: none yet
  generation INTEGER NOT NULL,  -- held, as said last
  digest TEXT NOT NULL,
  report TEXT NOT NULL          -- JSON, or empty
) STRICT;

CREATE TABLE generations(
  host TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE,
  generation INTEGER NOT NULL,
  digest TEXT NOT NULL,
  created INTEGER NOT NULL,
  author TEXT NOT NULL,
  comment TEXT NOT NULL,
  envelope TEXT NOT NULL,  -- the HostDesiredState as it is sent
  PRIMARY KEY(host, generation)
) STRICT;

-- Opaque: the payload is the operator's file, byte for byte. A result may come for a job that
-- did not go through this hub; its payload is then empty.
CREATE TABLE jobs(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  host TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE,
  digest TEXT NOT NULL,
  payload TEXT NOT NULL,     -- base64
  signatures TEXT NOT NULL,  -- as the envelope's JSON list
  author TEXT NOT NULL,
  created INTEGER NOT NULL,
  state TEXT NOT NULL,
  updated INTEGER,
  job TEXT NOT NULL DEFAULT '',
  code TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '',
  operation TEXT NOT NULL DEFAULT '',
  UNIQUE(host, digest)
) STRICT;
CREATE INDEX open_jobs ON jobs(host, id) WHERE state IN ('queued', 'accepted', 'running');

CREATE TABLE alerts(
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  alert TEXT NOT NULL,
  host TEXT NOT NULL,  -- empty: the hub itself
  hostname TEXT NOT NULL,
  at INTEGER NOT NULL,
  ended INTEGER,       -- NULL: it holds still
  silence TEXT NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX alerts_that_hold ON alerts(host) WHERE ended IS NULL;

-- What a receiver is owed, byte for byte as it is sent each time.
CREATE TABLE deliveries(
  alert TEXT NOT NULL REFERENCES alerts(id) ON DELETE CASCADE,
  receiver TEXT NOT NULL,  -- the URL
  body TEXT NOT NULL,
  taken INTEGER,           -- when; NULL: still owed
  attempts INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY(alert, receiver)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_owed ON deliveries(receiver) WHERE taken IS NULL;

CREATE TABLE silences(
  id TEXT PRIMARY KEY,
  host TEXT NOT NULL,   -- empty: every host
  alert TEXT NOT NULL,  -- empty: every alert
  starts INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  reason TEXT NOT NULL,
  author TEXT NOT NULL
) STRICT, WITHOUT ROWID;
