package dev.tenon.global;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;

/**
 * What a response says about the branches that its call has opened, itself or by calls it made in
 * turn. Immutable.
 *
 * @param complete {@code false} if a call made in turn may have opened branches that are not here;
 *     then the transaction can only be aborted
 * @param kept the branches that belong to the answer; committed if the transaction is
 * @param dropped the branches that a call made in turn had opened before the answer became a
 *     refusal; they are aborted whatever becomes of the transaction
 */
public record Listing(boolean complete, List<Branch> kept, List<Branch> dropped) {
  /** The header that carries it. */
  public static final String HEADER = "tenon-branches";

  /** The most branches of one transaction. */
  public static final int BRANCHES_MAX = 64;

  /** No branch, and nothing missing. */
  public static final Listing NONE = new Listing(true, List.of(), List.of());

  /** Nothing is known. */
  public static final Listing INCOMPLETE = new Listing(false, List.of(), List.of());

  private static final String NONE_TEXT = "none";
  private static final String INCOMPLETE_TEXT = "incomplete";
  private static final String DROPPED_MARK = "-";
  private static final int PARTS = 4;
  private static final int ID_BYTES = 16;

  /** Copies the lists. */
  public Listing {
    kept = List.copyOf(kept);
    dropped = List.copyOf(dropped);
    if (kept.size() + dropped.size() > BRANCHES_MAX) {
      throw new IllegalArgumentException(
          "branches: "
              + (kept.size() + dropped.size())
              + " (expected: at most "
              + BRANCHES_MAX
              + ")");
    }
  }

  /**
   * What a refusal says: all that was opened on the way to it is dropped.
   *
   * @return the same branches, none of them kept
   */
  public Listing refused() {
    List<Branch> all = new ArrayList<>(kept);
    all.addAll(dropped);
    return new Listing(complete, List.of(), all);
  }

  /**
   * Writes it as a header's value: {@code none}, {@code incomplete}, or branches between commas,
   * each as {@code service:id:kind:step}, dropped ones with a dash before, the id in base64url.
   *
   * @return the value
   */
  public String text() {
    List<String> parts = new ArrayList<>();
    if (!complete) {
      parts.add(INCOMPLETE_TEXT);
    }
    kept.forEach(branch -> parts.add(text(branch)));
    dropped.forEach(branch -> parts.add(DROPPED_MARK + text(branch)));
    return parts.isEmpty() ? NONE_TEXT : String.join(",", parts);
  }

  /**
   * Reads a header's value.
   *
   * @param text what {@link #text()} gave
   * @return the listing
   * @throws IllegalArgumentException if it is none
   */
  public static Listing parse(String text) {
    if (text.equals(NONE_TEXT)) {
      return NONE;
    }
    boolean complete = true;
    List<Branch> kept = new ArrayList<>();
    List<Branch> dropped = new ArrayList<>();
    for (String part : text.split(",", BRANCHES_MAX + 2)) {
      if (part.equals(INCOMPLETE_TEXT)) {
        complete = false;
      } else if (part.startsWith(DROPPED_MARK)) {
        dropped.add(branch(part.substring(1)));
      } else {
        kept.add(branch(part));
      }
    }
    return new Listing(complete, kept, dropped);
  }

  private static String text(Branch branch) {
    byte[] id =
        ByteBuffer.allocate(ID_BYTES)
            .putLong(branch.id().getMostSignificantBits())
            .putLong(branch.id().getLeastSignificantBits())
            .array();
    return String.join(
        ":",
        branch.service(),
        Base64.getUrlEncoder().withoutPadding().encodeToString(id),
        branch.kind().name(),
        branch.step());
  }

  private static Branch branch(String text) {
    String[] parts = text.split(":", PARTS);
    if (parts.length != PARTS) {
      throw new IllegalArgumentException(
          HEADER + ": " + text + " (expected: service:id:kind:step)");
    }
    byte[] bytes = Base64.getUrlDecoder().decode(parts[1]);
    if (bytes.length != ID_BYTES) {
      throw new IllegalArgumentException(HEADER + ": " + parts[1] + " (expected: 16 bytes)");
    }
    ByteBuffer id = ByteBuffer.wrap(bytes);
    return new Branch(
        parts[0], new UUID(id.getLong(), id.getLong()), BranchKind.valueOf(parts[2]), parts[3]);
  }
}
