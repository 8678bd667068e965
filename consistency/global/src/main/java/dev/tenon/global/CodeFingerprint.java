package dev.tenon.global;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Tells whether a saga's code is the one that ran it last: the digest of its class. */
final class CodeFingerprint {
  private static final String LAMBDA = "$$Lambda";
  private static final int LENGTH = 16;

  private CodeFingerprint() {}

  /** Of the class of the code; of a lambda, the class that it is written in. */
  static String of(Saga<?, ?> code) {
    Class<?> type = code.getClass();
    String name = type.getName();
    int lambda = name.indexOf(LAMBDA);
    String written = lambda < 0 ? name : name.substring(0, lambda);
    ClassLoader loader = type.getClassLoader();
    String resource = written.replace('.', '/') + ".class";
    try (InputStream bytes =
        loader == null
            ? ClassLoader.getSystemResourceAsStream(resource)
            : loader.getResourceAsStream(resource)) {
      byte[] content =
          bytes == null
              ? written.getBytes(java.nio.charset.StandardCharsets.UTF_8)
              : bytes.readAllBytes();
      byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
      return HexFormat.of().formatHex(digest).substring(0, LENGTH);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
