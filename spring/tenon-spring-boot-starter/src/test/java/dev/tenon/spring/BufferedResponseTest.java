package dev.tenon.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.StoredReply;
import jakarta.servlet.http.Cookie;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.springframework.mock.web.MockHttpServletResponse;

class BufferedResponseTest {
  private final MockHttpServletResponse real = new MockHttpServletResponse();
  private final BufferedResponse held = new BufferedResponse(real, 20);

  @Test
  void letsNothingThroughAndTellsEverything() throws IOException {
    real.setHeader("outer", "1");
    held.setStatus(202);
    held.setHeader("A", "1");
    held.addHeader("a", "2");
    held.setDateHeader("Last-Modified", 0);
    held.addHeader("Date", "today");
    held.setContentLength(5);
    held.addCookie(new Cookie("c", "v"));
    held.getOutputStream().write("hello".getBytes(StandardCharsets.UTF_8));
    held.flushBuffer();

    StoredReply reply = held.reply();

    assertThat(reply.status()).isEqualTo(202);
    assertThat(reply.headers())
        .containsOnlyKeys("a", "last-modified")
        .containsEntry("a", "1, 2")
        .containsEntry("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT");
    assertThat(reply.body()).asString().isEqualTo("hello");
    assertThat(held.cookies()).hasSize(1);
    assertThat(held.getHeaderNames()).contains("outer", "A");
    assertThat(held.getHeader("outer")).isEqualTo("1");
    assertThat(real.getStatus()).isEqualTo(200);
    assertThat(real.getHeaderNames()).containsExactly("outer");
    assertThat(real.getContentAsByteArray()).isEmpty();
    assertThat(real.isCommitted()).isFalse();
  }

  @Test
  void writesTextInTheEncodingThatItTells() {
    held.setCharacterEncoding("UTF-16BE");
    held.setContentType("text/plain");
    held.getWriter().print("é");

    assertThat(held.reply().headers()).containsEntry("content-type", "text/plain;charset=UTF-16BE");
    assertThat(held.reply().body()).isEqualTo("é".getBytes(StandardCharsets.UTF_16BE));

    held.reset();
    held.setContentType("text/plain");
    held.getWriter().print("é");

    assertThat(held.reply().headers()).containsEntry("content-type", "text/plain;charset=UTF-8");
    assertThat(held.reply().body()).asString().isEqualTo("é");
  }

  @Test
  void makesADocumentOfAStatusWithoutABodyAndARedirectOfALocation() throws IOException {
    held.getOutputStream().write(1);
    held.sendError(404, "secret");
    held.getOutputStream().write(1);

    assertThat(held.withoutBody()).isTrue();
    assertThat(held.reply().headers()).containsEntry("content-type", "application/problem+json");
    assertThat(held.reply().body())
        .asString()
        .isEqualTo(
            "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                + "\"reason\":\"refused\"}");

    held.reset();
    held.sendRedirect("/there");
    assertThat(held.reply().status()).isEqualTo(302);
    assertThat(held.reply().headers()).containsEntry("location", "/there");
  }

  @Test
  void refusesMoreThanItMayHold() throws IOException {
    held.getOutputStream().write(new byte[20]);

    assertThatThrownBy(() -> held.getOutputStream().write(0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("larger than tenon.idempotency.reply-bytes-max, 20");
    assertThat(held.overflown()).isTrue();
  }
}
