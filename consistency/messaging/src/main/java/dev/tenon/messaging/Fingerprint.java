package dev.tenon.messaging;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A digest of what a call asks for: two calls under one key are the same call if theirs are equal.
 *
 * <p>JSON is brought into one form first: members sorted, numbers by value, no white space, and
 * without members that say nothing. Those are members that are null and, where the type is known,
 * primitive ones that are zero or false: a reader cannot tell them from absent ones. So a caller
 * that has learnt a new optional field may repeat an older call. What is no JSON counts by its
 * bytes.
 *
 * @param sha256 64 hexadecimal digits
 */
public record Fingerprint(String sha256) {
  private static final Pattern RULE = Pattern.compile("[0-9a-f]{64}");

  /** Checks it. */
  public Fingerprint {
    if (!RULE.matcher(sha256).matches()) {
      throw new IllegalArgumentException("sha256: " + sha256 + " (expected: " + RULE + ")");
    }
  }

  /** What a body is; two kinds never have one fingerprint. */
  private enum Kind {
    JSON,
    BYTES
  }

  /**
   * Of a call with a JSON body whose type is not known.
   *
   * @param request what is asked beside the body: operation, path, parameters
   * @param body JSON; anything else counts by its bytes
   * @return the fingerprint
   */
  public static Fingerprint ofJson(String request, byte[] body) {
    Optional<byte[]> canonical = CanonicalJson.of(body);
    return canonical.isPresent()
        ? digest(request, Kind.JSON, canonical.get())
        : digest(request, Kind.BYTES, body);
  }

  /**
   * Of a call with a body of a known type.
   *
   * @param request what is asked beside the body: operation, path, parameters
   * @param value a record or whatever else JSON can be made of
   * @return the fingerprint
   */
  public static Fingerprint ofValue(String request, Object value) {
    return digest(request, Kind.JSON, CanonicalJson.of(value));
  }

  /**
   * Of a call with any other body.
   *
   * @param request what is asked beside the body: operation, path, parameters
   * @param body the bytes
   * @return the fingerprint
   */
  public static Fingerprint ofBytes(String request, byte[] body) {
    return digest(request, Kind.BYTES, body);
  }

  private static Fingerprint digest(String request, Kind kind, byte[] body) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] head =
          (kind.name().toLowerCase(Locale.ROOT) + request).getBytes(StandardCharsets.UTF_8);
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(head.length).flip());
      digest.update(head);
      digest.update(body);
      return new Fingerprint(HexFormat.of().formatHex(digest.digest()));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  byte[] bytes() {
    return HexFormat.of().parseHex(sha256);
  }
}
