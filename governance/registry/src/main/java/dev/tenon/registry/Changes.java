package dev.tenon.registry;

import static java.util.Objects.requireNonNull;

import java.util.List;
import java.util.UUID;

/**
 * What has changed.
 *
 * @param history of the database that numbers them; numbers of two histories do not compare
 * @param version the number of the last change of all
 * @param reach what the list is to be applied to
 * @param list in the order of their numbers
 */
public record Changes(UUID history, long version, Reach reach, List<Change> list) {
  /** Copies the list. */
  public Changes {
    requireNonNull(history, "history");
    requireNonNull(reach, "reach");
    list = List.copyOf(list);
  }

  /** What a list of changes is to be applied to. */
  public enum Reach {
    /** What was known before. */
    SINCE,
    /** Nothing: it is all that there is. */
    ALL
  }

  /** One change. */
  public sealed interface Change {
    /**
     * Its number. Those that were made together have one.
     *
     * @return above 0
     */
    long version();

    /**
     * An instance has come, or has changed.
     *
     * @param registration as it is now
     */
    record Put(Registration registration) implements Change {
      @Override
      public long version() {
        return registration.version();
      }
    }

    /**
     * An instance has gone.
     *
     * @param version its number
     * @param lease that has ended
     * @param reason why
     */
    record Gone(long version, Lease lease, Reason reason) implements Change {}
  }

  /** Why an instance has gone. */
  public enum Reason {
    /** It said so. */
    LEFT,
    /** It did not renew its lease. */
    EXPIRED
  }
}
