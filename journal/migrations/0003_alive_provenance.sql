-- Every judgement of the host reads what is alive, and must not pay for what is gone.
CREATE INDEX provenance_alive ON provenance(subject, uuid) WHERE life <> 'gone';
