-- How the distributed transactions that this service has started end. The first row stands.
CREATE TABLE tenon.global_decision (
  xid             uuid        PRIMARY KEY,
  xid_text        text        NOT NULL, -- signed
  outcome         text        NOT NULL CHECK (outcome IN ('COMMITTED', 'ABORTED')),
  branches        text        NOT NULL, -- to be told, in the order in which they were opened
  started_at      timestamptz NOT NULL,
  deadline        timestamptz NOT NULL,
  decided_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  owner           uuid,                 -- the instance that tells the participants
  next_at         timestamptz,          -- when they are told again
  attempts        integer     NOT NULL DEFAULT 0,
  problem         text,                 -- what a participant says that needs a person
  acknowledged_at timestamptz           -- when all had durably ended their branches
) WITH (fillfactor = 70);
CREATE INDEX global_decision_open ON tenon.global_decision (owner, next_at)
  WHERE acknowledged_at IS NULL;
CREATE INDEX global_decision_old ON tenon.global_decision (started_at)
  WHERE acknowledged_at IS NOT NULL;

-- Only grows: decisions of transactions that were started no later may be gone.
CREATE TABLE tenon.global_horizon (
  singleton        boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
  forgotten_before timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO tenon.global_horizon DEFAULT VALUES;

-- The running processes that tell participants; another takes over when a lease has lapsed.
CREATE TABLE tenon.global_instance (
  id          uuid        PRIMARY KEY,
  lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);
