package dev.tenon.transport;

import dev.tenon.global.spi.XidSigner;
import dev.tenon.transport.PublicKeys.Key;
import dev.tenon.transport.PublicKeys.Loaded;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jose4j.jwa.AlgorithmConstraints.ConstraintType;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;
import org.jose4j.jwt.NumericDate;
import org.jose4j.jwt.consumer.ErrorCodes;
import org.jose4j.jwt.consumer.InvalidJwtException;
import org.jose4j.jwt.consumer.JwtConsumerBuilder;
import org.jose4j.lang.JoseException;
import org.jose4j.lang.UnresolvableKeyException;
import org.jspecify.annotations.Nullable;

/**
 * Signs and proves the short-lived tokens by which services know each other. Both are costly, so
 * what was signed is used until shortly before it ends, and what was proved is remembered as long
 * as it counts. Thread-safe.
 */
final class ServiceTokens {
  /** How long a token counts; a longer one is refused. */
  static final Duration LIFE_MAX = Duration.ofSeconds(60);

  /** A token is not used when less than this is left. */
  static final Duration LEFT_MIN = Duration.ofSeconds(20);

  /** How far two services' clocks may differ. */
  static final Duration SKEW_MAX = Duration.ofSeconds(5);

  private static final String BEARER = "Bearer ";
  private static final int REMEMBERED_MAX = 1000;

  private final String service;
  private final OctetKeyPairJsonWebKey privateKey;
  private final PublicKeys publicKeys;
  private final InstantSource clock;
  private final Map<String, Signed> signed = new ConcurrentHashMap<>();
  private final Map<String, Proved> proved = new ConcurrentHashMap<>();

  private record Signed(String authorization, Instant usedUntil) {}

  private record Proved(String issuer, Instant ends, int reading) {}

  ServiceTokens(String service, Path privateKeyFile, Path publicKeysFile, InstantSource clock) {
    this.service = service;
    this.clock = clock;
    this.privateKey = readPrivateKey(service, privateKeyFile);
    this.publicKeys = new PublicKeys(publicKeysFile, clock);
  }

  private static OctetKeyPairJsonWebKey readPrivateKey(String service, Path file) {
    String advice = ". Make it with ServiceKeys, and give it to the service's own user.";
    try {
      if (PublicJsonWebKey.Factory.newPublicJwk(Files.readString(file))
              instanceof OctetKeyPairJsonWebKey key
          && key.getPrivateKey() != null
          && service.equals(ServiceKeys.serviceOf(key))) {
        return key;
      }
    } catch (IOException e) {
      throw new TransportException(
          "Could not read the private key [service=%s, file=%s]: %s%s"
              .formatted(service, file, e, advice),
          e);
    } catch (JoseException e) { // its text may hold the key
      throw new TransportException(
          "Could not read the private key [service=%s, file=%s]: it is not a JSON web key%s"
              .formatted(service, file, advice));
    }
    throw new TransportException(
        "Could not read the private key [service=%s, file=%s]: it is not that service's%s"
            .formatted(service, file, advice));
  }

  /** Signs xids with the same keys. */
  XidSigner xidSigner() {
    return new KeyedXidSigner(service, privateKey.getPrivateKey(), publicKeys);
  }

  /** What proves this service to another, as it stands in the header {@code authorization}. */
  String authorizationFor(String audience) {
    Instant now = clock.instant();
    Signed kept = signed.get(audience);
    if (kept != null && now.isBefore(kept.usedUntil())) {
      return kept.authorization();
    }
    Signed fresh = sign(audience, now);
    keep(signed, audience, fresh);
    return fresh.authorization();
  }

  private Signed sign(String audience, Instant now) {
    Instant ends = now.plus(LIFE_MAX);
    JwtClaims claims = new JwtClaims();
    claims.setIssuer(service);
    claims.setAudience(audience);
    claims.setIssuedAt(NumericDate.fromSeconds(now.getEpochSecond()));
    claims.setExpirationTime(NumericDate.fromSeconds(ends.getEpochSecond()));
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmHeaderValue(AlgorithmIdentifiers.EDDSA);
    signature.setKeyIdHeaderValue(privateKey.getKeyId());
    signature.setKey(privateKey.getPrivateKey());
    signature.setPayload(claims.toJson());
    try {
      return new Signed(BEARER + signature.getCompactSerialization(), ends.minus(LEFT_MIN));
    } catch (JoseException e) {
      throw new TransportException("Could not sign a token [audience=" + audience + "].", e);
    }
  }

  /** Whether a header {@code authorization} holds a token, whatever it is worth. */
  static boolean isToken(String authorization) {
    return authorization.regionMatches(true, 0, BEARER, 0, BEARER.length());
  }

  /**
   * Proves that a header {@code authorization} holds a token that is meant for this service.
   *
   * @return the service that signed it
   * @throws ProblemException 401 if it does not count
   */
  String issuerOf(String authorization) {
    Loaded keys = publicKeys.current();
    Instant now = clock.instant();
    Proved known = proved.get(authorization);
    if (known != null && known.reading() == keys.reading() && now.isBefore(known.ends())) {
      return known.issuer();
    }
    Proved fresh = prove(authorization.substring(BEARER.length()).trim(), keys, now);
    keep(proved, authorization, fresh);
    return fresh.issuer();
  }

  private Proved prove(String token, Loaded keys, Instant now) {
    @Nullable Key[] signer = new Key[1];
    try {
      JwtClaims claims =
          new JwtConsumerBuilder()
              .setJwsAlgorithmConstraints(ConstraintType.PERMIT, AlgorithmIdentifiers.EDDSA)
              .setExpectedAudience(service)
              .setRequireExpirationTime()
              .setRequireIssuedAt()
              .setEvaluationTime(NumericDate.fromMilliseconds(now.toEpochMilli()))
              .setAllowedClockSkewInSeconds((int) SKEW_MAX.toSeconds())
              .setVerificationKeyResolver(
                  (signature, nesting) -> {
                    Key key = find(keys, signature.getKeyIdHeaderValue());
                    signer[0] = key;
                    return key.key();
                  })
              .build()
              .processToClaims(token);
      Instant issued = Instant.ofEpochSecond(claims.getIssuedAt().getValue());
      Instant ends = Instant.ofEpochSecond(claims.getExpirationTime().getValue());
      if (signer[0] == null || !signer[0].service().equals(claims.getIssuer())) {
        throw refused("it is signed by a key of another service than its issuer");
      }
      if (Duration.between(issued, ends).compareTo(LIFE_MAX) > 0
          || issued.isAfter(now.plus(SKEW_MAX))) {
        throw refused("it counts for more than " + LIFE_MAX.toSeconds() + " s, or not yet");
      }
      return new Proved(signer[0].service(), ends.plus(SKEW_MAX), keys.reading());
    } catch (InvalidJwtException e) {
      throw refused(reason(e));
    } catch (MalformedClaimException e) {
      throw refused("a claim has the wrong form");
    }
  }

  private static Key find(Loaded keys, @Nullable String keyId) throws UnresolvableKeyException {
    if (keyId == null) {
      throw new UnresolvableKeyException("no kid");
    }
    return keys.find(keyId).orElseThrow(() -> new UnresolvableKeyException("unknown kid"));
  }

  /** The library's own text holds the token. */
  private static String reason(InvalidJwtException e) {
    if (e.hasExpired()) {
      return "it has expired";
    }
    if (e.hasErrorCode(ErrorCodes.AUDIENCE_INVALID)
        || e.hasErrorCode(ErrorCodes.AUDIENCE_MISSING)) {
      return "it is meant for another service";
    }
    if (e.hasErrorCode(ErrorCodes.SIGNATURE_INVALID)) {
      return "its signature is wrong";
    }
    return "it is malformed, or signed by an unknown key";
  }

  private static ProblemException refused(String reason) {
    return new ProblemException(
        Problems.unauthenticated(
            "Could not accept the token: " + reason + ". Check keys, clocks and addresses."));
  }

  private static <V> void keep(Map<String, V> cache, String key, V value) {
    if (cache.size() >= REMEMBERED_MAX) {
      cache.clear();
    }
    cache.put(key, value);
  }
}
