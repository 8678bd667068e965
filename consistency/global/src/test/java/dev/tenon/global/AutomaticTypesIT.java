package dev.tenon.global;

import static dev.tenon.global.StockService.call;
import static dev.tenon.global.StockService.reply;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.tenon.global.StockService.Clock;
import dev.tenon.global.spi.OrderResult;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.testing.database.PostgresExtension;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows of all types come back bit by bit: {@code -Dtenon.at.deep=100} tries more of them. */
class AutomaticTypesIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int SEEDS = Integer.getInteger("tenon.at.deep", 8);

  /** Types, and expressions in SQL that give values of them; r is a number from 0 to 1. */
  private static final Map<String, List<String>> TYPES = types();

  private final Clock clock = new Clock();
  private StockService stock;

  private static Map<String, List<String>> types() {
    Map<String, List<String>> t = new LinkedHashMap<>();
    t.put("smallint", List.of("(r * 65535 - 32768)::smallint"));
    t.put("integer", List.of("(r * 4e9 - 2e9)::integer"));
    t.put("bigint", List.of("(r * 1.8e19 - 9e18)::bigint"));
    t.put("numeric", List.of("(r * 1e30)::numeric / 7", "'NaN'", "'Infinity'", "1.500", "-0.000"));
    t.put("numeric(12,3)", List.of("r * 1e8", "'NaN'"));
    t.put("real", List.of("(r * 1e30)::real", "'NaN'", "'-Infinity'", "'-0'", "1e-45"));
    t.put("double precision", List.of("r / 3", "'NaN'", "'Infinity'", "'-0'", "5e-324", "0.1"));
    t.put("money", List.of("(r * 1e9)::numeric::money", "'-$0.01'"));
    t.put("text", List.of("md5(r::text)", "''", "E'a\"b\\\\c,(d)\\n\\t'", "' é 漢 '", "'NULL'"));
    t.put("varchar(20)", List.of("left(md5(r::text), 20)", "'  '"));
    t.put("char(5)", List.of("'a'", "''", "left(md5(r::text), 5)"));
    t.put("name", List.of("md5(r::text)::name"));
    t.put("\"char\"", List.of("'x'", "''"));
    t.put("bytea", List.of("decode(md5(r::text), 'hex')", "'\\x00'", "''"));
    t.put("boolean", List.of("r > 0.5"));
    t.put("date", List.of("date '0001-01-01' + (r * 1e6)::int", "'infinity'", "'4713-01-01 BC'"));
    t.put("time", List.of("time '00:00' + r * interval '1 day'", "'24:00'"));
    t.put("time(2) with time zone", List.of("'12:34:56.78+05:30'", "'23:59:60-12'"));
    t.put("timestamp", List.of("timestamp '1500-01-01' + r * interval '900 years'", "'-infinity'"));
    t.put(
        "timestamptz",
        List.of("timestamptz '1700-01-01' + r * interval '900 years'", "'infinity'"));
    t.put("interval", List.of("r * interval '99 years 3 days 1.000001 s'", "'-1 mon +2 days'"));
    t.put("uuid", List.of("md5(r::text)::uuid"));
    t.put("json", List.of("('{\"b\": 1.50,  \"b\":' || r || '}')::json", "'null'"));
    t.put("jsonb", List.of("jsonb_build_object('a', r, 'n', 1.500, 'x', null)", "'\"\\u00e9\"'"));
    t.put("xml", List.of("'<a b=\"1\">t</a>'", "'text, only'"));
    t.put("inet", List.of("'10.1.2.3/8'", "'::1'"));
    t.put("cidr", List.of("'10.0.0.0/8'"));
    t.put("macaddr", List.of("'08:00:2b:01:02:03'"));
    t.put("macaddr8", List.of("'08:00:2b:01:02:03:04:05'"));
    t.put("bit(5)", List.of("B'10101'"));
    t.put("varbit", List.of("(r * 1e6)::int::bit(20)::varbit", "B''"));
    t.put("point", List.of("point(r, 1 / (r + 0.1))"));
    t.put("line", List.of("'{1,2,3.3}'"));
    t.put("lseg", List.of("lseg(point(r, 1), point(2, r))"));
    t.put("box", List.of("box(point(r, 1), point(2, r))"));
    t.put("path", List.of("'[(0,0),(1,1.1),(2,0)]'", "'((0,0),(1,1),(2,0))'"));
    t.put("polygon", List.of("'((0,0),(1,1.3),(2,0))'"));
    t.put("circle", List.of("circle(point(r, r), r)"));
    t.put("tsvector", List.of("to_tsvector('simple', md5(r::text) || ' it''s a')", "''"));
    t.put("tsquery", List.of("'a & (b:* | !c)'"));
    t.put("int4range", List.of("int4range((r * 10)::int, 20)", "'empty'", "'(,)'"));
    t.put("numrange", List.of("numrange(r::numeric, 2, '[]')"));
    t.put("tstzrange", List.of("tstzrange(now(), now() + r * interval '1 day')"));
    t.put("int4multirange", List.of("'{[1,3),[5,9)}'", "'{}'"));
    t.put("pg_lsn", List.of("'16/B374D848'"));
    t.put("regclass", List.of("'every'", "'pg_class'"));
    t.put("regtype", List.of("'mood'"));
    rare(t);
    t.put("integer[]", List.of("ARRAY[1, NULL, (r * 100)::int]", "'{}'", "'[0:1]={1,2}'"));
    t.put("text[]", List.of("ARRAY['a,b', '\"', 'NULL', NULL, '']", "'{{a,b},{c,d}}'"));
    t.put("double precision[]", List.of("ARRAY[r, 'NaN', 'Infinity']::double precision[]"));
    t.put("mood", List.of("'glad'", "'so, so'"));
    t.put("mood[]", List.of("ARRAY['glad', 'so, so']::mood[]"));
    t.put("positive", List.of("1 + r"));
    t.put("address", List.of("ROW('a,\"b', r, ARRAY['x', NULL])::address", "ROW(NULL, 1, '{}')"));
    t.put("address[]", List.of("ARRAY[ROW('a', r, '{}')::address]"));
    return t;
  }

  private static void rare(Map<String, List<String>> t) {
    t.put("oid", List.of("'4294967295'"));
    t.put("xid", List.of("'7'"));
    t.put("xid8", List.of("'18446744073709551615'"));
    t.put("cid", List.of("'3'"));
    t.put("tid", List.of("'(1,2)'"));
    t.put("int8range", List.of("int8range(1, (r * 1e9)::bigint + 2)"));
    t.put("tsrange", List.of("tsrange('2000-01-01', NULL)"));
    t.put("daterange", List.of("daterange('2000-01-01', 'infinity', '[]')"));
    t.put("int8multirange", List.of("'{[1,3),[5,9)}'"));
    t.put("nummultirange", List.of("nummultirange(numrange(r::numeric, 2))"));
    t.put("tsmultirange", List.of("'{[2000-01-01,2001-01-01)}'"));
    t.put("tstzmultirange", List.of("tstzmultirange(tstzrange(NULL, now()))"));
    t.put("datemultirange", List.of("'{[2000-01-01,2001-01-01)}'"));
    t.put("jsonpath", List.of("'$.a[*] ? (@ > 1)'"));
    t.put("oidvector", List.of("'1 2'"));
    t.put("int2vector", List.of("'1 2'"));
    t.put("pg_snapshot", List.of("'10:20:10,14'"));
    t.put("txid_snapshot", List.of("'10:20:10,14'"));
    t.put("regproc", List.of("'pg_backend_pid'"));
    t.put("regprocedure", List.of("'abs(integer)'"));
    t.put("regoper", List.of("'||/'"));
    t.put("regoperator", List.of("'+(integer,integer)'"));
    t.put("regrole", List.of("'pg_monitor'"));
    t.put("regnamespace", List.of("'pg_catalog'"));
    t.put("regconfig", List.of("'english'"));
    t.put("regdictionary", List.of("'simple'"));
    t.put("regcollation", List.of("'\"C\"'"));
    t.put("refcursor", List.of("'c'"));
  }

  @BeforeEach
  void start() {
    stock = new StockService(postgres.freshDatabase(StockService.NAME), clock, Optional.empty());
    StringBuilder columns = new StringBuilder();
    int n = 0;
    for (String type : TYPES.keySet()) {
      columns.append(", c").append(n++).append(" ").append(type);
    }
    stock.execute(
        "CREATE TYPE mood AS ENUM ('glad', 'so, so');"
            + " CREATE DOMAIN positive AS numeric CHECK (VALUE > 0);"
            + " CREATE TYPE address AS (street text, number numeric, notes text[]);"
            + " CREATE TABLE every (part text, id bigint GENERATED ALWAYS AS IDENTITY,"
            + " made bigint GENERATED BY DEFAULT AS IDENTITY, long text, gone int"
            + columns
            + ", twice numeric GENERATED ALWAYS AS (made * 2) STORED, PRIMARY KEY (part, id));"
            + " ALTER TABLE every DROP COLUMN gone; ALTER TABLE every ADD COLUMN late text"
            + " DEFAULT 'was there'");
    AutomaticTables.of("tenon")
        .enable(stock.transactions.database().dataSource(), List.of("every"));
  }

  @AfterEach
  void stop() {
    stock.close();
  }

  /** The rows as text, and in the binary form that keeps every bit. */
  private List<String> bits() {
    return stock.column(
        "SELECT every::text || encode(record_send(every), 'hex') FROM every ORDER BY part, id");
  }

  @Test
  void leavesOutNoTypeThatAColumnMayHave() {
    assertThat(
            stock.column(
                "SELECT format_type(t.oid, NULL) FROM pg_type t"
                    + " WHERE t.typnamespace = 'pg_catalog'::regnamespace"
                    + " AND t.typtype IN ('b', 'r', 'm') AND t.typcategory <> 'A'"
                    + " AND t.typname NOT LIKE 'pg\\_%' AND NOT EXISTS ("
                    + "SELECT FROM pg_attribute a WHERE a.attrelid = 'every'::regclass"
                    + " AND a.atttypid = t.oid) ORDER BY 1"))
        .describedAs("of these one has no binary form, the other is of indexes alone")
        .isSubsetOf("aclitem", "gtsvector");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "numeric | 1.0 | 1.00",
        "numeric | 'NaN' | 'NaN'",
        "double precision | '-0' | '0'",
        "text | 'a' | 'a'",
        "char(5) | 'a' | 'a    '",
        "uuid | 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' | 'A0EEBC999C0B4EF8BB6D6BB9BD380A11'",
        "timestamptz | '2000-01-01 00:00Z' | '2000-01-01 02:00+02'",
        "interval | '1 day' | '24 hours'",
        "bytea | '\\x00ff' | '\\x00FF'",
        "mood | 'glad' | 'glad'",
        "positive | 1.5 | 1.50",
        "int4range | '[1,3)' | '[1,2]'",
        "jsonb | '{\"a\": 1.0}' | '{\"a\": 1.00}'",
        "inet | '10.0.0.1/32' | '10.0.0.1'",
        "integer[] | '{1,NULL}' | '{1,NULL}'",
        "bit(3) | B'101' | B'101'",
        "money | '$1.50' | '$1.5'",
        "tsvector | 'b a' | 'a b'"
      })
  void locksKeysThatAreEqualHoweverTheyAreWritten(String type, String key, String equal) {
    stock.execute("CREATE TABLE keyed (id " + type + " PRIMARY KEY, n int)");
    AutomaticTables.of("tenon")
        .enable(stock.transactions.database().dataSource(), List.of("keyed"));
    stock.execute("INSERT INTO keyed VALUES (" + key + ", 1)");
    List<String> before = stock.column("SELECT keyed::text FROM keyed");
    SignedXid xid = clock.xid();

    Branch branch = write(xid, "UPDATE keyed SET n = 2", "DELETE FROM keyed");

    assertThat(
            AutomaticBranches.state(
                catchThrowable(() -> stock.execute("INSERT INTO keyed VALUES (" + equal + ", 3)"))))
        .contains(AutomaticBranches.LOCKED);
    assertThat(stock.finish(xid, branch, Outcome.ABORTED)).isEqualTo(OrderResult.DONE);
    assertThat(stock.column("SELECT keyed::text FROM keyed")).isEqualTo(before);
  }

  private Branch write(SignedXid xid, String... statements) {
    return StockService.listing(
            stock.participant.handle(
                call(xid, "1"),
                Fingerprint.ofValue("any", 1),
                unit -> {
                  for (String sql : statements) {
                    stock.statement(unit, sql);
                  }
                  return reply("done");
                }))
        .kept()
        .getFirst();
  }

  private static String values(Random random) {
    List<String> values = new ArrayList<>();
    for (Map.Entry<String, List<String>> type : TYPES.entrySet()) {
      List<String> all = type.getValue();
      String value =
          random.nextInt(8) == 0
              ? "NULL"
              : all.get(random.nextInt(all.size()))
                  .replaceAll("\\br\\b(?!')", Double.toString(random.nextDouble()));
      values.add("(" + value + ")::" + type.getKey());
    }
    return String.join(", ", values);
  }

  private static String columns() {
    List<String> columns = new ArrayList<>();
    for (int i = 0; i < TYPES.size(); i++) {
      columns.add("c" + i);
    }
    return String.join(", ", columns);
  }

  @Test
  void putsBackEveryTypeAsItWas() {
    for (int seed = 0; seed < SEEDS; seed++) {
      Random random = new Random(seed);
      String long1 = "repeat(md5('" + seed + "'), " + random.nextInt(2000) + ")";
      String insert =
          "INSERT INTO every (part, long, " + columns() + ") VALUES ('a,\"b', " + long1 + ", ";
      stock.execute(insert + values(random) + ")");
      stock.execute(insert + values(random) + ")");
      List<String> before = bits();
      SignedXid xid = clock.xid();
      String update =
          "UPDATE every SET (" + columns() + ") = (SELECT " + values(random) + ") WHERE id % 2 = 0";

      Branch branch =
          write(
              xid,
              update,
              "UPDATE every SET id = DEFAULT WHERE id % 3 = 0",
              "DELETE FROM every WHERE id % 2 = 1",
              insert + values(random) + ")",
              "UPDATE every SET part = 'z', late = NULL");

      assertThat(bits()).isNotEqualTo(before);
      assertThat(stock.finish(xid, branch, Outcome.ABORTED))
          .describedAs(() -> String.valueOf(stock.column("SELECT error FROM tenon.branch")))
          .isEqualTo(OrderResult.DONE);
      assertThat(bits()).describedAs("seed " + seed).isEqualTo(before);
    }
  }
}
