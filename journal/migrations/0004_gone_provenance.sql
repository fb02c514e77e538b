-- What is gone is pruned by its age.
CREATE INDEX provenance_gone ON provenance(updated_at) WHERE life = 'gone';
