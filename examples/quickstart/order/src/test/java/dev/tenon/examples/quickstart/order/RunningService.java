package dev.tenon.examples.quickstart.order;

import dev.tenon.testing.database.Database;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.io.DefaultResourceLoader;

/** A service of the quickstart, running in this JVM on free ports with a database of its own. */
final class RunningService implements AutoCloseable {
  private static final HttpClient http = HttpClient.newHttpClient();

  private final ConfigurableApplicationContext context;

  private RunningService(ConfigurableApplicationContext context) {
    this.context = context;
  }

  /** An answer over HTTP. */
  record Answer(int status, String body) {}

  static RunningService start(
      Class<?> application, Database database, Map<String, Integer> tenonPorts) throws Exception {
    ServiceClassLoader classes = new ServiceClassLoader(application);
    String name = application.getSimpleName().replace("Application", "").toLowerCase(Locale.ROOT);
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--server.port=0",
                "--tenon.dev=true",
                "--tenon.port=" + tenonPorts.get(name),
                "--spring.datasource.url=" + database.jdbcUrl(),
                "--spring.datasource.username=" + database.user(),
                "--spring.datasource.password=" + database.password(),
                "--spring.main.banner-mode=off"));
    tenonPorts.forEach(
        (service, port) -> arguments.add("--tenon.addresses." + service + "=127.0.0.1:" + port));
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(classes);
    try {
      SpringApplication spring =
          new SpringApplication(
              new DefaultResourceLoader(classes), classes.loadClass(application.getName()));
      return new RunningService(spring.run(arguments.toArray(String[]::new)));
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  Answer get(String path) {
    return send("GET", path, "");
  }

  Answer post(String path, String body) {
    return send("POST", path, body);
  }

  Answer delete(String path) {
    return send("DELETE", path, "");
  }

  private Answer send(String method, String path, String body) {
    String port = context.getEnvironment().getRequiredProperty("local.server.port");
    HttpRequest request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body))
            .build();
    try {
      HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
      return new Answer(response.statusCode(), response.body());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    context.close();
  }
}
