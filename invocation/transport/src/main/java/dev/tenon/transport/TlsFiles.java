package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;

/**
 * Where a service's certificate is, with its key and those that it trusts. All are PEM files. They
 * are looked at again within a second of their use; when they have changed, connections made from
 * then on use what they hold.
 *
 * @param certificate the service's certificate, followed by those between it and a trusted one. It
 *     names the service: {@code tenon://<service>} among its subject alternative names
 * @param key the certificate's private key, without a password
 * @param trusted the certificates of the authorities that sign services' certificates: one, or two
 *     while they change
 */
public record TlsFiles(Path certificate, Path key, Path trusted) {
  /** Checks what is given. */
  public TlsFiles {
    requireNonNull(certificate, "certificate");
    requireNonNull(key, "key");
    requireNonNull(trusted, "trusted");
  }

  /**
   * The files by the names that {@code ./tenon certs} gives them.
   *
   * @param directory where they are
   * @param service the service's name
   * @return {@code <service>.cert.pem}, {@code <service>.key.pem} and {@code ca.cert.pem}
   */
  public static TlsFiles in(Path directory, String service) {
    ServiceIdentity.checkName(service);
    return new TlsFiles(
        directory.resolve(service + ".cert.pem"),
        directory.resolve(service + ".key.pem"),
        directory.resolve("ca.cert.pem"));
  }
}
