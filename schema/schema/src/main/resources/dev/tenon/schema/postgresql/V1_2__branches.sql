-- This service's parts in distributed transactions, and what bars late tries.
CREATE TABLE tenon.branch (
  xid       text        NOT NULL, -- without its signature
  step      text        NOT NULL,
  id        uuid,                 -- null: undone before a try had come
  header    text        NOT NULL, -- the signed xid, to ask the starter with
  starter   text        NOT NULL,
  deadline  timestamptz NOT NULL,
  state     text        NOT NULL CHECK (state IN
              ('TRYING', 'CANCELLED_IN_TRY', 'OPEN', 'PARKED', 'COMMITTED', 'ABORTED')),
  wanted    text        CHECK (wanted IN ('COMMITTED', 'ABORTED')), -- how it is to end, if known
  kind      text,
  type      text,
  argument  text,
  caller    text,
  operation text,
  opened_at timestamptz NOT NULL,
  ended_at  timestamptz,
  try_until timestamptz,          -- of a try that is no local commit: dead after it
  next_at   timestamptz,          -- when to ask about it, or to try again to end it
  asked     integer     NOT NULL DEFAULT 0,
  attempts  integer     NOT NULL DEFAULT 0, -- failed ones to end it
  error     text,
  PRIMARY KEY (xid, step)
) WITH (fillfactor = 70);
CREATE INDEX branch_next ON tenon.branch (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX branch_ended ON tenon.branch (deadline) WHERE state IN ('COMMITTED', 'ABORTED');
CREATE INDEX branch_parked ON tenon.branch (opened_at) WHERE state = 'PARKED';

-- Messages that wait for what they belong to, a branch, to be confirmed.
CREATE TABLE tenon.branch_message (
  holder   uuid    NOT NULL,
  position bigint  GENERATED ALWAYS AS IDENTITY,
  id       uuid    NOT NULL,
  due_at   timestamptz,
  topic    text    NOT NULL,
  key      text,
  version  integer NOT NULL,
  headers  text    NOT NULL,
  payload  bytea   NOT NULL,
  PRIMARY KEY (holder, position)
);

-- What people did by hand, and why.
CREATE TABLE tenon.operator_action (
  id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  done_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  who     text        NOT NULL,
  why     text        NOT NULL,
  action  text        NOT NULL,
  xid     text        NOT NULL,
  step    text,
  found   text        NOT NULL -- how it stood before
);
CREATE INDEX operator_action_xid ON tenon.operator_action (xid);
