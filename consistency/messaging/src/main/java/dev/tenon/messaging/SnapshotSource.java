package dev.tenon.messaging;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/**
 * Pages through the present state of a topic's entities, so that a subscriber that starts from the
 * beginning need not read history that is no longer kept.
 *
 * <p>A page may already contain changes whose messages follow it: messages of such a topic carry
 * the whole state of their entity, and consumers overwrite. Called on many threads.
 */
@FunctionalInterface
public interface SnapshotSource {

  /**
   * Reads one page.
   *
   * @param connection a connection of the service's database, in a read-only transaction
   * @param after the key of the last item of the page before; empty for the first page
   * @param limit the most items to return
   * @return items with keys above {@code after}, in strictly ascending order of the keys as {@link
   *     String#compareTo} has it; an empty page is the end
   * @throws SQLException if the page cannot be read; the subscriber asks again
   */
  List<Item> page(Connection connection, Optional<String> after, int limit) throws SQLException;

  /**
   * One entity as it is now.
   *
   * @param key the key that its messages carry
   * @param payload what a message about it would carry
   * @param version the version of the payload's shape
   */
  record Item(String key, Object payload, int version) {
    /**
     * An entity whose payload is of version 1.
     *
     * @param key the key that its messages carry
     * @param payload what a message about it would carry
     */
    public Item(String key, Object payload) {
      this(key, payload, 1);
    }
  }
}
