-- What is known of prepared transactions that wait for a person, or were ended by one. The branch's
-- own row is part of the prepared transaction, and not seen before that is committed.
CREATE TABLE tenon.prepared (
  gid    text PRIMARY KEY,
  xid    text NOT NULL, -- without its signature
  step   text NOT NULL,
  wanted text CHECK (wanted IN ('COMMITTED', 'ABORTED')), -- how a person has said that it ends
  error  text
);
