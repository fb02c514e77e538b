-- Heartbeats as they came, those of one commit in a row: a page or two are written for many
-- hosts, instead of a page for each. Folded into `heartbeats` when it has grown.
CREATE TABLE heartbeat_log(
  id INTEGER PRIMARY KEY,
  beats TEXT NOT NULL  -- a line each, its words as the columns of `heartbeats`
) STRICT;
