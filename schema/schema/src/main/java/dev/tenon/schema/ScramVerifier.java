package dev.tenon.schema;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.random.RandomGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * What a server needs to check a password, and from which the password cannot be had: RFC 5802 with
 * SHA-256 (RFC 7677), in the form that PostgreSQL stores.
 */
final class ScramVerifier {
  private static final int ITERATIONS = 4096;
  private static final int SALT_BYTES = 16;
  private static final int KEY_BITS = 256;
  private static final String MAC = "HmacSHA256";

  private ScramVerifier() {}

  static String of(String password, RandomGenerator random) {
    byte[] salt = new byte[SALT_BYTES];
    random.nextBytes(salt);
    return of(password, salt);
  }

  static String of(String password, byte[] salt) {
    try {
      PBEKeySpec spec = new PBEKeySpec(password.toCharArray(), salt, ITERATIONS, KEY_BITS);
      byte[] salted =
          SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256").generateSecret(spec).getEncoded();
      byte[] storedKey = MessageDigest.getInstance("SHA-256").digest(mac(salted, "Client Key"));
      return "SCRAM-SHA-256$"
          + ITERATIONS
          + ":"
          + base64(salt)
          + "$"
          + base64(storedKey)
          + ":"
          + base64(mac(salted, "Server Key"));
    } catch (GeneralSecurityException e) {
      throw new SchemaException(
          "Could not hash a password: " + e.getMessage() + ". Use a Java with SHA-256.", e);
    }
  }

  private static byte[] mac(byte[] key, String text) throws GeneralSecurityException {
    Mac mac = Mac.getInstance(MAC);
    mac.init(new SecretKeySpec(key, MAC));
    return mac.doFinal(text.getBytes(StandardCharsets.US_ASCII));
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }
}
