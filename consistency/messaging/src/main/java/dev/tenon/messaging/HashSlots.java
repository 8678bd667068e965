package dev.tenon.messaging;

import dev.tenon.messaging.spi.FeedRequest;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/**
 * Which hash slot a message belongs to: CRC-32 (ISO 3309) of its key in UTF-8, or of its id's text
 * where it has no key, modulo the number of slots.
 */
final class HashSlots {
  private HashSlots() {}

  static boolean contains(FeedRequest.Slot slot, Message message) {
    if (slot.count() == 1) {
      return true;
    }
    String text = message.key().orElseGet(() -> message.id().toString());
    return contains(slot, text);
  }

  static boolean contains(FeedRequest.Slot slot, String key) {
    CRC32 crc = new CRC32();
    crc.update(key.getBytes(StandardCharsets.UTF_8));
    return crc.getValue() % slot.count() == slot.index();
  }
}
