-- One row: the number of the last change, and what all server processes must agree on.
create table registry_state (
  one          boolean primary key default true check (one),
  history      uuid        not null default gen_random_uuid(), -- another one after a restore
  version      bigint      not null default 0,
  forgotten    bigint      not null default 0, -- changes up to this one cannot be told any more
  instances    integer     not null default 0,
  alive_at     timestamptz not null default clock_timestamp(), -- a server process was there
  expire_after timestamptz not null default '-infinity'
);
insert into registry_state default values;

create table registry_instance (
  service     text        not null,
  id          uuid        not null,
  epoch       bigint      not null, -- the number of the change that registered it
  state       text        not null check (state in ('UP', 'DRAINING')),
  body        text        not null,
  lease_until timestamptz not null,
  version     bigint      not null, -- of its last change; renewals are none
  primary key (service, id)
) with (fillfactor = 50);
create index on registry_instance (version);

create table registry_gone (
  version bigint not null,
  service text   not null,
  id      uuid   not null,
  epoch   bigint not null,
  reason  text   not null check (reason in ('LEFT', 'EXPIRED')),
  primary key (version, service, id)
);
