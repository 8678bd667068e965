package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.RequestContext;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import com.linecorp.armeria.common.TlsProvider;
import dev.tenon.global.spi.XidSigner;
import java.nio.file.Path;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/**
 * Who a service is, and how it knows who others are: by tokens, by certificates, or by both.
 *
 * <p>With TLS files, all is encrypted, each side checks the other's certificate, and the name in it
 * is who the caller is; see {@link #certified} and {@link #withTls}.
 *
 * <p>With keys, each request carries a token that the caller signed for the callee, which counts
 * for 60 seconds; clocks may differ by 5. Without TLS, tokens are not secret from who reads the
 * network between two services: use a network that you trust then. With both, a caller that shows a
 * certificate and a token must be the same by both. The file of public keys is read again within a
 * second of a change; the private key is read once.
 *
 * <p>With neither, for development, a service is who it says it is. A {@link TenonPort} with such
 * an identity listens on loopback only. Thread-safe.
 */
public final class ServiceIdentity {
  static final String DEVELOPMENT_HEADER = "tenon-service";

  private final String service;
  private final @Nullable ServiceTokens tokens;
  private final @Nullable ReloadingTls tls;

  private ServiceIdentity(
      String service, @Nullable ServiceTokens tokens, @Nullable ReloadingTls tls) {
    this.service = checkName(service);
    this.tokens = tokens;
    this.tls = tls;
  }

  /**
   * An identity with keys, from the files that {@link ServiceKeys#generate} makes.
   *
   * @param service the service's name
   * @param directory where its private key and the public keys are
   * @return the identity
   * @throws TransportException if a file cannot be read, or is no key of this service
   */
  public static ServiceIdentity load(String service, Path directory) {
    return load(
        service,
        ServiceKeys.privateKeyFile(directory, service),
        directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE),
        InstantSource.system());
  }

  /**
   * An identity with keys.
   *
   * @param service the service's name
   * @param privateKey the file of its private key
   * @param publicKeys the file of all services' public keys
   * @param clock by which tokens are made and judged
   * @return the identity
   * @throws TransportException if a file cannot be read, or is no key of this service
   */
  public static ServiceIdentity load(
      String service, Path privateKey, Path publicKeys, InstantSource clock) {
    checkName(service);
    return new ServiceIdentity(
        service, new ServiceTokens(service, privateKey, publicKeys, clock), null);
  }

  /**
   * An identity without keys: everybody on this machine is believed. For development only.
   *
   * @param service the service's name
   * @return the identity
   */
  public static ServiceIdentity development(String service) {
    return new ServiceIdentity(service, null, null);
  }

  /**
   * An identity by certificates alone.
   *
   * @param service the service's name
   * @param files its certificate, key, and those it trusts
   * @return the identity
   * @throws TransportException if a file cannot be used, or is not this service's
   */
  public static ServiceIdentity certified(String service, TlsFiles files) {
    return development(service).withTls(files);
  }

  /**
   * The same identity, with TLS on all its connections.
   *
   * @param files the service's certificate, key, and those it trusts
   * @return another identity
   * @throws TransportException if a file cannot be used, or is not this service's
   */
  public ServiceIdentity withTls(TlsFiles files) {
    return withTls(new ReloadingTls(service, files, InstantSource.system()));
  }

  ServiceIdentity withTls(ReloadingTls files) {
    return new ServiceIdentity(service, tokens, files);
  }

  /**
   * Whose identity it is.
   *
   * @return the service's name
   */
  public String service() {
    return service;
  }

  /**
   * Whether it is one without keys and certificates.
   *
   * @return whether everybody is believed
   */
  public boolean isDevelopment() {
    return tokens == null && tls == null;
  }

  /**
   * How this service signs the distributed transactions that it starts, and checks those of others.
   *
   * <p>With keys, by the private key, and any public key of the starter in the file of public keys.
   * Without, signatures are empty: in development mode everybody is believed; by certificates alone
   * a service with a certificate may name a transaction as another's, but never end it, as orders
   * are taken from the starter only.
   *
   * @return the signer
   */
  public XidSigner xidSigner() {
    return tokens == null ? new UnsignedXids() : tokens.xidSigner();
  }

  /** What the server side of TLS takes; empty without TLS. */
  Optional<TlsProvider> serverTls() {
    return Optional.ofNullable(tls);
  }

  /** The client side of TLS, to be kept by who makes calls. */
  ClientTls clientTls() {
    return new ClientTls(tls);
  }

  /** Adds what proves this service to another. */
  void sign(RequestHeadersBuilder headers, String audience) {
    if (tokens != null) {
      headers.set(HttpHeaderNames.AUTHORIZATION, tokens.authorizationFor(audience));
    } else if (tls == null) {
      headers.set(DEVELOPMENT_HEADER, service);
    }
  }

  /**
   * Who sent a request to this service.
   *
   * @throws ProblemException 401 if it does not prove it
   */
  String caller(RequestContext context, RequestHeaders headers) {
    SSLSession session = tls == null ? null : context.sslSession();
    Optional<String> certified = session == null ? Optional.empty() : certifiedBy(session);
    if (certified.isEmpty()) {
      return caller(headers);
    }
    if (tokens != null && headers.contains(HttpHeaderNames.AUTHORIZATION)) {
      String issuer = caller(headers);
      if (!issuer.equals(certified.get())) {
        throw refused(
            "the certificate is of %s, and the token of %s".formatted(certified.get(), issuer));
      }
    }
    return certified.get();
  }

  /** Who sent a request, by its headers alone. */
  String caller(RequestHeaders headers) {
    if (tokens != null) {
      String authorization = headers.get(HttpHeaderNames.AUTHORIZATION);
      if (authorization == null || !ServiceTokens.isToken(authorization)) {
        throw refused("the header authorization: Bearer is missing");
      }
      return tokens.issuerOf(authorization);
    }
    if (tls != null) {
      throw refused("a client certificate of an authority that it trusts is missing");
    }
    String name = headers.get(DEVELOPMENT_HEADER);
    if (name == null || name.isEmpty()) {
      throw refused("the header " + DEVELOPMENT_HEADER + " is missing");
    }
    return name;
  }

  /** The service that the peer's certificate names, which the handshake has found trusted. */
  private Optional<String> certifiedBy(SSLSession session) {
    Certificate[] chain;
    try {
      chain = session.getPeerCertificates();
    } catch (SSLPeerUnverifiedException e) {
      return Optional.empty(); // it showed none
    }
    if (chain.length == 0 || !(chain[0] instanceof X509Certificate certificate) || tls == null) {
      return Optional.empty();
    }
    if (tls.now().isAfter(certificate.getNotAfter().toInstant())) {
      throw refused("the client certificate ended at " + certificate.getNotAfter().toInstant());
    }
    Set<String> services = TlsMaterial.servicesOf(certificate);
    if (services.size() != 1) {
      throw refused(
          "the client certificate must name one service, and names " + String.join(", ", services));
    }
    return Optional.of(services.iterator().next());
  }

  private ProblemException refused(String reason) {
    return new ProblemException(
        Problems.unauthenticated(
            "Could not tell who asks [service=%s]: %s.".formatted(service, reason)));
  }

  /** Signs nothing, and takes no signature but none. */
  private static final class UnsignedXids implements XidSigner {
    @Override
    public String sign(String xid) {
      return "";
    }

    @Override
    public boolean verify(String starter, String xid, String signature) {
      return signature.isEmpty();
    }
  }

  static String checkName(String service) {
    if (!requireNonNull(service, "service").matches("[A-Za-z0-9][A-Za-z0-9._-]{0,62}")) {
      throw new IllegalArgumentException(
          "service: " + service + " (expected: up to 63 of A-Z a-z 0-9 . _ -)");
    }
    return service;
  }
}
