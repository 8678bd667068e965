package dev.tenon.messaging;

import dev.tenon.transaction.UnitOfWork;
import java.sql.SQLException;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * Messages that are committed, and sent only if what they belong to is confirmed: a branch of a
 * distributed transaction. Thread-safe.
 */
public interface HeldMessages {

  /**
   * Holds back the messages that a unit of work publishes, delayed ones too, whether they were
   * published before or are after. They are stored by its commit and nobody reads them. Messages
   * that a {@link UnitOfWork.Recorder} publishes while it writes are not held.
   *
   * @param unit the open unit of work
   * @param holder what they belong to; of two for one unit, the last one counts
   */
  default void hold(UnitOfWork unit, UUID holder) {
    hold(unit, () -> Optional.of(holder));
  }

  /**
   * Holds back the messages of a unit of work if it then turns out what they belong to; else as
   * {@link #hold(UnitOfWork, UUID)}.
   *
   * @param unit the open unit of work
   * @param holder asked when the unit's records are written; empty if nothing is to be held
   */
  void hold(UnitOfWork unit, Supplier<Optional<UUID>> holder);

  /**
   * Sends what is held, with the commit of a unit of work, in the order in which it was published,
   * and before what the unit publishes from now on. A delayed message is sent when it is due by the
   * time at which it was published.
   *
   * @param unit the open unit of work
   * @param holder what the messages belong to
   * @throws SQLException if they could not be read; the unit must be rolled back
   */
  void release(UnitOfWork unit, UUID holder) throws SQLException;

  /**
   * Deletes what is held, with the commit of a unit of work.
   *
   * @param unit the open unit of work
   * @param holder what the messages belong to
   * @throws SQLException if they could not be deleted; the unit must be rolled back
   */
  void drop(UnitOfWork unit, UUID holder) throws SQLException;
}
