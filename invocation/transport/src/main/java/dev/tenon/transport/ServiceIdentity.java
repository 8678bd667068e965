package dev.tenon.transport;

import static java.util.Objects.requireNonNull;

import com.linecorp.armeria.common.HttpHeaderNames;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import java.nio.file.Path;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/**
 * Who a service is, and how it knows who others are.
 *
 * <p>With keys, each request carries a token that the caller signed for the callee, which counts
 * for 60 seconds; clocks may differ by 5. Tokens are not secret from who reads the network between
 * two services: use a network that you trust. The file of public keys is read again within a second
 * of a change; the private key is read once.
 *
 * <p>Without keys, for development, a service is who it says it is. A {@link TenonPort} with such
 * an identity listens on loopback only. Thread-safe.
 */
public final class ServiceIdentity {
  static final String DEVELOPMENT_HEADER = "tenon-service";
  private static final String BEARER = "Bearer ";

  private final String service;
  private final @Nullable ServiceTokens tokens;

  private ServiceIdentity(String service, @Nullable ServiceTokens tokens) {
    this.service = checkName(service);
    this.tokens = tokens;
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
    return new ServiceIdentity(service, new ServiceTokens(service, privateKey, publicKeys, clock));
  }

  /**
   * An identity without keys: everybody on this machine is believed. For development only.
   *
   * @param service the service's name
   * @return the identity
   */
  public static ServiceIdentity development(String service) {
    return new ServiceIdentity(service, null);
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
   * Whether it is one without keys.
   *
   * @return whether everybody is believed
   */
  public boolean isDevelopment() {
    return tokens == null;
  }

  /** Adds what proves this service to another. */
  void sign(RequestHeadersBuilder headers, String audience) {
    if (tokens == null) {
      headers.set(DEVELOPMENT_HEADER, service);
    } else {
      headers.set(HttpHeaderNames.AUTHORIZATION, BEARER + tokens.tokenFor(audience));
    }
  }

  /**
   * Who sent a request to this service.
   *
   * @throws ProblemException 401 if it does not prove it
   */
  String caller(RequestHeaders headers) {
    if (tokens == null) {
      String name = headers.get(DEVELOPMENT_HEADER);
      if (name == null || name.isEmpty()) {
        throw missing(DEVELOPMENT_HEADER);
      }
      return name;
    }
    String authorization = headers.get(HttpHeaderNames.AUTHORIZATION);
    if (authorization == null
        || !authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      throw missing("authorization: Bearer");
    }
    return tokens.issuerOf(authorization.substring(BEARER.length()).trim());
  }

  private ProblemException missing(String header) {
    return new ProblemException(
        Problems.unauthenticated(
            "Could not tell who asks [service=%s]: the header %s is missing."
                .formatted(service, header)));
  }

  static String checkName(String service) {
    if (!requireNonNull(service, "service").matches("[A-Za-z0-9][A-Za-z0-9._-]{0,62}")) {
      throw new IllegalArgumentException(
          "service: " + service + " (expected: up to 63 of A-Z a-z 0-9 . _ -)");
    }
    return service;
  }
}
