package dev.tenon.transport;

import com.linecorp.armeria.common.TlsKeyPair;
import com.linecorp.armeria.common.TlsProvider;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A service's TLS files, looked at again once a second at most, when they are used. Changed ones
 * that are broken, or do not fit each other yet, leave what was read before, all of it.
 * Thread-safe.
 */
final class ReloadingTls implements TlsProvider {
  /** How often the files are looked at, at most. */
  static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);

  /** How long before its end a certificate is warned of, once an hour. */
  static final Duration END_WARNING = Duration.ofDays(3);

  private static final Duration WARN_INTERVAL = Duration.ofHours(1);
  private static final Logger log = LoggerFactory.getLogger(ReloadingTls.class);

  private final String service;
  private final TlsFiles files;
  private final InstantSource clock;
  private final ReentrantLock lock = new ReentrantLock();
  private Instant lookAgain;
  private Instant warnAgain;
  private Stamps stamps;
  private String told = ""; // the last warning, so that it comes once
  private volatile TlsMaterial material;

  private record Stamps(FileStamp certificate, FileStamp key, FileStamp trusted) {}

  /**
   * Reads the files.
   *
   * @throws TransportException if they cannot be used
   */
  ReloadingTls(String service, TlsFiles files, InstantSource clock) {
    this.service = service;
    this.files = files;
    this.clock = clock;
    Instant now = clock.instant();
    try {
      this.stamps = stampsOf(files);
    } catch (IOException e) {
      throw new TransportException(
          "Could not read the TLS files [service=%s]: %s. Make them with ./tenon certs."
              .formatted(service, e),
          e);
    }
    this.material = TlsMaterial.read(service, files, now);
    this.lookAgain = now.plus(LOOK_INTERVAL);
    this.warnAgain = now;
    warnOfEnd(now);
  }

  /** What counts now. */
  TlsMaterial current() {
    if (lock.tryLock()) {
      try {
        Instant now = clock.instant();
        if (!now.isBefore(lookAgain)) {
          lookAgain = now.plus(LOOK_INTERVAL);
          look(now);
          warnOfEnd(now);
        }
      } finally {
        lock.unlock();
      }
    }
    return material;
  }

  Instant now() {
    return clock.instant();
  }

  @Override
  public TlsKeyPair keyPair(String hostname) {
    return current().keyPair();
  }

  @Override
  public List<X509Certificate> trustedCertificates(String hostname) {
    return current().trusted();
  }

  @Override
  public boolean autoClose() {
    return false;
  }

  private void look(Instant now) {
    try {
      Stamps seen = stampsOf(files);
      if (!seen.equals(stamps)) {
        stamps = seen;
        material = TlsMaterial.read(service, files, now);
        told = "";
        log.info("TLS files read again [service={}, certificateEnds={}]", service, material.ends());
      }
    } catch (IOException | TransportException e) {
      String reason = e.toString();
      if (!reason.equals(told)) {
        told = reason;
        log.warn(
            "The TLS files have changed and cannot be used, those read before stay"
                + " [service={}, reason={}]",
            service,
            reason);
      }
    }
  }

  private void warnOfEnd(Instant now) {
    if (!now.isBefore(warnAgain) && now.plus(END_WARNING).isAfter(material.ends())) {
      warnAgain = now.plus(WARN_INTERVAL);
      log.warn(
          "The certificate ends soon: renew it [service={}, file={}, ends={}]",
          service,
          files.certificate(),
          material.ends());
    }
  }

  private static Stamps stampsOf(TlsFiles files) throws IOException {
    return new Stamps(
        FileStamp.of(files.certificate()),
        FileStamp.of(files.key()),
        FileStamp.of(files.trusted()));
  }
}
