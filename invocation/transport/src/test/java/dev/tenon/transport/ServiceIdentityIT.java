package dev.tenon.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedRequest.Slot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Set;
import java.util.function.Consumer;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.NumericDate;
import org.jose4j.keys.HmacKey;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServiceIdentityIT {
  private static final Instant NOW = Instant.parse("2026-11-23T10:00:00Z");

  @TempDir private Path directory;
  private volatile Instant now = NOW;
  private final InstantSource clock = () -> now;

  @BeforeEach
  void makeKeys() {
    ServiceKeys.generate(directory, "order", "inventory", "payment");
  }

  private ServiceIdentity identity(String service) {
    return ServiceIdentity.load(
        service,
        ServiceKeys.privateKeyFile(directory, service),
        directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE),
        clock);
  }

  private static RequestHeaders signed(ServiceIdentity by, String audience) {
    RequestHeadersBuilder headers = RequestHeaders.builder(HttpMethod.POST, "/");
    by.sign(headers, audience);
    return headers.build();
  }

  private static RequestHeaders bearer(String token) {
    return RequestHeaders.of(HttpMethod.POST, "/", "authorization", "Bearer " + token);
  }

  private String token(String signer, Consumer<JwtClaims> change) throws Exception {
    OctetKeyPairJsonWebKey key =
        (OctetKeyPairJsonWebKey)
            PublicJsonWebKey.Factory.newPublicJwk(
                Files.readString(ServiceKeys.privateKeyFile(directory, signer)));
    JwtClaims claims = new JwtClaims();
    claims.setIssuer(signer);
    claims.setAudience("order");
    claims.setIssuedAt(NumericDate.fromSeconds(now.getEpochSecond()));
    claims.setExpirationTime(NumericDate.fromSeconds(now.getEpochSecond() + 60));
    change.accept(claims);
    JsonWebSignature signature = new JsonWebSignature();
    signature.setAlgorithmHeaderValue("EdDSA");
    signature.setKeyIdHeaderValue(key.getKeyId());
    signature.setKey(key.getPrivateKey());
    signature.setPayload(claims.toJson());
    return signature.getCompactSerialization();
  }

  private static void assertRefused(ServiceIdentity by, RequestHeaders headers, String reason) {
    ProblemException refused =
        catchThrowableOfType(ProblemException.class, () -> by.caller(headers));
    assertThat(refused).isNotNull();
    assertThat(refused.problem().status()).isEqualTo(401);
    assertThat(refused).hasMessageContaining(reason);
  }

  @Test
  void provesTheCaller() {
    assertThat(identity("order").caller(signed(identity("inventory"), "order")))
        .isEqualTo("inventory");
  }

  @Test
  void keepsPrivateKeysFromOthers() throws IOException {
    Path key = ServiceKeys.privateKeyFile(directory, "order");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(key)))
        .isEqualTo("rw-------");
    assertThat(Files.readString(directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE)))
        .contains("\"service\":\"order\"", "\"x\":")
        .doesNotContain("\"d\":");
    assertThat(directory).isDirectoryNotContaining("glob:**.new");
  }

  @Test
  void refusesWhatIsNotProved() throws Exception {
    ServiceIdentity order = identity("order");

    assertRefused(order, RequestHeaders.of(HttpMethod.POST, "/"), "header authorization");
    assertRefused(
        order,
        RequestHeaders.of(HttpMethod.POST, "/", "tenon-service", "inventory"),
        "header authorization");
    assertRefused(order, bearer("x"), "malformed");
    assertRefused(order, bearer(token("inventory", c -> {}) + "x"), "signature");
    assertRefused(order, signed(identity("inventory"), "payment"), "another service");
    assertRefused(order, bearer(token("inventory", c -> c.setIssuer("payment"))), "its issuer");
    assertRefused(order, bearer(token("inventory", c -> c.unsetClaim("exp"))), "malformed");
    assertRefused(order, bearer(token("inventory", c -> c.unsetClaim("iat"))), "malformed");
    assertRefused(
        order,
        bearer(
            token(
                "inventory",
                c -> c.setExpirationTime(NumericDate.fromSeconds(now.getEpochSecond() + 61)))),
        "more than 60 s");
    assertRefused(
        order,
        bearer(
            token(
                "inventory",
                c -> {
                  c.setIssuedAt(NumericDate.fromSeconds(now.getEpochSecond() + 6));
                  c.setExpirationTime(NumericDate.fromSeconds(now.getEpochSecond() + 60));
                })),
        "not yet");
  }

  @Test
  void acceptsOnlyItsOwnAlgorithm() throws Exception {
    JwtClaims claims = new JwtClaims();
    claims.setIssuer("inventory");
    claims.setAudience("order");
    claims.setIssuedAt(NumericDate.fromSeconds(now.getEpochSecond()));
    claims.setExpirationTime(NumericDate.fromSeconds(now.getEpochSecond() + 60));
    JsonWebSignature signature = new JsonWebSignature();
    signature.setPayload(claims.toJson());
    signature.setKeyIdHeaderValue(
        PublicJsonWebKey.Factory.newPublicJwk(
                Files.readString(ServiceKeys.privateKeyFile(directory, "inventory")))
            .getKeyId());
    signature.setAlgorithmHeaderValue("HS256");
    signature.setKey(new HmacKey(new byte[32]));
    assertRefused(identity("order"), bearer(signature.getCompactSerialization()), "malformed");

    signature.setAlgorithmConstraints(org.jose4j.jwa.AlgorithmConstraints.NO_CONSTRAINTS);
    signature.setAlgorithmHeaderValue("none");
    signature.setKey(null);
    assertRefused(identity("order"), bearer(signature.getCompactSerialization()), "malformed");
  }

  @Test
  void refusesAnExpiredTokenAlsoOneItHadAccepted() {
    ServiceIdentity order = identity("order");
    RequestHeaders headers = signed(identity("inventory"), "order");

    assertThat(order.caller(headers)).isEqualTo("inventory");
    now = NOW.plusSeconds(64);
    assertThat(order.caller(headers)).isEqualTo("inventory");
    now = NOW.plusSeconds(65);
    assertRefused(order, headers, "expired");
    assertRefused(identity("order"), headers, "expired");
  }

  @Test
  void usesATokenAgainUntilShortlyBeforeItsEnd() {
    ServiceIdentity inventory = identity("inventory");
    RequestHeaders first = signed(inventory, "order");

    now = NOW.plusSeconds(39);
    assertThat(signed(inventory, "order")).isEqualTo(first);
    now = NOW.plusSeconds(40);
    assertThat(signed(inventory, "order")).isNotEqualTo(first);
  }

  @Test
  void rotatesKeysByOverlapWithoutARestart() throws Exception {
    ServiceIdentity order = identity("order");
    ServiceIdentity oldInventory = identity("inventory");
    assertThat(order.caller(signed(oldInventory, "order"))).isEqualTo("inventory");

    ServiceKeys.generate(directory, "inventory");
    ServiceIdentity newInventory = identity("inventory");
    assertRefused(order, signed(newInventory, "order"), "unknown key");

    now = NOW.plusSeconds(1);
    assertThat(order.caller(signed(newInventory, "order"))).isEqualTo("inventory");
    assertThat(order.caller(signed(oldInventory, "order"))).isEqualTo("inventory");

    ServiceKeys.generate(directory, "inventory");
    ServiceKeys.generate(directory, "inventory");
    now = NOW.plusSeconds(2);
    assertThat(order.caller(signed(newInventory, "order"))).isEqualTo("inventory");
    assertRefused(order, signed(oldInventory, "order"), "unknown key");
  }

  @Test
  void keepsItsKeysWhileTheFileIsBroken() throws Exception {
    ServiceIdentity order = identity("order");
    Path file = directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE);
    Files.writeString(file, "{");
    Files.setLastModifiedTime(file, FileTime.from(NOW));
    now = NOW.plusSeconds(1);

    assertThat(order.caller(bearer(token("inventory", c -> {})))).isEqualTo("inventory");
  }

  @Test
  void saysWhichKeyIsMissingOrWrong() throws Exception {
    assertThatThrownBy(() -> ServiceIdentity.load("user", directory))
        .isInstanceOf(TransportException.class)
        .hasMessageContaining("Could not read the private key [service=user, file=");
    Files.copy(directory.resolve("order.key"), directory.resolve("user.key"));
    assertThatThrownBy(() -> ServiceIdentity.load("user", directory))
        .hasMessageContaining("it is not that service's");
    Files.writeString(directory.resolve("user.key"), "{\"kty\":\"OKP\",\"d\":\"secret\"}");
    assertThatThrownBy(() -> ServiceIdentity.load("user", directory))
        .hasMessageContaining("it is not a JSON web key")
        .hasMessageNotContaining("secret");
    Files.delete(directory.resolve(ServiceKeys.PUBLIC_KEYS_FILE));
    assertThatThrownBy(() -> identity("order"))
        .hasMessageContaining("Could not read the services' public keys");
    assertThatThrownBy(() -> ServiceKeys.generate(directory, "../x"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void listensBeyondLoopbackOnlyWithKeys() {
    assertThatThrownBy(
            () ->
                TenonPort.builder(ServiceIdentity.development("order"))
                    .bindAddress("0.0.0.0")
                    .open())
        .isInstanceOf(TransportException.class)
        .hasMessageContaining("address=0.0.0.0")
        .hasMessageContaining("without service keys everybody could read the feed");

    try (TenonPort port =
        TenonPort.builder(identity("order"))
            .bindAddress("0.0.0.0")
            .advertisedHost("order.internal")
            .open()) {
      assertThat(port.address()).isEqualTo("order.internal:" + port.port());
    }
  }

  @Test
  void servesOnlyWhoProvesToBeTheSubscriber() throws Exception {
    FakeFeedSource source = new FakeFeedSource("order");
    source.appendMany(1, 1);
    try (TenonPort port = TenonPort.builder(identity("order")).open();
        HttpFeedTransport inventory = transport("inventory", port);
        HttpFeedTransport order = transport("order", port);
        HttpFeedTransport pretender =
            HttpFeedTransport.builder(
                    ServiceIdentity.development("inventory"),
                    MovingEndpoints.callsTo(port.address()))
                .build()) {
      port.serve(source);

      try (var stream = inventory.open(request("inventory"))) {
        assertThat(stream.next(Duration.ofSeconds(10))).isPresent();
      }
      assertThat(reasonOf(() -> inventory.open(request("payment")))).isEqualTo(Reason.FORBIDDEN);
      assertThat(reasonOf(() -> pretender.open(request("inventory")))).isEqualTo(Reason.FORBIDDEN);
      order.wake(port.address());
      assertThat(source.wakes).hasValue(1);
      // A token for itself says nothing to another service.
      assertThat(reasonOf(() -> inventory.wake(port.address()))).isEqualTo(Reason.FORBIDDEN);
      assertThat(source.requests).hasSize(1);
    }
  }

  private HttpFeedTransport transport(String service, TenonPort port) {
    return HttpFeedTransport.builder(identity(service), MovingEndpoints.callsTo(port.address()))
        .build();
  }

  private static FeedRequest request(String subscriber) {
    return new FeedRequest(
        "order",
        subscriber,
        "orders",
        Set.of("order-placed"),
        new Slot(0, 1),
        new Position.Beginning());
  }

  private static Reason reasonOf(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    return catchThrowableOfType(FeedException.class, call).reason();
  }
}
