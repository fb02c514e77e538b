-- SQLite makes a table of its own for each list of three words and more, at each change of a row
-- that is checked against it. In the two tables that are changed most, and hold no more than there
-- are guests, words are compared one by one. Rows are copied aside: to rename a table costs a new
-- journal four times as much.

CREATE TABLE conditions_before AS SELECT * FROM conditions;
DROP TABLE conditions;
CREATE TABLE conditions(
  subject TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status = 'True' OR status = 'False' OR status = 'Unknown'),
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  observed_generation INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  PRIMARY KEY(subject, type)
) STRICT, WITHOUT ROWID;
INSERT INTO conditions SELECT subject, type, status, reason, message, observed_generation, changed
  FROM conditions_before;
DROP TABLE conditions_before;

CREATE TABLE condition_transitions_before AS SELECT * FROM condition_transitions;
DROP TABLE condition_transitions;
CREATE TABLE condition_transitions(
  id INTEGER PRIMARY KEY,
  subject TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL CHECK(status = 'True' OR status = 'False' OR status = 'Unknown'),
  reason TEXT NOT NULL,
  message TEXT NOT NULL,
  observed_generation INTEGER NOT NULL,
  changed INTEGER NOT NULL
) STRICT;
INSERT INTO condition_transitions
  SELECT id, subject, type, status, reason, message, observed_generation, changed
  FROM condition_transitions_before;
DROP TABLE condition_transitions_before;
CREATE INDEX condition_transitions_by_condition ON condition_transitions(subject, type, id);
