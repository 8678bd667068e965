-- The reply that was given under a caller's key, written by the commit of its effects.
CREATE TABLE tenon.reply (
  caller      text        NOT NULL,
  operation   text        NOT NULL,
  key         text        NOT NULL,
  fingerprint bytea       NOT NULL,
  status      integer     NOT NULL,
  headers     text        NOT NULL,
  body        bytea       NOT NULL,
  kept_from   timestamptz NOT NULL, -- the later of when it was stored and the key's own time
  PRIMARY KEY (caller, operation, key)
);
CREATE INDEX reply_kept_from ON tenon.reply (kept_from);

-- Only grows: replies kept from before it may be gone.
ALTER TABLE tenon.identity
  ADD COLUMN replies_forgotten_before timestamptz NOT NULL DEFAULT '-infinity';
