-- Whose database this is, and which history its log belongs to.
CREATE TABLE tenon.identity (
  singleton         boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  service           text    NOT NULL,
  epoch             integer NOT NULL DEFAULT 1,
  system_identifier bigint  NOT NULL DEFAULT (pg_control_system()).system_identifier,
  timeline          text    NOT NULL DEFAULT left(pg_walfile_name(pg_current_wal_lsn()), 8),
  log_floor         bigint  NOT NULL DEFAULT 0 -- rows of the windows up to it may be gone
);

-- The log: append-only. A row is never updated; old partitions are dropped.
CREATE SEQUENCE tenon.outbox_seq AS bigint CACHE 1;

CREATE TABLE tenon.outbox (
  seq        bigint      NOT NULL DEFAULT nextval('tenon.outbox_seq'),
  tx         xid8        NOT NULL DEFAULT pg_current_xact_id(),
  epoch      integer     NOT NULL DEFAULT 1,
  id         uuid        NOT NULL,
  topic      text        NOT NULL,
  key        text,
  version    integer     NOT NULL,
  headers    text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  payload    bytea       NOT NULL
) PARTITION BY RANGE (seq);

CREATE INDEX outbox_tx ON tenon.outbox (tx, seq);

-- Takes rows for which no partition was made in time.
CREATE TABLE tenon.outbox_rest PARTITION OF tenon.outbox DEFAULT;

-- Window n holds the rows of its epoch visible in its snapshot and not in that of window n-1.
CREATE TABLE tenon.outbox_window (
  n         bigint      PRIMARY KEY,
  id        uuid        NOT NULL,
  epoch     integer     NOT NULL,
  snapshot  pg_snapshot NOT NULL,
  messages  bigint      NOT NULL,
  bytes     bigint      NOT NULL,
  total     bigint      NOT NULL, -- messages of this window and all before it
  closed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO tenon.outbox_window (n, id, epoch, snapshot, messages, bytes, total)
VALUES (0, gen_random_uuid(), 1, '1:1:', 0, 0, 0);

CREATE TABLE tenon.delayed (
  id      uuid        PRIMARY KEY,
  due_at  timestamptz NOT NULL,
  topic   text        NOT NULL,
  key     text,
  version integer     NOT NULL,
  headers text        NOT NULL,
  payload bytea       NOT NULL
);
CREATE INDEX delayed_due ON tenon.delayed (due_at);

-- How far each subscriber has committed, as it last reported.
CREATE TABLE tenon.subscriber (
  subscriber   text        NOT NULL,
  subscription text        NOT NULL,
  slot         integer     NOT NULL,
  slots        integer     NOT NULL,
  window_n     bigint      NOT NULL,
  seq          bigint      NOT NULL,
  reported_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (subscriber, subscription, slot)
);

-- What this service reads: a cursor per hash slot, leased to an instance under a fence.
CREATE TABLE tenon.slot (
  subscription text        NOT NULL,
  slot         integer     NOT NULL,
  slots        integer     NOT NULL,
  window_n     bigint,
  window_id    uuid,
  seq          bigint,
  snapshot     text,
  fence        bigint      NOT NULL DEFAULT 0,
  owner        uuid,
  lease_until  timestamptz NOT NULL DEFAULT '-infinity',
  PRIMARY KEY (subscription, slot)
) WITH (fillfactor = 50);

-- Windows that a slot has passed: the way back when a publisher has lost its tail.
CREATE TABLE tenon.passed_window (
  subscription text   NOT NULL,
  slot         integer NOT NULL,
  window_n     bigint NOT NULL,
  window_id    uuid   NOT NULL,
  PRIMARY KEY (subscription, slot, window_n)
);

-- Messages that failed, and the later ones of their keys. The first of a key is its head.
CREATE TABLE tenon.retry (
  subscription text        NOT NULL,
  slot         integer     NOT NULL,
  order_key    text        NOT NULL,
  position     bigint      GENERATED ALWAYS AS IDENTITY,
  id           uuid        NOT NULL,
  topic        text        NOT NULL,
  key          text,
  version      integer     NOT NULL,
  headers      text        NOT NULL,
  created_at   timestamptz NOT NULL,
  payload      bytea       NOT NULL,
  attempts     integer     NOT NULL,
  next_at      timestamptz NOT NULL,
  parked       boolean     NOT NULL,
  error        text,
  PRIMARY KEY (subscription, slot, order_key, position)
);
CREATE INDEX retry_id ON tenon.retry (id);

CREATE TABLE tenon.inbox (
  source      text        NOT NULL,
  message_id  text        NOT NULL,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (source, message_id)
);
CREATE INDEX inbox_received ON tenon.inbox (received_at);

-- The running processes of this service.
CREATE TABLE tenon.instance (
  id            uuid        PRIMARY KEY,
  address       text,
  subscriptions text[]      NOT NULL,
  seen_at       timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
