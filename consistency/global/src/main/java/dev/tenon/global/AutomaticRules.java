package dev.tenon.global;

/** Which tables are not opted in, as a question to the catalogs. */
final class AutomaticRules {
  /** Parameters: the table's oid, the oids of those opted in with it, what heeds undo. */
  static final String SQL =
      """
      WITH own AS (SELECT c.* FROM pg_class c WHERE c.oid = ?::oid),
      tree AS (
        SELECT oid FROM own UNION SELECT p.relid FROM own, pg_partition_tree(own.oid) p),
      also AS (
        SELECT unnest(?::bigint[])::oid AS oid
        UNION SELECT tgrelid FROM pg_trigger WHERE tgname = 'tenon_at')
      SELECT 'it is a partition' AS reason, 'Opt in the table that it is a partition of' AS advice
        FROM own WHERE relispartition
      UNION ALL SELECT 'it is no table', 'Opt in tables'
        FROM own WHERE relkind NOT IN ('r', 'p')
      UNION ALL SELECT 'it does not survive a crash', 'Make it an ordinary, logged table'
        FROM pg_class c WHERE c.oid IN (SELECT oid FROM tree) AND c.relpersistence <> 'p'
      UNION ALL SELECT format('its partition %s is foreign', c.oid::regclass),
          'Keep all of it in this database'
        FROM pg_class c WHERE c.oid IN (SELECT oid FROM tree) AND c.relkind = 'f'
      UNION ALL SELECT 'it inherits, or is inherited from', 'Partition it instead'
        FROM own JOIN pg_inherits i ON i.inhrelid = own.oid OR i.inhparent = own.oid
        WHERE own.relkind = 'r'
      UNION ALL SELECT 'it has no primary key', 'Give it one'
        FROM own WHERE NOT EXISTS (
          SELECT FROM pg_index x WHERE x.indrelid = own.oid AND x.indisprimary)
      UNION ALL SELECT format('it has the exclusion constraint %I', x.indexrelid::regclass::text),
          'Drop that; what it excludes cannot be locked'
        FROM pg_index x WHERE x.indrelid IN (SELECT oid FROM tree) AND x.indisexclusion
      UNION ALL SELECT format('the key %s is in a collation that takes different texts for equal',
            x.indexrelid::regclass),
          'Use a deterministic collation'
        FROM own JOIN pg_index x ON x.indrelid = own.oid AND x.indisunique
          JOIN pg_collation c ON c.oid = ANY (x.indcollation::oid[])
        WHERE NOT c.collisdeterministic
      UNION ALL SELECT 'it has rules', 'Drop them'
        FROM pg_rewrite r WHERE r.ev_class IN (SELECT oid FROM tree)
      UNION ALL SELECT 'its row security holds for its owner too', 'Do not force it'
        FROM own WHERE relforcerowsecurity
      UNION ALL SELECT format('the table %s refers to it ON DELETE or ON UPDATE with an action, and'
            || ' is not opted in', k.conrelid::regclass),
          'Opt that in together with it, or take the action off'
        FROM pg_constraint k JOIN own ON k.confrelid = own.oid AND k.conparentid = 0
        WHERE k.contype = 'f' AND k.conrelid <> own.oid
          AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))
          AND k.conrelid NOT IN (SELECT oid FROM also)
      UNION ALL SELECT format('its trigger %I would fire when changes are undone', t.tgname),
          'Give it the condition WHEN (coalesce(current_setting(''tenon_at.undo'', true), '''')'
            || ' = ''''), or drop it'
        FROM pg_trigger t WHERE t.tgrelid IN (SELECT oid FROM tree) AND NOT t.tgisinternal
          AND t.tgname NOT IN ('tenon_at', 'tenon_at_truncate') AND t.tgenabled IN ('O', 'A')
          AND pg_get_triggerdef(t.oid) NOT LIKE ?
      LIMIT 1
      """;

  private AutomaticRules() {}
}
