-- The sagas that this service has started. The row is written by the commit that starts one.
CREATE TABLE tenon.saga (
  xid         uuid        PRIMARY KEY,
  xid_text    text        NOT NULL, -- signed
  type        text        NOT NULL,
  id          text        NOT NULL, -- the user's name for it
  fingerprint text        NOT NULL, -- of the code that ran it last
  input       bytea       NOT NULL,
  state       text        NOT NULL CHECK
    (state IN ('RUNNING', 'FORWARD', 'DONE', 'ABORTED', 'PARKED')),
  history     text        NOT NULL DEFAULT '', -- the steps up to the last commit of its own
  attempts    integer     NOT NULL DEFAULT 0, -- runs that failed since the last such commit
  owner       uuid, -- the instance that runs it; null while it sleeps or waits
  fence       bigint      NOT NULL DEFAULT 0,
  wake_at     timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it is to be run, if not owned
  awaits      text, -- the signal that wakes it before
  started_at  timestamptz NOT NULL,
  deadline    timestamptz NOT NULL,
  ended_at    timestamptz,
  result      bytea,
  error       text,
  UNIQUE (type, id)
);
CREATE INDEX saga_due ON tenon.saga (wake_at) WHERE owner IS NULL AND state IN ('RUNNING', 'FORWARD');
CREATE INDEX saga_owned ON tenon.saga (owner) WHERE state IN ('RUNNING', 'FORWARD');
CREATE INDEX saga_ended ON tenon.saga (ended_at) WHERE ended_at IS NOT NULL;

-- What was sent to a saga from outside; the first under a name stands.
CREATE TABLE tenon.saga_signal (
  xid     uuid        NOT NULL,
  name    text        NOT NULL,
  payload bytea       NOT NULL,
  sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (xid, name)
);
