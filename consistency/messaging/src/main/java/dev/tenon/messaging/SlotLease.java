package dev.tenon.messaging;

import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedRequest;
import java.util.Optional;

/**
 * A slot that this instance owns.
 *
 * @param fence raised at every change of owner; every commit checks it
 * @param cursor what is committed; empty before the first batch
 * @param takenOver whether another instance had let it lapse
 */
record SlotLease(
    String subscription,
    FeedRequest.Slot slot,
    long fence,
    Optional<Cursor> cursor,
    boolean takenOver) {

  String id() {
    return subscription + "#" + slot.index();
  }
}
