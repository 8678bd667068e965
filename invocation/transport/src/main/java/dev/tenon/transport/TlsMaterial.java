package dev.tenon.transport;

import com.linecorp.armeria.common.TlsKeyPair;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/**
 * What a service's TLS files held at one time, checked: the key fits the certificate, which names
 * the service and counts now. Immutable.
 */
final class TlsMaterial {
  /** The begin of the name by which a certificate says whose it is. */
  static final String NAME_SCHEME = "tenon://";

  private static final int URI_NAME = 6;
  private static final int PROBE_BYTES = 32;

  private final TlsKeyPair keyPair;
  private final List<X509Certificate> trusted;
  private final X509TrustManager trustManager;

  private TlsMaterial(
      TlsKeyPair keyPair, List<X509Certificate> trusted, X509TrustManager trustManager) {
    this.keyPair = keyPair;
    this.trusted = trusted;
    this.trustManager = trustManager;
  }

  /**
   * Reads the files.
   *
   * @throws TransportException if one cannot be read, or they do not fit each other, the service,
   *     or the time
   */
  static TlsMaterial read(String service, TlsFiles files, Instant now) {
    List<X509Certificate> chain = certificates(service, files.certificate());
    X509Certificate own = chain.getFirst();
    Set<String> names = servicesOf(own);
    if (!names.contains(service)) {
      throw unusable(
          service,
          files.certificate(),
          names.isEmpty()
              ? "its certificate names no service (" + NAME_SCHEME + service + " is missing)"
              : "its certificate is of service " + String.join(", ", names),
          null);
    }
    if (now.isAfter(own.getNotAfter().toInstant())) {
      throw unusable(
          service,
          files.certificate(),
          "its certificate ended at " + own.getNotAfter().toInstant(),
          null);
    }
    TlsKeyPair keyPair = TlsKeyPair.of(privateKey(service, files, own), chain);
    List<X509Certificate> trusted = certificates(service, files.trusted());
    try {
      return new TlsMaterial(keyPair, trusted, trustManager(trusted));
    } catch (IOException | GeneralSecurityException e) {
      throw unusable(service, files.trusted(), String.valueOf(e.getMessage()), e);
    }
  }

  TlsKeyPair keyPair() {
    return keyPair;
  }

  List<X509Certificate> trusted() {
    return trusted;
  }

  X509TrustManager trustManager() {
    return trustManager;
  }

  /** When the service's own certificate ends. */
  Instant ends() {
    return keyPair.certificateChain().getFirst().getNotAfter().toInstant();
  }

  /** The services that a certificate names; usually one. */
  static Set<String> servicesOf(X509Certificate certificate) {
    Set<String> services = new TreeSet<>();
    try {
      Collection<List<?>> names = certificate.getSubjectAlternativeNames();
      if (names != null) {
        for (List<?> name : names) {
          if (name.get(0) instanceof Integer kind
              && kind == URI_NAME
              && name.get(1) instanceof String uri
              && uri.startsWith(NAME_SCHEME)) {
            services.add(uri.substring(NAME_SCHEME.length()));
          }
        }
      }
    } catch (CertificateException e) {
      return Set.of(); // names that cannot be read name nobody
    }
    return services;
  }

  private static List<X509Certificate> certificates(String service, Path file) {
    List<X509Certificate> certificates = new ArrayList<>();
    try {
      CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))
          .forEach(each -> certificates.add((X509Certificate) each));
    } catch (IOException e) {
      throw unusable(service, file, e.toString(), e);
    } catch (CertificateException e) {
      throw unusable(service, file, "it holds no certificate in PEM form", e);
    }
    if (certificates.isEmpty()) {
      throw unusable(service, file, "it holds no certificate in PEM form", null);
    }
    return List.copyOf(certificates);
  }

  private static PrivateKey privateKey(String service, TlsFiles files, X509Certificate own) {
    byte[] encoded;
    try {
      encoded =
          TlsKeyPair.of(
                  new ByteArrayInputStream(Files.readAllBytes(files.key())),
                  new ByteArrayInputStream(Files.readAllBytes(files.certificate())))
              .privateKey()
              .getEncoded();
    } catch (IOException e) {
      throw unusable(service, files.key(), e.toString(), e);
    } catch (IllegalArgumentException e) { // its text may hold the key
      throw unusable(service, files.key(), "it holds no private key in PEM form", null);
    }
    String wrong = "it is not the key of the certificate";
    try {
      String algorithm = own.getPublicKey().getAlgorithm();
      PrivateKey key =
          KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
      if (fits(key, own.getPublicKey())) {
        return key;
      }
    } catch (GeneralSecurityException e) {
      throw unusable(service, files.key(), wrong, e);
    }
    throw unusable(service, files.key(), wrong, null);
  }

  private static boolean fits(PrivateKey key, PublicKey publicKey) throws GeneralSecurityException {
    String algorithm =
        switch (key.getAlgorithm()) {
          case "EC" -> "SHA256withECDSA";
          case "RSA" -> "SHA256withRSA";
          default -> key.getAlgorithm();
        };
    byte[] probe = new byte[PROBE_BYTES];
    Signature signature = Signature.getInstance(algorithm);
    signature.initSign(key);
    signature.update(probe);
    byte[] signed = signature.sign();
    signature.initVerify(publicKey);
    signature.update(probe);
    return signature.verify(signed);
  }

  private static X509TrustManager trustManager(List<X509Certificate> trusted)
      throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    for (int i = 0; i < trusted.size(); i++) {
      store.setCertificateEntry("trusted-" + i, trusted.get(i));
    }
    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(store);
    for (TrustManager each : factory.getTrustManagers()) {
      if (each instanceof X509TrustManager manager) {
        return manager;
      }
    }
    throw new GeneralSecurityException("this Java has no PKIX trust manager");
  }

  private static TransportException unusable(
      String service, Path file, String reason, @Nullable Throwable cause) {
    String message =
        ("Could not use a TLS file [service=%s, file=%s]: %s."
                + " Make it with ./tenon certs, or set another.")
            .formatted(service, file, reason);
    return cause == null ? new TransportException(message) : new TransportException(message, cause);
  }
}
