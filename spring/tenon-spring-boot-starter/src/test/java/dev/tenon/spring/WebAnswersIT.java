package dev.tenon.spring;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.PostgresExtension;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Import;
import org.springframework.http.HttpStatus;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** What server.port answers to bad requests, byte for byte: one problem document each. */
@Timeout(180)
class WebAnswersIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int MEGABYTE = 1 << 20;
  private static final int LIMIT_MILLIS = 60_000;

  private static ConfigurableApplicationContext context;

  record Wanted(String product, int count) {}

  @SpringBootConfiguration
  @EnableAutoConfiguration
  @Import(Web.class)
  static class Application {
    @Bean
    SecurityFilterChain everybody(HttpSecurity security) throws Exception {
      return security
          .csrf(csrf -> csrf.disable())
          .authorizeHttpRequests(requests -> requests.anyRequest().permitAll())
          .build();
    }
  }

  @RestController
  static class Web {
    @PostMapping("/wanted")
    String want(@RequestBody Wanted wanted) {
      return wanted.product();
    }

    @PostMapping("/ignored")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void ignore() {}
  }

  @BeforeAll
  static void start() {
    context =
        BootService.start(
            Application.class,
            "answers",
            postgres.freshDatabase("answers"),
            "spring.mvc.problemdetails.enabled=true",
            "tenon.limits.web-body-timeout=2s");
  }

  @AfterAll
  static void stop() {
    context.close();
  }

  /** All that comes back until the connection ends. */
  private static String answer(String head, String body) throws Exception {
    int port = Integer.parseInt(context.getEnvironment().getProperty("local.server.port"));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(LIMIT_MILLIS);
      Thread writer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      OutputStream out = socket.getOutputStream();
                      out.write(head.getBytes(ISO_8859_1));
                      out.write(body.getBytes(UTF_8));
                    } catch (IOException e) {
                      // The connection may end before all is taken.
                    }
                  });
      ByteArrayOutputStream came = new ByteArrayOutputStream();
      InputStream in = socket.getInputStream();
      try {
        in.transferTo(came);
      } catch (java.net.SocketException e) {
        // Ended while parts of the request were on their way.
      }
      writer.join();
      return came.toString(UTF_8);
    }
  }

  private static String post(String path, String... headers) {
    return "POST "
        + path
        + " HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        + String.join("\r\n", headers)
        + "\r\n\r\n";
  }

  private static String length(int bytes) {
    return "content-length: " + bytes;
  }

  private static String chunks(int chunks) {
    String chunk = Integer.toHexString(MEGABYTE) + "\r\n" + "a".repeat(MEGABYTE) + "\r\n";
    return chunk.repeat(chunks) + "0\r\n\r\n";
  }

  private static void assertOneProblem(String answer, int status) {
    assertThat(answer.replace("HTTP/1.1 100 \r\n\r\n", "")).startsWith("HTTP/1.1 " + status + " ");
    assertThat(answer.split("HTTP/1\\.1 " + status, -1)).hasSize(2);
    assertThat(answer).containsIgnoringCase("content-type: application/problem+json");
    assertThat(answer.chars().filter(c -> c == '{')).describedAs(answer).hasSize(1);
    assertThat(answer).contains("\"status\":" + status).doesNotContain("<html", "\"path\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"expect: 100-continue", "x-expect: nothing"})
  void aMalformedBodyIsAnsweredOnceHoweverLargeItIs(String expectation) throws Exception {
    int bytes = 3 * MEGABYTE;

    assertOneProblem(answer(post("/wanted", length(bytes), expectation), "a".repeat(bytes)), 400);
    assertOneProblem(answer(post("/wanted", "transfer-encoding: chunked"), chunks(4)), 400);
  }

  @Test
  void aBodyThatNobodyReadsLeavesTheAnswerAsItIs() throws Exception {
    int bytes = 3 * MEGABYTE;
    String answer = answer(post("/ignored", length(bytes)), "a".repeat(bytes));

    assertThat(answer).startsWith("HTTP/1.1 204 ").doesNotContain("{");
  }

  @Test
  void aBodyThatIsTooLargeIsAnsweredOnce() throws Exception {
    String known = answer(post("/wanted", length(9 * MEGABYTE)), "a");
    String string =
        answer(post("/wanted", "transfer-encoding: chunked"), "1\r\n\"\r\n" + chunks(9));

    assertOneProblem(known, 413);
    assertOneProblem(string, 413);
    assertThat(known).contains("\"reason\":\"too-large\"", "expected: at most 8388608 bytes");
    assertThat(string).contains("\"reason\":\"too-large\"", "expected: at most 8388608 bytes");
  }

  @Test
  void aBodyThatIsTooSlowIsAnsweredOnce() throws Exception {
    int port = Integer.parseInt(context.getEnvironment().getProperty("local.server.port"));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(LIMIT_MILLIS);
      socket.getOutputStream().write(post("/wanted", length(1000)).getBytes(ISO_8859_1));
      Thread writer =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      for (int i = 0; i < 900; i++) {
                        socket.getOutputStream().write(' ');
                        Thread.sleep(50);
                      }
                    } catch (IOException | InterruptedException e) {
                      // Ended, as it should be.
                    }
                  });
      ByteArrayOutputStream came = new ByteArrayOutputStream();
      try {
        socket.getInputStream().transferTo(came);
      } catch (java.net.SocketException e) {
        // Ended while a byte was on its way.
      }
      writer.join();

      assertOneProblem(came.toString(UTF_8), 408);
      assertThat(came.toString(UTF_8)).contains("\"reason\":\"too-slow\"");
    }
  }

  @Test
  void whatIsNoRequestIsAnsweredWithAProblemToo() throws Exception {
    String large = answer(post("/wanted", "x-large: " + "a".repeat(20_000), length(0)), "");
    String malformed = answer("POST /wan|ted{} HTTP/1.1\r\nhost: x\r\n\r\n", "");
    String nonsense = answer("\u0001\u0002\u0003 nonsense\r\n\r\n", "");

    assertOneProblem(large, 400);
    assertThat(large).contains("header is too large");
    assertThat(malformed).startsWith("HTTP/1.1 400 ").contains("\"reason\":\"invalid\"");
    assertThat(malformed).doesNotContain("<html");
    assertThat(nonsense).startsWith("HTTP/1.1 400 ").contains("\"reason\":\"invalid\"");
  }
}
