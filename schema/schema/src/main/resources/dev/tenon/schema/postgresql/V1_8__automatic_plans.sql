-- The same as before, with plans that are made once and fewer statements for each row.

-- A row was written: looks at the locks and, in an automatic branch, takes them and keeps the
-- row's images. Of each lock, "how" says: o the row, n a new row, c a unique value that appears,
-- u one that is given up, v a key that vanishes, f a key that is referred to now, s one that was,
-- a a key that appears and may be referred to.
CREATE OR REPLACE FUNCTION tenon.at_write(
  rel regclass, before text, after text, places oid[], hows "char"[], hashes bigint[])
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
-- Plans are made once: while there are few locks, and kept when there are many.
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  given text := coalesce(current_setting('tenon_at.branch', true), '');
  own jsonb;
  own_id uuid;
  kinds "char"[] := string_to_array(
    translate(array_to_string(hows, ''), 'oncuvfsa', 'RRRRSNSN'), NULL)::"char"[];
  took_places oid[] := places;
  took_kinds "char"[];
  took_hashes bigint[] := hashes;
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
  IF own IS NULL OR hows && '{c,f,v}'::"char"[] THEN
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

  -- The key of the row itself is always taken. Several are taken in one order.
  took_kinds := kinds;
  IF cardinality(places) > 1 THEN
    SELECT array_agg(k.place), array_agg(k.kind), array_agg(k.hash)
      INTO took_places, took_kinds, took_hashes
      FROM (SELECT DISTINCT u.place, u.kind, u.hash
        FROM unnest(places, kinds, hows, hashes) AS u(place, kind, how, hash)
        WHERE u.how IN ('o', 'n', 'u', 's', 'a') ORDER BY 1, 2, 3) AS k;
  END IF;
  FOR i IN 1..cardinality(took_places) LOOP
    IF images > 1 THEN
      PERFORM FROM tenon.row_lock l
        WHERE l.place = took_places[i] AND l.kind = took_kinds[i] AND l.hash = took_hashes[i]
          AND own_id = l.holders[cardinality(l.holders)];
      CONTINUE WHEN FOUND;
    END IF;
    -- The key of the lock decides, whatever was read before.
    INSERT INTO tenon.row_lock AS l
      VALUES (took_places[i], took_kinds[i], took_hashes[i],
        CASE took_kinds[i] WHEN 'S' THEN '' ELSE own->>'xid' END, ARRAY[own_id],
        regexp_replace(own->>'step', '[^.]*$', ''))
      ON CONFLICT (place, kind, hash) DO UPDATE
        SET holders = array_append(array_remove(l.holders, own_id), own_id),
          scope = CASE WHEN length(l.scope) > length(EXCLUDED.scope)
            THEN l.scope ELSE EXCLUDED.scope END
        WHERE l.kind = 'S'
          OR (l.xid = EXCLUDED.xid AND starts_with(own->>'step', l.scope));
    IF NOT FOUND THEN
      SELECT l.* INTO met FROM tenon.row_lock l
        WHERE l.place = took_places[i] AND l.kind = took_kinds[i] AND l.hash = took_hashes[i];
      PERFORM tenon.at_refuse(rel, met);
    END IF;
  END LOOP;
  INSERT INTO tenon.row_image (branch, rel, columns, before, after, places, kinds, hashes)
    SELECT own_id, rel, c.relnatts, before, after, took_places, took_kinds, took_hashes
      FROM pg_class c WHERE c.oid = rel;
END $$;

-- Gives up the locks of branches that have ended, and forgets their images.
CREATE OR REPLACE FUNCTION tenon.at_release(branches uuid[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan AS $$
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
