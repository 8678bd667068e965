-- A saga's pivot that may refuse was sent: until its answer is stored, nobody decides otherwise.
ALTER TABLE tenon.global_decision DROP CONSTRAINT global_decision_outcome_check;
ALTER TABLE tenon.global_decision ADD CONSTRAINT global_decision_outcome_check
  CHECK (outcome IN ('COMMITTED', 'ABORTED', 'PIVOT_SENT'));
ALTER TABLE tenon.saga ADD COLUMN pivot text; -- the step of the pivot, once it was sent
ALTER TABLE tenon.saga -- of the attempts, those in which its own code failed
  ADD COLUMN failures integer NOT NULL DEFAULT 0;
CREATE INDEX saga_parked ON tenon.saga (started_at) WHERE state = 'PARKED';
