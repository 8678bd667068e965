-- The table that Seata's AT keeps images in, as its release 2 has it for PostgreSQL.
CREATE TABLE undo_log (
  id            serial       NOT NULL,
  branch_id     bigint       NOT NULL,
  xid           varchar(128) NOT NULL,
  context       varchar(128) NOT NULL,
  rollback_info bytea        NOT NULL,
  log_status    int          NOT NULL,
  log_created   timestamp(0) NOT NULL,
  log_modified  timestamp(0) NOT NULL,
  CONSTRAINT pk_undo_log PRIMARY KEY (id),
  CONSTRAINT ux_undo_log UNIQUE (xid, branch_id)
);
CREATE INDEX ix_log_created ON undo_log (log_created);
