package dev.tenon.global;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The name of a prepared transaction: all that is needed to ask about it and to end it, by whoever
 * finds it. PostgreSQL takes at most {@value #LENGTH_MAX} bytes, so it is packed:
 *
 * <ol>
 *   <li>{@code tenon}, and 4 characters that stand for the service and its database: a server's
 *       list of prepared transactions has those of all its databases and services;
 *   <li>32 characters: the xid's id, and the first half of the branch's id, which is a digest of
 *       xid and step. So a step's prepared transaction is found by the name's beginning;
 *   <li>the rest of the branch's id, the xid's times, and its incarnation;
 *   <li>the starter's name, the step, and the xid's signature, between tildes. A step that does not
 *       fit is left out; it is called {@code #} and a part of its digest then.
 * </ol>
 *
 * <p>2 and 3 are base64url. Ids of branches of this kind are still random in their second half.
 *
 * @param place stands for the service and its database
 * @param signed the xid
 * @param branch the branch's id, as {@link #branch} makes it
 * @param step the call, or what it is called if its name is not known any more
 */
record Gid(String place, SignedXid signed, UUID branch, String step) {
  /** The most bytes of a name. */
  static final int LENGTH_MAX = 199;

  private static final String MARK = "tenon";
  private static final int PLACE_LENGTH = 4;
  private static final int FOUND_BY_LENGTH = 32;
  private static final int KEY_BYTES = 24;
  private static final int START_BYTES = 6;
  private static final int TIMEOUT_BYTES = 5;
  private static final int UNNAMED_LENGTH = 10;
  private static final int PARTS = 4;
  private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();
  private static final String HALF_A_BYTE = "0";

  /** What stands for a service, and one of its databases. */
  static String place(String service, String tenonSchema, String database) {
    byte[] digest = digest(List.of(service, tenonSchema, database));
    return BASE64.encodeToString(digest).substring(0, PLACE_LENGTH);
  }

  /** The id of a new branch. */
  static UUID branch(BranchRow.Key key, UUID random) {
    return new UUID(half(key), random.getLeastSignificantBits());
  }

  /** Whether a branch may be one whose id was made by {@link #branch}. */
  static boolean mayBe(BranchRow.Key key, UUID branch) {
    return branch.getMostSignificantBits() == half(key);
  }

  /** What all names of a service in a database begin with. */
  static String beginning(String place) {
    return MARK + place;
  }

  /** What the names of a step begin with. */
  static String beginning(String place, BranchRow.Key key) {
    return beginning(place) + found(key.xid().id(), half(key));
  }

  private static String found(UUID xid, long half) {
    return BASE64.encodeToString(
        ByteBuffer.allocate(KEY_BYTES)
            .putLong(xid.getMostSignificantBits())
            .putLong(xid.getLeastSignificantBits())
            .putLong(half)
            .array());
  }

  private static long half(BranchRow.Key key) {
    return ByteBuffer.wrap(digest(List.of(key.xid().id().toString(), key.step()))).getLong();
  }

  private static byte[] digest(List<String> parts) {
    try {
      return MessageDigest.getInstance("SHA-256")
          .digest(String.join("\n", parts).getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** The name of the same branch's part in another database. */
  Gid at(String otherPlace) {
    return new Gid(otherPlace, signed, branch, step);
  }

  /** Which branch it is of. */
  BranchRow.Key key() {
    return new BranchRow.Key(signed.xid(), step);
  }

  /**
   * The name.
   *
   * @throws IllegalArgumentException if it would be too long, as the starter's name is
   */
  String text() {
    Xid xid = signed.xid();
    String head =
        beginning(place)
            + found(xid.id(), branch.getMostSignificantBits())
            + BASE64.encodeToString(tail(xid));
    String signature = signed.header().substring(signed.header().indexOf('.') + 1);
    String named = String.join("~", head, xid.starter(), step, signature);
    if (named.length() <= LENGTH_MAX) {
      return named;
    }
    String unnamed = String.join("~", head, xid.starter(), "", signature);
    if (unnamed.length() > LENGTH_MAX) {
      int most = LENGTH_MAX - (unnamed.length() - xid.starter().length());
      throw new IllegalArgumentException(
          "starter: "
              + xid.starter()
              + " (expected: at most "
              + most
              + " characters, so that the name of a prepared transaction can say whom to ask)");
    }
    return unnamed;
  }

  private byte[] tail(Xid xid) {
    String digits = xid.incarnation();
    byte[] history =
        HexFormat.of().parseHex(digits.length() % 2 == 0 ? digits : HALF_A_BYTE + digits);
    long timeout = xid.deadline().toEpochMilli() - xid.startedAt().toEpochMilli();
    return ByteBuffer.allocate(
            Long.BYTES + START_BYTES + TIMEOUT_BYTES + Byte.BYTES + history.length)
        .putLong(branch.getLeastSignificantBits())
        .put(low(xid.startedAt().toEpochMilli(), START_BYTES))
        .put(low(timeout, TIMEOUT_BYTES))
        .put((byte) digits.length())
        .put(history)
        .array();
  }

  private static byte[] low(long value, int bytes) {
    byte[] all = ByteBuffer.allocate(Long.BYTES).putLong(value).array();
    return Arrays.copyOfRange(all, Long.BYTES - bytes, Long.BYTES);
  }

  private static long number(ByteBuffer from, int bytes) {
    byte[] all = new byte[Long.BYTES];
    from.get(all, Long.BYTES - bytes, bytes);
    return ByteBuffer.wrap(all).getLong();
  }

  /** Reads a name; empty if it is not one of a service in a database. */
  static Optional<Gid> parse(String place, String text) {
    String beginning = beginning(place);
    String[] parts = text.split("~", PARTS);
    int tail = beginning.length() + FOUND_BY_LENGTH;
    if (!text.startsWith(beginning) || parts.length != PARTS || parts[0].length() <= tail) {
      return Optional.empty();
    }
    try {
      return Optional.of(read(place, parts, tail));
    } catch (IllegalArgumentException | BufferUnderflowException e) {
      return Optional.empty(); // somebody else's, whatever it is
    }
  }

  private static Gid read(String place, String[] parts, int tail) {
    String found = parts[0].substring(tail - FOUND_BY_LENGTH, tail);
    ByteBuffer key = ByteBuffer.wrap(Base64.getUrlDecoder().decode(found));
    UUID id = new UUID(key.getLong(), key.getLong());
    long half = key.getLong();
    ByteBuffer rest = ByteBuffer.wrap(Base64.getUrlDecoder().decode(parts[0].substring(tail)));
    UUID branch = new UUID(half, rest.getLong());
    long start = number(rest, START_BYTES);
    long timeout = number(rest, TIMEOUT_BYTES);
    int digits = rest.get();
    byte[] history = new byte[rest.remaining()];
    rest.get(history);
    String hex = HexFormat.of().formatHex(history);
    Xid xid =
        new Xid(
            parts[1],
            hex.substring(hex.length() - digits),
            Instant.ofEpochMilli(start),
            Instant.ofEpochMilli(start + timeout),
            id);
    String step = parts[2].isEmpty() ? unnamed(found) : Branch.requireStep(parts[2]);
    return new Gid(place, new SignedXid(xid, xid.text() + '.' + parts[3]), branch, step);
  }

  /** What a step is called whose name did not fit: it is in its alphabet. */
  private static String unnamed(String found) {
    return '#' + found.substring(FOUND_BY_LENGTH - UNNAMED_LENGTH);
  }
}
