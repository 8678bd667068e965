package dev.tenon.runtime;

import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.UUID;
import java.util.random.RandomGenerator;

/** Makes ids that never repeat. Implementations are thread-safe. */
@FunctionalInterface
public interface IdGenerator {

  /**
   * Makes a new id.
   *
   * @return an id that no earlier call has returned, here or in another process
   */
  UUID next();

  /**
   * Ids of UUID version 7 (RFC 9562, section 5.7): milliseconds of the clock, then 74 random bits.
   * Ids made later sort later, to the millisecond.
   *
   * @param clock what the time part is read from
   * @param random where the random bits come from; it must be thread-safe
   * @return a thread-safe generator
   */
  static IdGenerator timeOrdered(InstantSource clock, RandomGenerator random) {
    return () -> {
      long high = (clock.millis() << 16) | 0x7000L | (random.nextLong() & 0x0FFFL);
      long low = 0x8000_0000_0000_0000L | (random.nextLong() >>> 2);
      return new UUID(high, low);
    };
  }

  /**
   * Ids of UUID version 7 from the system's clock and a cryptographic random source.
   *
   * @return a thread-safe generator
   */
  static IdGenerator system() {
    return timeOrdered(InstantSource.system(), new SecureRandom());
  }
}
