package dev.tenon.bench;

import dev.tenon.testing.database.PostgresServer;
import java.util.List;

/** Who is measured, and on what. */
final class Contenders {

  private Contenders() {}

  /** Everyone, in the order of the report. */
  static List<Contender> all() {
    return List.of(
        new PlainInsert(),
        new Tenon(Tenon.Delivery.OFF),
        new Tenon(Tenon.Delivery.ON),
        new Tenon(Tenon.Delivery.BATCHED),
        new Gruelbox(),
        new Namastack());
  }

  /**
   * Some of them.
   *
   * @param names whom; all if there is none
   * @throws IllegalArgumentException if nobody has one of the names
   */
  static List<Contender> named(List<String> names) {
    List<String> known = all().stream().map(Contender::name).toList();
    for (String name : names) {
      if (!known.contains(name)) {
        throw new IllegalArgumentException("only: " + name + " (expected: " + known + ")");
      }
    }
    return all().stream()
        .filter(contender -> names.isEmpty() || names.contains(contender.name()))
        .toList();
  }

  /** A throw-away server that makes every commit durable, the same for everyone. */
  static PostgresServer server() {
    return PostgresServer.builder()
        .durable()
        .setting("shared_buffers", "256MB")
        .setting("max_wal_size", "4GB")
        .setting("autovacuum_naptime", "5s")
        .start();
  }
}
