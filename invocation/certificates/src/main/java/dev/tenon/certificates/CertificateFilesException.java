package dev.tenon.certificates;

import org.jspecify.annotations.Nullable;

/** Certificate files could not be made; the message says why and what to do. */
public final class CertificateFilesException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CertificateFilesException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
