package dev.tenon.transport;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import com.linecorp.armeria.common.HttpData;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.server.Route;
import dev.tenon.certificates.CertificateFiles;
import dev.tenon.certificates.CertificateFiles.Existing;
import dev.tenon.invocation.Call;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.Target;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.messaging.spi.Cursor;
import dev.tenon.messaging.spi.FeedException;
import dev.tenon.messaging.spi.FeedException.Reason;
import dev.tenon.messaging.spi.FeedReport;
import dev.tenon.messaging.spi.FeedRequest;
import dev.tenon.messaging.spi.FeedRequest.Position;
import dev.tenon.messaging.spi.FeedRequest.Slot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** TLS on the Tenon port, over real connections. */
@Timeout(120)
class TlsIT {
  private static final Duration LIFE = Duration.ofDays(90);

  @TempDir private Path root;
  private final FakeFeedSource source = new FakeFeedSource("order");

  @BeforeEach
  void makeCertificates() {
    issue("ours", "order", "inventory", "user");
    source.appendMany(1, 1);
  }

  private void issue(String directory, String... services) {
    for (String service : services) {
      CertificateFiles.in(root.resolve(directory)).issue(service, LIFE, Existing.KEEP, List.of());
    }
  }

  private ServiceIdentity certified(String service) {
    return ServiceIdentity.certified(service, TlsFiles.in(root.resolve("ours"), service));
  }

  /** An identity whose certificate ended an hour ago, which it does not know. */
  private ServiceIdentity ended(String service) {
    InstantSource before = () -> Instant.now().minus(Duration.ofDays(2));
    CertificateFiles.in(root.resolve("ours"), before)
        .issue(service, Duration.ofHours(47), Existing.RENEW, List.of());
    return ServiceIdentity.development(service)
        .withTls(new ReloadingTls(service, TlsFiles.in(root.resolve("ours"), service), before));
  }

  private TenonPort open(ServiceIdentity identity) {
    TenonPort port = TenonPort.builder(identity).graceLimit(Duration.ofSeconds(1)).open();
    if (identity.service().equals("order")) {
      port.serve(source);
    }
    return port;
  }

  private static HttpFeedTransport transport(ServiceIdentity identity, TenonPort port) {
    return HttpFeedTransport.builder(identity, MovingEndpoints.callsTo(port.address()))
        .connectTimeout(Duration.ofSeconds(30))
        .callTimeout(Duration.ofSeconds(30))
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

  private static FeedException refusal(HttpFeedTransport transport, String subscriber) {
    return catchThrowableOfType(
        FeedException.class, () -> transport.open(request(subscriber)).close());
  }

  private SSLContext trusting(KeyManager... keys) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    for (X509Certificate each : certificates(root.resolve("ours").resolve("ca.cert.pem"))) {
      store.setCertificateEntry(each.getSerialNumber().toString(), each);
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys, trust.getTrustManagers(), null);
    return context;
  }

  private static List<X509Certificate> certificates(Path file) throws Exception {
    return CertificateFactory.getInstance("X.509")
        .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file)))
        .stream()
        .map(X509Certificate.class::cast)
        .toList();
  }

  private X509Certificate shown(TenonPort port) throws Exception {
    try (SSLSocket socket =
        (SSLSocket)
            trusting()
                .getSocketFactory()
                .createSocket(InetAddress.getLoopbackAddress(), port.port())) {
      socket.startHandshake();
      return (X509Certificate) socket.getSession().getPeerCertificates()[0];
    }
  }

  private HttpResponse<String> send(TenonPort port, HttpClient.Version version, String path)
      throws Exception {
    try (HttpClient client =
        HttpClient.newBuilder().version(version).sslContext(trusting()).build()) {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create("https://localhost:" + port.port() + path));
      if (!path.endsWith("health")) {
        request.POST(HttpRequest.BodyPublishers.ofString("{}"));
      }
      return client.send(request.build(), BodyHandlers.ofString());
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"HTTP_1_1", "HTTP_2"})
  void speaksTheProtocolThatTheClientChooses(HttpClient.Version version) throws Exception {
    try (TenonPort port = open(certified("order"))) {
      HttpResponse<String> health = send(port, version, "/tenon/v1/health");

      assertThat(health.statusCode()).isEqualTo(200);
      assertThat(health.version()).isEqualTo(version);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"HTTP_1_1", "HTTP_2"})
  void refusesAStrangerWithoutACertificate(HttpClient.Version version) throws Exception {
    try (TenonPort port = open(certified("order"))) {
      HttpResponse<String> answer = send(port, version, "/tenon/v1/feed");

      assertThat(answer.statusCode()).isEqualTo(401);
      assertThat(answer.body())
          .contains(
              "Could not tell who asks [service=order]: a client certificate of an authority that"
                  + " it trusts is missing.");
    }
  }

  @Test
  void takesTheCallersNameFromItsCertificate() throws Exception {
    try (TenonPort port = open(certified("order"));
        HttpFeedTransport inventory = transport(certified("inventory"), port);
        HttpFeedTransport order = transport(certified("order"), port)) {
      try (var stream = inventory.open(request("inventory"))) {
        assertThat(stream.next(Duration.ofSeconds(30))).isPresent();
      }
      order.report(report("order"));

      assertThat(source.reports).containsExactly(report("order"));
      assertThat(refusal(inventory, "user").reason()).isEqualTo(Reason.FORBIDDEN);
    }
  }

  @Test
  void carriesCallsToServicesToo() {
    PortService whoCalls =
        PortService.of(
            Set.of(Route.builder().path("/who").build()),
            (context, request) ->
                com.linecorp.armeria.common.HttpResponse.of(IncomingCall.of(context).caller()));
    try (TenonPort port =
            TenonPort.builder(certified("order"))
                .service(whoCalls)
                .graceLimit(Duration.ofSeconds(1))
                .open();
        ServiceClient client =
            ServiceClient.builder(
                    certified("inventory"),
                    Calls.builder(
                            EndpointSource.of(
                                Map.of(
                                    "order", List.of(port.address()),
                                    "user", List.of(port.address()))))
                        .build())
                .build()) {
      port.serve(source);

      assertThat(client.call(who("order")).join().response().contentUtf8()).isEqualTo("inventory");
      assertThatThrownBy(() -> client.call(who("user")).join())
          .hasRootCauseInstanceOf(CertificateException.class)
          .hasMessageContaining("its certificate is of service order, not of service user");
    }
  }

  private static CallRequest who(String service) {
    return CallRequest.of(
        new Target(service, "who"),
        Call.Repeatable.ALWAYS,
        RequestHeaders.of(HttpMethod.POST, "/who"),
        HttpData.empty());
  }

  @Test
  void wantsTokenAndCertificateToAgree() {
    ServiceKeys.generate(root.resolve("keys"), "order", "inventory", "user");
    ServiceIdentity order =
        ServiceIdentity.load("order", root.resolve("keys"))
            .withTls(TlsFiles.in(root.resolve("ours"), "order"));
    ServiceIdentity inventory =
        ServiceIdentity.load("inventory", root.resolve("keys"))
            .withTls(TlsFiles.in(root.resolve("ours"), "inventory"));
    ServiceIdentity both = mixed("inventory", "user");
    try (TenonPort port = open(order);
        HttpFeedTransport agreeing = transport(inventory, port);
        HttpFeedTransport certificateOnly = transport(certified("inventory"), port);
        HttpFeedTransport disagreeing = transport(both, port)) {
      agreeing.open(request("inventory")).close();
      certificateOnly.open(request("inventory")).close();

      assertThat(refusal(disagreeing, "inventory"))
          .hasMessageContaining("the certificate is of user, and the token of inventory");
    }
  }

  /** Tokens of one service, and the certificate of another under the first one's file name. */
  private ServiceIdentity mixed(String service, String certificateOf) {
    TlsFiles files = TlsFiles.in(root.resolve("ours"), certificateOf);
    return ServiceIdentity.load(service, root.resolve("keys"))
        .withTls(new ReloadingTls(certificateOf, files, InstantSource.system()));
  }

  @Test
  void refusesACallerOfAnotherAuthority() {
    issue("theirs", "inventory");
    Path theirs = root.resolve("theirs");
    ServiceIdentity stranger =
        ServiceIdentity.certified(
            "inventory",
            new TlsFiles(
                theirs.resolve("inventory.cert.pem"),
                theirs.resolve("inventory.key.pem"),
                root.resolve("ours").resolve("ca.cert.pem")));
    try (TenonPort port = open(certified("order"));
        HttpFeedTransport transport = transport(stranger, port)) {
      // Told which authorities count, the client does not even show its certificate.
      FeedException refused = refusal(transport, "inventory");

      assertThat(refused.reason()).isEqualTo(Reason.FORBIDDEN);
      assertThat(refused)
          .hasMessageContaining("a client certificate of an authority that it trusts is missing");
      assertThat(source.requests).isEmpty();
    }
  }

  @Test
  void refusesACertificateOfAnotherAuthorityThatIsShownAllTheSame() throws Exception {
    issue("theirs", "inventory");
    try (TenonPort port = open(certified("order"));
        SSLSocket socket = socket(port, InsistingKeys.of("inventory", root.resolve("theirs")))) {
      assertThatThrownBy(
              () -> {
                socket.startHandshake();
                socket.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(US_ASCII));
                socket.getInputStream().readAllBytes();
              })
          .isInstanceOf(IOException.class);
      assertThat(send(port, HttpClient.Version.HTTP_2, "/tenon/v1/health").statusCode())
          .isEqualTo(200);
    }
  }

  private SSLSocket socket(TenonPort port, KeyManager keys) throws Exception {
    return (SSLSocket)
        trusting(keys)
            .getSocketFactory()
            .createSocket(InetAddress.getLoopbackAddress(), port.port());
  }

  @Test
  void refusesACallerWhoseCertificateHasEnded() {
    try (TenonPort port = open(certified("order"));
        HttpFeedTransport transport = transport(ended("inventory"), port)) {
      assertThat(refusal(transport, "inventory"))
          .hasMessageContaining("it refused this service's certificate (")
          .hasMessageContaining("Check that the certificate counts");
    }
  }

  @Test
  void callsNoServiceOfAnotherAuthority() {
    issue("theirs", "order");
    ServiceIdentity pretender =
        ServiceIdentity.certified("order", TlsFiles.in(root.resolve("theirs"), "order"));
    try (TenonPort port = open(pretender);
        HttpFeedTransport transport = transport(certified("inventory"), port)) {
      assertThat(refusal(transport, "inventory"))
          .hasMessageEndingWith(
              "its certificate is not signed by an authority that this service trusts."
                  + " Check the trusted certificates.");
    }
  }

  @Test
  void callsNoOtherServiceAtTheAddressAlsoAfterItHasCalledTheRightOne() {
    try (TenonPort port = open(certified("user"));
        HttpFeedTransport user = transport(certified("user"), port);
        HttpFeedTransport inventory = transport(certified("inventory"), port)) {
      assertThat(refusal(inventory, "inventory"))
          .hasMessageEndingWith(
              "its certificate is of service user, not of service order. Check the address.");
      // 503: it serves nothing yet. So the connection was good.
      assertThatThrownBy(() -> user.report(report("user"))).hasMessageContaining("it is starting");
      assertThat(refusal(user, "user")).hasMessageEndingWith("Check the address.");
    }
  }

  @Test
  void callsNoServiceWhoseCertificateHasEnded() {
    try (TenonPort port = open(ended("order"));
        HttpFeedTransport transport = transport(certified("inventory"), port)) {
      assertThat(refusal(transport, "inventory"))
          .hasMessageContaining("its certificate ended at ")
          .hasMessageEndingWith(". Renew it.");
    }
  }

  @Test
  void saysThatOneSideSpeaksNoTls() {
    try (TenonPort plain = open(ServiceIdentity.development("order"));
        TenonPort secret = open(certified("order"));
        HttpFeedTransport toPlain = transport(certified("inventory"), plain);
        HttpFeedTransport toSecret = transport(ServiceIdentity.development("inventory"), secret)) {
      assertThat(refusal(toPlain, "inventory")).hasMessageContaining("TLS");
      assertThat(refusal(toSecret, "inventory").reason()).isEqualTo(Reason.UNREACHABLE);
    }
  }

  @Test
  void takesRenewedFilesWhileCallsFlow() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    AtomicReference<RuntimeException> failure = new AtomicReference<>();
    AtomicBoolean done = new AtomicBoolean();
    ServiceIdentity order = certified("order");
    try (TenonPort port = open(order);
        HttpFeedTransport caller = transport(order, port);
        AutoCloseable stop = () -> done.set(true)) {
      Thread calling =
          Thread.ofVirtual()
              .start(
                  () -> {
                    while (!done.get()) {
                      try {
                        caller.report(report("order"));
                        calls.incrementAndGet();
                      } catch (RuntimeException e) {
                        failure.compareAndSet(null, e);
                      }
                    }
                  });
      X509Certificate before = shown(port);
      Path ca = root.resolve("ours").resolve("ca.cert.pem");
      CertificateFiles.in(root.resolve("ours")).changeAuthority();
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> order.serverTls().orElseThrow().trustedCertificates("*").size() == 2);
      CertificateFiles.in(root.resolve("ours")).issue("order", LIFE, Existing.RENEW, List.of());

      await().atMost(Duration.ofSeconds(60)).until(() -> !shown(port).equals(before));
      int until = calls.get() + 50;
      await().atMost(Duration.ofSeconds(60)).until(() -> calls.get() > until);
      done.set(true);
      calling.join();
      shown(port).verify(certificates(ca).getFirst().getPublicKey());
    }
    assertThat(failure.get()).isNull();
  }

  private static FeedReport report(String service) {
    return new FeedReport(
        service,
        service,
        "orders",
        new Slot(0, 1),
        new Cursor(7, FakeFeedSource.WINDOW, 42, Optional.empty()));
  }

  @Test
  void keepsWhatItHasWhileTheFilesAreBroken() throws Exception {
    Path key = root.resolve("ours").resolve("order.key.pem");
    Path certificate = root.resolve("ours").resolve("order.cert.pem");
    AtomicReference<Instant> now = new AtomicReference<>(Instant.now());
    ReloadingTls tls =
        new ReloadingTls("order", TlsFiles.in(root.resolve("ours"), "order"), now::get);
    TlsMaterial before = tls.current();

    Files.writeString(certificate, "nothing");
    now.updateAndGet(each -> each.plusSeconds(1));
    assertThat(tls.current()).isSameAs(before);
    Files.copy(
        root.resolve("ours").resolve("user.cert.pem"),
        certificate,
        StandardCopyOption.REPLACE_EXISTING);
    now.updateAndGet(each -> each.plusSeconds(1));
    assertThat(tls.current()).isSameAs(before);
    Files.delete(key);
    now.updateAndGet(each -> each.plusSeconds(1));
    assertThat(tls.current()).isSameAs(before);

    CertificateFiles.in(root.resolve("ours")).issue("order", LIFE, Existing.RENEW, List.of());
    assertThat(tls.current()).isSameAs(before);
    now.updateAndGet(each -> each.plusSeconds(1));
    assertThat(tls.current().ends()).isAfter(before.ends().minusSeconds(1));
    assertThat(tls.current()).isNotSameAs(before);
  }

  @Test
  void saysWhichFileCannotBeUsed() throws Exception {
    Path ours = root.resolve("ours");
    assertThatThrownBy(() -> ServiceIdentity.certified("payment", TlsFiles.in(ours, "payment")))
        .isInstanceOf(TransportException.class)
        .hasMessageContaining("Could not read the TLS files [service=payment]: ")
        .hasMessageContaining("payment.cert.pem")
        .hasMessageEndingWith("Make them with ./tenon certs.");
    assertThatThrownBy(() -> ServiceIdentity.certified("order", TlsFiles.in(ours, "user")))
        .hasMessageContaining("its certificate is of service user");
    TlsFiles wrongKey =
        new TlsFiles(
            ours.resolve("order.cert.pem"),
            ours.resolve("user.key.pem"),
            ours.resolve("ca.cert.pem"));
    assertThatThrownBy(() -> ServiceIdentity.certified("order", wrongKey))
        .hasMessageContaining("it is not the key of the certificate");
    TlsFiles notNamed =
        new TlsFiles(
            ours.resolve("ca.cert.pem"), ours.resolve("ca.key.pem"), ours.resolve("ca.cert.pem"));
    assertThatThrownBy(() -> ServiceIdentity.certified("order", notNamed))
        .hasMessageContaining("its certificate names no service (tenon://order is missing)");
    Files.writeString(ours.resolve("order.key.pem"), "-----BEGIN PRIVATE KEY-----\nsecret");
    assertThatThrownBy(() -> certified("order"))
        .hasMessageContaining("it holds no private key in PEM form")
        .hasMessageNotContaining("secret");
    assertThatThrownBy(
            () ->
                ServiceIdentity.development("user")
                    .withTls(
                        new ReloadingTls(
                            "user",
                            TlsFiles.in(ours, "user"),
                            () -> Instant.now().plus(LIFE).plusSeconds(60))))
        .hasMessageContaining("its certificate ended at ");
  }
}
