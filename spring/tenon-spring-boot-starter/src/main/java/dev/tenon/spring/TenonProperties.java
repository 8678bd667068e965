package dev.tenon.spring;

import dev.tenon.messaging.MessagingConfig;
import dev.tenon.runtime.Backoff;
import dev.tenon.transport.PortLimits;
import dev.tenon.transport.TlsFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.util.unit.DataSize;

/**
 * What a service tells Tenon.
 *
 * @param service The name of this service: lower-case letters, digits and dashes. Required.
 * @param datasource The bean name of the service's own DataSource. Needed if there are several, and
 *     none is primary.
 * @param migrations Where the service's Flyway migrations are. Unless set, Tenon runs those in
 *     classpath:db/migration, if there are any and Spring Boot's own Flyway module is absent.
 * @param schema The schema of Tenon's own tables: lower-case letters, digits and underscores. One
 *     of its own for each of several services that share a database.
 * @param host The address that the Tenon port listens on; any but loopback needs keys or
 *     certificates.
 * @param advertisedHost The host by which others reach the Tenon port. Unless set, the one it
 *     listens on.
 * @param port The Tenon port, where other services read this one's messages; 0 takes a free one. It
 *     is opened only if the service has topics, subscriptions or something to serve on it.
 * @param addresses Where other services' Tenon ports are, by the name of the service: host:port, or
 *     several, separated by commas.
 * @param dev Whether the service may run without keys and certificates, on loopback only: for a
 *     developer's machine.
 * @param keys What services prove their identity with.
 * @param tls The certificate by which the Tenon port and calls to other services are encrypted, and
 *     by which services prove their identity, with or without keys.
 * @param limits What slow, faulty and hostile peers can take of the Tenon port and of server.port.
 * @param cleanExit Whether the process ends with status 0, not 143, once SIGTERM has been obeyed.
 * @param clockOffsetFile For tests: a file with the milliseconds by which Tenon's clock in this
 *     process differs from this machine's. It is read again a few times a second.
 * @param messaging Topics and limits of messaging.
 * @param idempotency Limits of requests with an idempotency key.
 */
@ConfigurationProperties("tenon")
record TenonProperties(
    @Nullable String service,
    @Nullable String datasource,
    @Nullable List<String> migrations,
    @DefaultValue("tenon") String schema,
    @DefaultValue("127.0.0.1") String host,
    @Nullable String advertisedHost,
    @DefaultValue("7450") int port,
    @DefaultValue Map<String, List<String>> addresses,
    @DefaultValue("false") boolean dev,
    @DefaultValue Keys keys,
    @DefaultValue Tls tls,
    @DefaultValue Limits limits,
    @DefaultValue("true") boolean cleanExit,
    @Nullable Path clockOffsetFile,
    @DefaultValue Messaging messaging,
    @DefaultValue Idempotency idempotency) {

  String requiredService() {
    if (service == null || service.isBlank()) {
      throw new SetupException(
          "Tenon does not know the name of this service.",
          "Set tenon.service, such as tenon.service=order.");
    }
    if (!service.matches("[a-z][a-z0-9-]{0,62}")) {
      throw new SetupException(
          "tenon.service is '" + service + "', which is no name of a service.",
          "Use lower-case letters, digits and dashes, a letter first, at most 63 in all.");
    }
    return service;
  }

  /** The name of the schema of Tenon's own tables. */
  String checkedSchema() {
    if (!schema.matches("[a-z][a-z0-9_]{0,62}")) {
      throw new SetupException(
          "tenon.schema is '" + schema + "', which is no name of a schema.",
          "Use lower-case letters, digits and underscores, a letter first, at most 63 in all.");
    }
    return schema;
  }

  /**
   * What services prove their identity with.
   *
   * @param directory The directory with the public keys of all services, and this one's private
   *     key.
   */
  record Keys(@Nullable Path directory) {}

  /**
   * The certificate for TLS on the Tenon port: a directory, or the three files. They are looked at
   * again when they change.
   *
   * @param directory The directory with [service].cert.pem, [service].key.pem and ca.cert.pem, as
   *     ./tenon certs makes them.
   * @param certificate The PEM file with the service's certificate and those between it and a
   *     trusted one.
   * @param key The PEM file with the certificate's private key.
   * @param trusted The PEM file with the certificates of the authorities that sign services'
   *     certificates.
   */
  record Tls(
      @Nullable Path directory,
      @Nullable Path certificate,
      @Nullable Path key,
      @Nullable Path trusted) {

    /** The files for a service; empty if none are set. */
    Optional<TlsFiles> files(String service) {
      boolean some = certificate != null || key != null || trusted != null;
      if (directory != null) {
        if (some) {
          throw new SetupException(
              "tenon.tls names both a directory and single files.",
              "Set tenon.tls.directory, or tenon.tls.certificate, key and trusted.");
        }
        return Optional.of(TlsFiles.in(directory, service));
      }
      if (certificate != null && key != null && trusted != null) {
        return Optional.of(new TlsFiles(certificate, key, trusted));
      }
      if (some) {
        throw new SetupException(
            "tenon.tls names some of its files, but not all.",
            "Set tenon.tls.certificate, tenon.tls.key and tenon.tls.trusted, or a directory.");
      }
      return Optional.empty();
    }
  }

  /**
   * What slow, faulty and hostile peers can take of the Tenon port and, where that is Tomcat's, of
   * server.port. There, a setting of server.* that is set goes before these.
   *
   * @param headerBytesMax The most bytes of a request's headers, on both ports.
   * @param headersMax The most headers of a request, on both ports.
   * @param connectionsMax The most connections, on each port.
   * @param connectionsPerAddressMax The most connections from one network address, on the Tenon
   *     port.
   * @param idleTimeout How long a connection stays open that has no request under way, on both
   *     ports.
   * @param connectionAgeMax How old a connection to the Tenon port gets before its peer is told to
   *     open another, so that changed certificates and instances take effect.
   * @param requestBytesMax The most bytes of a request's body, on the Tenon port.
   * @param requestTimeout How long a request to the Tenon port may take, its body among it, unless
   *     its caller or handler says otherwise.
   * @param streamsPerConnectionMax The most requests at once on one HTTP/2 connection to the Tenon
   *     port, open feeds among them.
   * @param resetsPerSecondMax How many requests a peer may take back in a second on one HTTP/2
   *     connection to the Tenon port, on average over ten seconds.
   * @param controlFramesPerSecondMax How many frames that only make work a peer may send in a
   *     second on one HTTP/2 connection to the Tenon port, on average over ten seconds.
   * @param webRequestBytesMax The most bytes of a request's body on server.port, but for multipart
   *     forms, which have spring.servlet.multipart.max-request-size. A larger one is answered 413;
   *     0 lifts the limit.
   * @param webBodyTimeout How long the body of a request on server.port may take to come. A slower
   *     one is answered 408; 0 lifts the limit.
   * @param webStreamsPerConnectionMax The most requests at once on one HTTP/2 connection to
   *     server.port.
   */
  record Limits(
      @DefaultValue("16KB") DataSize headerBytesMax,
      @DefaultValue("128") int headersMax,
      @DefaultValue("4096") int connectionsMax,
      @DefaultValue("512") int connectionsPerAddressMax,
      @DefaultValue("1m") Duration idleTimeout,
      @DefaultValue("1h") Duration connectionAgeMax,
      @DefaultValue("1MB") DataSize requestBytesMax,
      @DefaultValue("10s") Duration requestTimeout,
      @DefaultValue("2048") int streamsPerConnectionMax,
      @DefaultValue("200") int resetsPerSecondMax,
      @DefaultValue("100") int controlFramesPerSecondMax,
      @DefaultValue("8MB") DataSize webRequestBytesMax,
      @DefaultValue("1m") Duration webBodyTimeout,
      @DefaultValue("100") int webStreamsPerConnectionMax) {

    PortLimits port() {
      return PortLimits.defaults()
          .headerBytesMax(bytes(headerBytesMax))
          .headersMax(headersMax)
          .connectionsMax(connectionsMax)
          .connectionsPerAddressMax(connectionsPerAddressMax)
          .idleTimeout(idleTimeout)
          .connectionAgeMax(connectionAgeMax)
          .requestBytesMax(bytes(requestBytesMax))
          .requestTimeout(requestTimeout)
          .streamsPerConnectionMax(streamsPerConnectionMax)
          .resetsPerSecondMax(resetsPerSecondMax)
          .controlFramesPerSecondMax(controlFramesPerSecondMax);
    }
  }

  private static int bytes(DataSize size) {
    return (int) Math.min(Integer.MAX_VALUE, size.toBytes());
  }

  /**
   * Topics and limits of messaging.
   *
   * @param topics Topics that this service publishes, by name, beside those that are beans. Put a
   *     name with dots into brackets: tenon.messaging.topics[order.placed].subscribers.
   * @param messageBytesMax The most bytes of one message's payload, up to 64MB.
   * @param batchMessagesMax The most messages in a batch, which is one commit of the subscriber.
   * @param batchBytesMax The most payload bytes in a batch, but for one larger message.
   * @param slots How many batches of a new subscription can run at once, over all instances. A
   *     subscription keeps the number it was made with.
   * @param attemptsMax How often a message is tried before it is parked.
   * @param failedKeysMax How many keys of one slot may have failed messages; at the limit the slot
   *     reads nothing more until some are done with.
   * @param retryFirst How long to wait after the first failure of a message, or of reaching a
   *     service; the wait doubles from there.
   * @param retryLongest The longest wait between two attempts.
   * @param lease How long a part of a subscription belongs to an instance that does not renew it:
   *     what a dead instance worked on is taken over soon after.
   * @param pollInterval How often loops look by themselves when nothing wakes them.
   * @param windowGapMax How long a message waits at most for others to be handed out with it; it
   *     does so only while many come.
   * @param retention How long messages are kept at least, also when everybody has read them.
   * @param subscriberHoldMax How long messages are kept at most for a subscriber that does not
   *     come.
   * @param subscriptionsPerSubscriberMax How many subscriptions one other service may have here.
   * @param partitionRows How many messages a partition of the log holds: the unit in which old ones
   *     are dropped.
   */
  record Messaging(
      @DefaultValue Map<String, TopicSettings> topics,
      @DefaultValue("1MB") DataSize messageBytesMax,
      @DefaultValue("500") int batchMessagesMax,
      @DefaultValue("4MB") DataSize batchBytesMax,
      @DefaultValue("4") int slots,
      @DefaultValue("10") int attemptsMax,
      @DefaultValue("10000") int failedKeysMax,
      @DefaultValue("200ms") Duration retryFirst,
      @DefaultValue("1m") Duration retryLongest,
      @DefaultValue("3s") Duration lease,
      @DefaultValue("1s") Duration pollInterval,
      @DefaultValue("25ms") Duration windowGapMax,
      @DefaultValue("24h") Duration retention,
      @DefaultValue("7d") Duration subscriberHoldMax,
      @DefaultValue("100") int subscriptionsPerSubscriberMax,
      @DefaultValue("1000000") int partitionRows) {

    MessagingConfig config() {
      return MessagingConfig.defaults()
          .messageBytesMax(bytes(messageBytesMax))
          .batchMessagesMax(batchMessagesMax)
          .batchBytesMax(bytes(batchBytesMax))
          .slots(slots)
          .attemptsMax(attemptsMax)
          .failedKeysMax(failedKeysMax)
          .backoff(new Backoff(retryFirst, retryLongest))
          .lease(lease)
          .pollInterval(pollInterval)
          .windowGapMax(windowGapMax)
          .retention(retention)
          .subscriberHoldMax(subscriberHoldMax)
          .subscriptionsPerSubscriberMax(subscriptionsPerSubscriberMax)
          .partitionRows(partitionRows);
    }
  }

  /**
   * Limits of requests with an idempotency key.
   *
   * @param retention How long an answer is kept at least, to be given again.
   * @param requestBytesMax The most bytes of a request's body.
   * @param replyBytesMax The most bytes of an answer's body, up to 16MB.
   */
  record Idempotency(
      @DefaultValue("24h") Duration retention,
      @DefaultValue("1MB") DataSize requestBytesMax,
      @DefaultValue("1MB") DataSize replyBytesMax) {

    MessagingConfig addedTo(MessagingConfig config) {
      return config.replyRetention(retention).replyBytesMax(replyBytes());
    }

    int requestBytes() {
      return (int) Math.min(Integer.MAX_VALUE - 1, requestBytesMax.toBytes());
    }

    int replyBytes() {
      return (int) Math.min(Integer.MAX_VALUE, replyBytesMax.toBytes());
    }
  }

  /**
   * A topic that this service publishes.
   *
   * @param subscribers The services that may subscribe; * stands for every known service.
   */
  record TopicSettings(@DefaultValue List<String> subscribers) {}
}
