package dev.tenon.certificates;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.operator.OperatorCreationException;

/**
 * A directory with a certificate authority of one's own, and the certificates that it signed for
 * services: {@code ca.cert.pem} and {@code ca.key.pem}, {@code <service>.cert.pem} and {@code
 * <service>.key.pem}. Keys are readable by their owner only.
 *
 * <p>A service gets its own two files and {@code ca.cert.pem}, and never {@code ca.key.pem}: who
 * has that can be every service. Each file is replaced as a whole. Not for two processes at once in
 * one directory.
 */
public final class CertificateFiles {
  /** The name of the file with the authorities' certificates; the first one signs. */
  public static final String AUTHORITY_CERTIFICATE_FILE = "ca.cert.pem";

  /** The name of the file with the signing authority's private key. */
  public static final String AUTHORITY_KEY_FILE = "ca.key.pem";

  /**
   * How many authorities {@link #changeAuthority} leaves trusted: the new one, and the one before.
   */
  public static final int AUTHORITIES_MAX = 2;

  /** How long an authority counts. */
  public static final Duration AUTHORITY_LIFE = Duration.ofDays(3650);

  private final Path directory;
  private final InstantSource clock;

  /** What to do with a certificate that is there. */
  public enum Existing {
    /** Refuse. */
    KEEP,
    /** Make a new key and certificate in its place. */
    RENEW
  }

  private record Authority(X509Certificate certificate, PrivateKey key) {}

  private CertificateFiles(Path directory, InstantSource clock) {
    this.directory = requireNonNull(directory, "directory");
    this.clock = requireNonNull(clock, "clock");
  }

  /**
   * The files in a directory, which may be empty or missing.
   *
   * @param directory where they are
   * @return the files; nothing is made yet
   */
  public static CertificateFiles in(Path directory) {
    return in(directory, InstantSource.system());
  }

  /**
   * The files in a directory, by another clock.
   *
   * @param directory where they are
   * @param clock by which certificates begin
   * @return the files; nothing is made yet
   */
  public static CertificateFiles in(Path directory, InstantSource clock) {
    return new CertificateFiles(directory, clock);
  }

  /**
   * Makes a key and certificate for a service, and first an authority if there is none.
   *
   * @param service the service's name, which the certificate carries as {@code tenon://<service>}
   *     and as a host name
   * @param life how long it counts, from now
   * @param existing what to do if the service has one
   * @param hosts further host names and IP addresses, for clients that look for them (curl does);
   *     {@code localhost} and loopback are always among them
   * @throws CertificateFilesException if the service has one that is to be kept, or a file cannot
   *     be read or written; the service's files may then not fit each other
   * @throws IllegalArgumentException if the name cannot be a service's
   */
  public void issue(String service, Duration life, Existing existing, List<String> hosts) {
    checkName(service);
    if (life.isNegative() || life.isZero() || life.compareTo(AUTHORITY_LIFE) > 0) {
      throw new IllegalArgumentException("life: " + life + " (expected: up to 3650 days)");
    }
    Path certificateFile = certificateFile(service);
    if (existing == Existing.KEEP
        && (Files.exists(certificateFile) || Files.exists(keyFile(service)))) {
      throw new CertificateFilesException(
          ("Could not make a certificate [service=%s, file=%s]: there is one."
                  + " Renew it, or remove it.")
              .formatted(service, certificateFile),
          null);
    }
    try {
      Authority authority = authority();
      KeyPair pair = newKey();
      Instant now = clock.instant();
      X509Certificate certificate =
          new Signing(authority.certificate(), authority.key())
              .service(service, hosts, pair.getPublic(), now, now.plus(life));
      PemFiles.write(keyFile(service), pair.getPrivate());
      PemFiles.write(certificateFile, List.of(certificate));
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw failed("make a certificate", service, e);
    }
  }

  /**
   * Makes a new authority that signs from now on. The one before stays trusted, so that services
   * may change their certificates one after another; call this again only when all have.
   *
   * @throws CertificateFilesException if a file cannot be read or written
   */
  public void changeAuthority() {
    try {
      List<X509Certificate> trusted = new ArrayList<>();
      if (Files.exists(file(AUTHORITY_CERTIFICATE_FILE))) {
        trusted.addAll(PemFiles.certificates(file(AUTHORITY_CERTIFICATE_FILE)));
      }
      makeAuthority(trusted);
    } catch (IOException | GeneralSecurityException | OperatorCreationException e) {
      throw failed("make an authority", AUTHORITY_CERTIFICATE_FILE, e);
    }
  }

  /**
   * When a service's certificate ends.
   *
   * @param service the service's name
   * @return the time
   * @throws CertificateFilesException if the file cannot be read
   */
  public Instant ends(String service) {
    try {
      return PemFiles.certificates(certificateFile(service)).getFirst().getNotAfter().toInstant();
    } catch (IOException | GeneralSecurityException e) {
      throw failed("read a certificate", service, e);
    }
  }

  /**
   * Where a service's certificate is.
   *
   * @param service the service's name
   * @return the file
   */
  public Path certificateFile(String service) {
    return file(checkName(service) + ".cert.pem");
  }

  /**
   * Where a service's private key is.
   *
   * @param service the service's name
   * @return the file
   */
  public Path keyFile(String service) {
    return file(checkName(service) + ".key.pem");
  }

  private Path file(String name) {
    return directory.resolve(name);
  }

  private Authority authority()
      throws IOException, GeneralSecurityException, OperatorCreationException {
    Path certificate = file(AUTHORITY_CERTIFICATE_FILE);
    Path key = file(AUTHORITY_KEY_FILE);
    if (!Files.exists(certificate) && !Files.exists(key)) {
      return makeAuthority(List.of());
    }
    return new Authority(PemFiles.certificates(certificate).getFirst(), PemFiles.privateKey(key));
  }

  private Authority makeAuthority(List<X509Certificate> before)
      throws IOException, GeneralSecurityException, OperatorCreationException {
    Files.createDirectories(directory);
    KeyPair pair = newKey();
    Instant now = clock.instant();
    X509Certificate certificate = Signing.authority(pair, now, now.plus(AUTHORITY_LIFE));
    List<X509Certificate> trusted = new ArrayList<>();
    trusted.add(certificate);
    before.stream().limit(AUTHORITIES_MAX - 1).forEach(trusted::add);
    PemFiles.write(file(AUTHORITY_KEY_FILE), pair.getPrivate());
    PemFiles.write(file(AUTHORITY_CERTIFICATE_FILE), trusted);
    return new Authority(certificate, pair.getPrivate());
  }

  private static KeyPair newKey() throws GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private CertificateFilesException failed(String what, String of, Exception cause) {
    return new CertificateFilesException(
        "Could not %s [of=%s, directory=%s]: %s. Check the directory and its files."
            .formatted(what, of, directory, cause.getMessage()),
        cause);
  }

  private static String checkName(String service) {
    if (!requireNonNull(service, "service").matches("[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
        || service.equals("ca")) {
      throw new IllegalArgumentException(
          "service: " + service + " (expected: up to 63 of A-Z a-z 0-9 . _ -, not ca)");
    }
    return service;
  }
}
