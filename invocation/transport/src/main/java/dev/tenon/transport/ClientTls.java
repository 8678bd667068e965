package dev.tenon.transport;

import com.linecorp.armeria.client.ClientTlsSpec;
import com.linecorp.armeria.common.SessionProtocol;
import com.linecorp.armeria.common.TlsPeerVerifier;
import com.linecorp.armeria.common.TlsPeerVerifierFactory;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.X509Certificate;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/**
 * How a service opens connections to others: with TLS, and only to a peer whose certificate names
 * the called service, wherever it runs; or without.
 *
 * <p>A connection belongs to the service it was opened for, so one is never used for another, and
 * to what the files held: once they have changed, calls open new ones. Thread-safe.
 */
final class ClientTls {
  private static final int SERVICES_MAX = 1000;

  private final @Nullable ReloadingTls tls;
  private final Map<String, Made> made = new ConcurrentHashMap<>();

  private record Made(TlsMaterial material, ClientTlsSpec spec) {}

  ClientTls(@Nullable ReloadingTls tls) {
    this.tls = tls;
  }

  /** HTTP/2, with TLS or without. */
  SessionProtocol protocol() {
    return tls == null ? SessionProtocol.H2C : SessionProtocol.H2;
  }

  /**
   * What a request to a service must carry, as {@code RequestOptions.clientTlsSpec} or {@code
   * ClientRequestContext.setClientTlsSpec}; empty without TLS.
   */
  Optional<ClientTlsSpec> spec(String service) {
    if (tls == null) {
      return Optional.empty();
    }
    TlsMaterial material = tls.current();
    Made known = made.get(service);
    if (known != null && known.material() == material) {
      return Optional.of(known.spec());
    }
    ClientTlsSpec spec =
        ClientTlsSpec.builder()
            .tlsKeyPair(material.keyPair())
            .trustedCertificates(material.trusted())
            .verifierFactories(new ServiceCheck(service, material.trustManager()))
            .build();
    if (made.size() >= SERVICES_MAX) {
      made.clear();
    }
    made.put(service, new Made(material, spec));
    return Optional.of(spec);
  }

  /**
   * What went wrong with TLS, and what to do about it, as the end of a message; empty if something
   * else did.
   */
  static Optional<String> explain(Throwable failure) {
    boolean tls = false;
    String told = "";
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof Refused refused) {
        return Optional.of(refused.getMessage());
      }
      tls |= cause instanceof SSLException;
      told = cause.getMessage() == null ? told : cause.getMessage();
    }
    if (!tls) {
      return Optional.empty();
    }
    String lower = told.toLowerCase(Locale.ROOT);
    if (lower.contains("alert")) {
      return Optional.of(
          "it refused this service's certificate ("
              + told
              + "). Check that the certificate counts and that the other trusts its authority.");
    }
    if (lower.contains("not an ssl/tls record")) {
      return Optional.of("it does not speak TLS. Give TLS files to both, or to neither.");
    }
    return Optional.of("no TLS connection (" + told + "). Check the TLS files of both.");
  }

  /** The peer is not who it should be. */
  private static final class Refused extends CertificateException {
    private static final long serialVersionUID = 1L;

    Refused(String message, @Nullable Throwable cause) {
      super(message, cause);
    }

    @Override
    public String getMessage() {
      return String.valueOf(super.getMessage());
    }
  }

  /** Takes the certificate of one service only; of which host it is does not matter. */
  private record ServiceCheck(String service, X509TrustManager trust)
      implements TlsPeerVerifierFactory, TlsPeerVerifier {

    @Override
    public TlsPeerVerifier create(TlsPeerVerifier delegate) {
      return this;
    }

    @Override
    public void verify(X509Certificate[] chain, String authType, SSLEngine engine)
        throws CertificateException {
      try {
        trust.checkServerTrusted(chain, authType);
      } catch (CertificateException e) {
        throw refused(e, chain[0]);
      }
      Set<String> services = TlsMaterial.servicesOf(chain[0]);
      if (!services.contains(service)) {
        throw new Refused(
            "its certificate is of %s, not of service %s. Check the address."
                .formatted(
                    services.isEmpty() ? "no service" : "service " + String.join(", ", services),
                    service),
            null);
      }
    }

    private static Refused refused(CertificateException failure, X509Certificate own) {
      for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
        if (cause instanceof CertificateExpiredException) {
          return new Refused(
              "its certificate ended at " + own.getNotAfter().toInstant() + ". Renew it.", failure);
        }
      }
      return new Refused(
          "its certificate is not signed by an authority that this service trusts."
              + " Check the trusted certificates.",
          failure);
    }
  }
}
