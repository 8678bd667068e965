-- What automatic (AT) branches have changed, in the order in which they did, and what is locked.
CREATE TABLE tenon.row_image (
  branch  uuid     NOT NULL,
  seq     bigint   GENERATED ALWAYS AS IDENTITY,
  rel     regclass NOT NULL,
  columns integer  NOT NULL, -- that the table has ever had: they tell whether it was altered since
  before  text,              -- null: the row was inserted
  after   text,              -- null: it was deleted
  places  oid[]    NOT NULL, -- the locks that go with it
  kinds   "char"[] NOT NULL,
  hashes  bigint[] NOT NULL,
  PRIMARY KEY (branch, seq)
);

-- Kinds: R, a row or a unique value; N, a key that is new and may vanish; S, a key that must stay.
CREATE TABLE tenon.row_lock (
  place   oid    NOT NULL, -- the unique index that the key is of
  kind    "char" NOT NULL,
  hash    bigint NOT NULL, -- of the key
  xid     text   NOT NULL, -- of S, which many may hold: empty
  holders uuid[] NOT NULL, -- the branches, in the order in which they came
  scope   text   NOT NULL, -- the steps that may follow begin with this: they end with the others
  PRIMARY KEY (place, kind, hash)
) WITH (fillfactor = 70);

-- Opens the branch that the transaction was given (setting tenon_at.branch), with its first image.
CREATE FUNCTION tenon.at_open(own jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO tenon.branch (xid, step, id, header, starter, deadline, state, kind, type, argument,
      caller, operation, opened_at, next_at)
    VALUES (own->>'xid', own->>'step', (own->>'id')::uuid, own->>'header', own->>'starter',
      (own->>'deadline')::timestamptz, 'OPEN', 'AT', 'automatic', 'null', own->>'caller',
      own->>'operation', (own->>'openedAt')::timestamptz, (own->>'nextAt')::timestamptz)
    ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the step % of % has been undone or opened already', own->>'step', own->>'xid'
      USING ERRCODE = 'TN002', HINT = 'Write what belongs to a call in one unit of work.';
  END IF;
  PERFORM set_config('tenon_at.opened', own->>'id', true);
  IF current_setting('synchronous_commit') IN ('off', 'local', 'remote_write') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
END $$;

-- Refuses whoever meets another transaction's lock. Nobody waits: who is refused begins anew.
CREATE FUNCTION tenon.at_refuse(rel regclass, met tenon.row_lock) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a row of %, or a key of it, is locked by the distributed transaction %', rel,
      coalesce(nullif(met.xid, ''),
        (SELECT b.xid FROM tenon.branch b WHERE b.id = ANY (met.holders) LIMIT 1), 'unknown')
    USING ERRCODE = 'TN001', DETAIL = met.holders::text,
      HINT = 'Repeat the transaction when that one has ended.';
END $$;

-- A row was written: looks at the locks and, in an automatic branch, takes them and keeps the
-- row's images. Of each lock, "how" says: o the row, n a new row, c a unique value that appears,
-- u one that is given up, v a key that vanishes, f a key that is referred to now, s one that was,
-- a a key that appears and may be referred to.
CREATE FUNCTION tenon.at_write(
  rel regclass, before text, after text, places oid[], hows "char"[], hashes bigint[])
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
-- The plan is made while there are few locks, and kept when there are many.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  given text := coalesce(current_setting('tenon_at.branch', true), '');
  own jsonb;
  own_id uuid;
  kinds "char"[] := string_to_array(
    translate(array_to_string(hows, ''), 'oncuvfsa', 'RRRRSNSN'), NULL)::"char"[];
  met tenon.row_lock;
  wanted integer;
  got integer;
  images integer;
BEGIN
  IF given <> '' THEN
    own := given::jsonb;
    IF own ? 'refused' THEN
      RAISE EXCEPTION 'a row of % may not be written here: %', rel, own->>'refused'
        USING ERRCODE = 'TN005';
    END IF;
    own_id := (own->>'id')::uuid;
    IF current_setting('tenon_at.opened', true) IS DISTINCT FROM own->>'id' THEN
      PERFORM tenon.at_open(own);
      images := 1;
    ELSE
      images := current_setting('tenon_at.images')::integer + 1;
    END IF;
    IF images > (own->>'imagesMax')::integer THEN
      RAISE EXCEPTION 'the branch has changed more than % rows', own->>'imagesMax'
        USING ERRCODE = 'TN003', HINT = 'Change fewer rows in one call, or raise imagesMax.';
    END IF;
    PERFORM set_config('tenon_at.images', images::text, true);
  END IF;

  -- Each look has a snapshot of its own, and the row is held by this transaction.
  SELECT l.* INTO met
    FROM unnest(places, kinds, hows, hashes) AS k(place, kind, how, hash)
    JOIN tenon.row_lock l ON l.place = k.place AND l.kind = k.kind AND l.hash = k.hash
    WHERE CASE WHEN own IS NULL THEN k.how IN ('o', 'n', 'c', 'v', 'f')
      WHEN k.how IN ('c', 'f') THEN l.xid <> own->>'xid'
      WHEN k.how = 'v' THEN NOT l.holders <@ ARRAY(
        SELECT b.id FROM tenon.branch b WHERE b.xid = own->>'xid')
      ELSE false END
    LIMIT 1;
  IF FOUND THEN
    PERFORM tenon.at_refuse(rel, met);
  END IF;

  -- With the snapshot of a whole transaction only an insert sees what was committed since.
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
      AND hows && '{n,c,v}'::"char"[] THEN
    WITH probe AS (
      SELECT DISTINCT k.place, k.kind, k.hash
        FROM unnest(places, kinds, hows, hashes) AS k(place, kind, how, hash)
        WHERE (k.how IN ('c', 'v') OR (k.how = 'n' AND own IS NULL))
          AND NOT EXISTS (SELECT FROM tenon.row_lock l
            WHERE l.place = k.place AND l.kind = k.kind AND l.hash = k.hash)
    ), inserted AS (
      INSERT INTO tenon.row_lock SELECT place, kind, hash, '', '{}', '' FROM probe
        ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING RETURNING 1
    ) SELECT (SELECT count(*) FROM probe), (SELECT count(*) FROM inserted) INTO wanted, got;
    IF got < wanted THEN
      PERFORM tenon.at_refuse(rel, NULL);
    END IF;
    IF got > 0 THEN
      DELETE FROM tenon.row_lock l
        USING unnest(places, kinds, hashes) AS k(place, kind, hash)
        WHERE l.place = k.place AND l.kind = k.kind AND l.hash = k.hash AND l.holders = '{}';
    END IF;
  END IF;
  IF own IS NULL THEN
    RETURN;
  END IF;

  -- The key of the lock decides, whatever was read before.
  WITH taken AS (
    SELECT DISTINCT k.place, k.kind, k.hash
      FROM unnest(places, kinds, hows, hashes) AS k(place, kind, how, hash)
      WHERE k.how IN ('o', 'n', 'u', 's', 'a') AND NOT EXISTS (
        SELECT FROM tenon.row_lock l WHERE l.place = k.place AND l.kind = k.kind
          AND l.hash = k.hash AND own_id = l.holders[cardinality(l.holders)])
  ), locked AS (
    INSERT INTO tenon.row_lock AS l
      SELECT place, kind, hash, CASE kind WHEN 'S' THEN '' ELSE own->>'xid' END, ARRAY[own_id],
        regexp_replace(own->>'step', '[^.]*$', '') FROM taken ORDER BY 1, 2, 3
      ON CONFLICT (place, kind, hash) DO UPDATE
        SET holders = array_append(array_remove(l.holders, own_id), own_id),
          scope = CASE WHEN length(l.scope) > length(EXCLUDED.scope)
            THEN l.scope ELSE EXCLUDED.scope END
        WHERE l.kind = 'S'
          OR (l.xid = EXCLUDED.xid AND starts_with(own->>'step', l.scope))
      RETURNING 1
  ) SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM locked) INTO wanted, got;
  IF got < wanted THEN
    SELECT l.* INTO met
      FROM unnest(places, kinds, hows, hashes) AS k(place, kind, how, hash)
      JOIN tenon.row_lock l ON l.place = k.place AND l.kind = k.kind AND l.hash = k.hash
      WHERE k.how IN ('o', 'n', 'u', 'a')
        AND (l.xid <> own->>'xid' OR NOT starts_with(own->>'step', l.scope)) LIMIT 1;
    PERFORM tenon.at_refuse(rel, met);
  END IF;
  INSERT INTO tenon.row_image (branch, rel, columns, before, after, places, kinds, hashes)
    SELECT own_id, rel, c.relnatts, before, after,
        array_agg(k.place) FILTER (WHERE k.taken), array_agg(k.kind) FILTER (WHERE k.taken),
        array_agg(k.hash) FILTER (WHERE k.taken)
      FROM pg_class c, (
        SELECT place, kind, hash, how IN ('o', 'n', 'u', 's', 'a') AS taken
          FROM unnest(places, kinds, hows, hashes) AS u(place, kind, how, hash)) AS k
      WHERE c.oid = rel GROUP BY c.relnatts;
END $$;

-- Gives up the locks of branches that have ended, and forgets their images.
CREATE FUNCTION tenon.at_release(branches uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  shared integer;
BEGIN
  WITH gone AS (
    DELETE FROM tenon.row_image WHERE branch = ANY (branches) RETURNING places, kinds, hashes
  ), keys AS (
    SELECT DISTINCT k.* FROM gone, unnest(places, kinds, hashes) AS k(place, kind, hash)
  ), alone AS (
    DELETE FROM tenon.row_lock l USING keys k
      WHERE l.place = k.place AND l.kind = k.kind AND l.hash = k.hash AND l.holders <@ branches
      RETURNING 1
  ), others AS (
    UPDATE tenon.row_lock l
      SET holders = ARRAY(SELECT h FROM unnest(l.holders) WITH ORDINALITY AS u(h, place)
        WHERE h <> ALL (branches) ORDER BY u.place)
      FROM keys k WHERE l.place = k.place AND l.kind = k.kind AND l.hash = k.hash
        AND NOT l.holders <@ branches
      RETURNING 1
  ) SELECT count(*) INTO shared FROM others;
END $$;

-- A table is emptied only while nothing of it could have to be undone: never.
CREATE FUNCTION tenon.at_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF current_setting('tenon_at.undo', true) = 'on' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the table % takes part in distributed transactions, and is not truncated',
      TG_RELID::regclass
    USING ERRCODE = 'TN006', HINT = 'Delete its rows, or opt it out before.';
END $$;

-- Says how a row differs from what its branch had left behind.
CREATE FUNCTION tenon.at_differs(rel regclass, found jsonb, expected jsonb) RETURNS text
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  SELECT format('a row of %s %s', rel, CASE
    WHEN found IS NULL THEN format('is gone (expected: %s)', expected)
    WHEN expected IS NULL THEN format('is there again (found: %s)', found)
    ELSE (SELECT 'has ' || string_agg(format('%s %s (expected: %s)', f.key, f.value, e.value), ', ')
        || format(' in %s', found)
      FROM jsonb_each(found) f JOIN jsonb_each(expected) e ON e.key = f.key
      WHERE f.value IS DISTINCT FROM e.value)
    END)
$$;

-- Puts one row back. A row that is not as the branch had left it is left alone, and said, unless
-- it is to be overwritten.
CREATE FUNCTION tenon.at_undo_row(image tenon.row_image, overwrite boolean) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET extra_float_digits = 1 SET DateStyle = 'ISO, YMD'
SET IntervalStyle = 'postgres' SET TimeZone = 'UTC' SET bytea_output = 'hex'
SET lc_monetary = 'C' SET xmloption = 'content' AS $$
DECLARE
  last regclass := image.rel;
  natts integer;
  cols text;    -- that can be written
  sets text;    -- that can be updated
  fixed text;   -- the others of these
  t_cols text;
  i_cols text;
  same_key text;
  look text;
  was text;     -- the row before
  left_behind text;
  here text;
  there text;
BEGIN
    SELECT c.relnatts INTO natts FROM pg_class c WHERE c.oid = last;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the table % is gone', last USING ERRCODE = 'TN004';
    END IF;
    SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum),
        string_agg(format('%1$I = i.%1$I', a.attname), ', ' ORDER BY a.attnum)
          FILTER (WHERE a.attidentity <> 'a'),
        coalesce(string_agg(format('t.%1$I IS DISTINCT FROM i.%1$I', a.attname), ' OR ')
          FILTER (WHERE a.attidentity = 'a'), 'false'),
        string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attnum),
        string_agg(format('i.%I', a.attname), ', ' ORDER BY a.attnum)
      INTO cols, sets, fixed, t_cols, i_cols
      FROM pg_attribute a
      WHERE a.attrelid = last AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
    SELECT string_agg(format('t.%1$I = i.%1$I', a.attname), ' AND ') INTO same_key
      FROM pg_index x JOIN pg_attribute a ON a.attrelid = last AND a.attnum = ANY (x.indkey)
      WHERE x.indrelid = last AND x.indisprimary;
    look := format('SELECT ROW(%s)::text FROM ONLY %s t, (SELECT ($1::%2$s).*) i WHERE %s'
      ' FOR UPDATE OF t', t_cols, last, same_key);
  IF natts <> image.columns OR same_key IS NULL THEN
    RAISE EXCEPTION 'the table % was altered since, and what the branch has kept does not fit',
      last USING ERRCODE = 'TN004';
  END IF;
  IF image.before IS NOT NULL THEN
    EXECUTE format('SELECT ROW(%s)::text FROM (SELECT ($1::%s).*) i', i_cols, last)
      INTO was USING image.before;
  END IF;
  IF image.after IS NOT NULL THEN
    EXECUTE format('SELECT ROW(%s)::text FROM (SELECT ($1::%s).*) i', i_cols, last)
      INTO left_behind USING image.after;
  END IF;
  EXECUTE look INTO here USING coalesce(image.after, image.before);
  IF was IS NOT NULL THEN
    EXECUTE look INTO there USING image.before;
  END IF;

  IF there IS NOT DISTINCT FROM was AND (was IS NOT NULL OR here IS NULL) THEN
    RETURN NULL; -- it is as it was, by a cascade, say
  END IF;
  IF here IS DISTINCT FROM left_behind AND NOT overwrite THEN
    EXECUTE format('SELECT tenon.at_differs($2, (SELECT to_jsonb(t) FROM ONLY %s t,'
      ' (SELECT ($1::%1$s).*) i WHERE %2$s), to_jsonb($3::%1$s))', last, same_key)
      INTO here USING coalesce(image.after, image.before), last, image.after;
    RETURN here;
  END IF;
  IF here IS NOT NULL AND was IS NOT NULL THEN
    EXECUTE format('SELECT %s FROM (SELECT ($1::%s).*) t, (SELECT ($2::%2$s).*) i', fixed, last)
      INTO there USING coalesce(image.after, image.before), image.before;
    IF there = 'false' THEN
      EXECUTE format('UPDATE ONLY %1$s t SET %2$s FROM (SELECT ($1::%1$s).*) i,'
          ' (SELECT ($2::%1$s).*) k WHERE %3$s', last, sets, replace(same_key, '= i.', '= k.'))
        USING image.before, coalesce(image.after, image.before);
      RETURN NULL;
    END IF;
  END IF;
  IF here IS NOT NULL THEN
    EXECUTE format('DELETE FROM ONLY %s t USING (SELECT ($1::%1$s).*) i WHERE %s',
      last, same_key) USING coalesce(image.after, image.before);
  END IF;
  IF was IS NOT NULL THEN
    EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM'
      ' (SELECT ($1::%1$s).*) i', last, cols, i_cols) USING image.before;
  END IF;
  RETURN NULL;
END $$;

-- Applies the images of a branch backwards. The user's triggers are to leave this alone. What a
-- cascade has written comes after its cause, and goes back after it, too.
CREATE FUNCTION tenon.at_undo(branch_id uuid, overwrite boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  image tenon.row_image;
  waiting tenon.row_image[] := '{}';
  again tenon.row_image[];
  said text;
  dirty text[] := '{}';
BEGIN
  PERFORM set_config('tenon_at.undo', 'on', true);
  SET CONSTRAINTS ALL DEFERRED;
  FOR image IN SELECT * FROM tenon.row_image WHERE branch = branch_id ORDER BY seq DESC LOOP
    again := image || waiting;
    waiting := '{}';
    FOREACH image IN ARRAY again LOOP
      BEGIN
        said := tenon.at_undo_row(image, overwrite);
        IF said IS NOT NULL THEN
          dirty := dirty || said;
        END IF;
      EXCEPTION WHEN foreign_key_violation THEN
        waiting := waiting || image;
      END;
    END LOOP;
  END LOOP;
  FOREACH image IN ARRAY waiting LOOP
    PERFORM tenon.at_undo_row(image, overwrite);
  END LOOP;
  IF cardinality(dirty) > 0 THEN
    RAISE EXCEPTION '%', array_to_string(dirty[1:20], '; ')
      || CASE WHEN cardinality(dirty) > 20 THEN format('; and %s more', cardinality(dirty) - 20)
        ELSE '' END
      USING ERRCODE = 'TN004';
  END IF;
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM set_config('tenon_at.undo', '', true);
END $$;
