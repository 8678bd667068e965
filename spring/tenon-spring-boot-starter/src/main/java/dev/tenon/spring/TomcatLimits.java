package dev.tenon.spring;

import dev.tenon.spring.TenonProperties.Limits;
import java.util.function.Consumer;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardHost;
import org.apache.catalina.valves.ErrorReportValve;
import org.apache.coyote.Request;
import org.apache.coyote.UpgradeProtocol;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.apache.coyote.http2.Http2Protocol;
import org.springframework.boot.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.core.Ordered;
import org.springframework.core.env.Environment;

/**
 * Sets the limits of server.port, where it is Tomcat's, that the application has not set itself: by
 * a setting of {@code server.*}, which is looked for, or by a customizer of its own, which comes
 * later. Tomcat's own protection against floods of frames stays as it is. What Tomcat refuses
 * itself is answered with a problem document.
 */
final class TomcatLimits
    implements WebServerFactoryCustomizer<ConfigurableTomcatWebServerFactory>, Ordered {
  /** After Spring Boot's, which are 0 and write what the settings say; before an application's. */
  static final int ORDER = 10;

  private final Limits limits;
  private final Environment environment;

  TomcatLimits(Limits limits, Environment environment) {
    this.limits = limits;
    this.environment = environment;
  }

  @Override
  public int getOrder() {
    return ORDER;
  }

  @Override
  public void customize(ConfigurableTomcatWebServerFactory factory) {
    factory.addConnectorCustomizers(
        connector -> {
          if (isUnset("server.http2.enabled")) {
            connector.addUpgradeProtocol(new DirectHttp2());
          }
          limit(connector);
        });
    factory.addContextCustomizers(
        context -> {
          context
              .getPipeline()
              .addValve(
                  new RequestBodyValve(
                      limits.webRequestBytesMax().toBytes(), limits.webBodyTimeout()));
          if (context.getParent() instanceof StandardHost host) {
            reportProblems(host);
          }
        });
  }

  /** Unless the application has said how what Tomcat itself refuses is reported. */
  private static void reportProblems(StandardHost host) {
    if (ErrorReportValve.class.getName().equals(host.getErrorReportValveClass())) {
      host.setErrorReportValveClass(ProblemReportValve.class.getName());
      host.getPipeline().addValve(new ProblemReportValve());
    }
  }

  private void limit(Connector connector) {
    connector.setProperty("maxHeaderCount", String.valueOf(limits.headersMax()));
    if (connector.getProtocolHandler() instanceof AbstractHttp11Protocol<?> http11) {
      int headerBytes = (int) Math.min(Integer.MAX_VALUE, limits.headerBytesMax().toBytes());
      unlessSet(
          "server.max-http-request-header-size", headerBytes, http11::setMaxHttpRequestHeaderSize);
      unlessSet(
          "server.tomcat.max-connections", limits.connectionsMax(), http11::setMaxConnections);
      unlessSet(
          "server.tomcat.connection-timeout",
          (int) limits.requestTimeout().toMillis(),
          http11::setConnectionTimeout);
      unlessSet(
          "server.tomcat.keep-alive-timeout",
          (int) limits.idleTimeout().toMillis(),
          http11::setKeepAliveTimeout);
    }
    for (UpgradeProtocol upgrade : connector.findUpgradeProtocols()) {
      if (upgrade instanceof Http2Protocol http2) {
        http2.setMaxHeaderCount(limits.headersMax());
        http2.setMaxConcurrentStreams(limits.webStreamsPerConnectionMax());
        unlessSet(
            "server.tomcat.keep-alive-timeout",
            (int) limits.idleTimeout().toMillis(),
            http2::setKeepAliveTimeout);
      }
    }
  }

  private void unlessSet(String property, int value, Consumer<Integer> setter) {
    if (isUnset(property)) {
      setter.accept(value);
    }
  }

  private boolean isUnset(String property) {
    return !environment.containsProperty(property);
  }

  /**
   * HTTP/2 by ALPN and by prior knowledge, but not by an HTTP/1.1 request that asks to upgrade: for
   * that Tomcat would keep the request's body, refuse one of more than 4 KiB, and wait for it
   * without a limit. Such a request is answered over HTTP/1.1.
   */
  private static final class DirectHttp2 extends Http2Protocol {
    @Override
    public boolean accept(Request request) {
      return false;
    }
  }
}
