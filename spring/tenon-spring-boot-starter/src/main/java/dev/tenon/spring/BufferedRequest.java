package dev.tenon.spring;

import jakarta.servlet.AsyncContext;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A request whose body, unless it is a form, was read already; it is answered synchronously. */
final class BufferedRequest extends HttpServletRequestWrapper {
  private final Optional<byte[]> body;
  private @Nullable ServletInputStream stream;
  private @Nullable BufferedReader reader;

  /** Without a body, the original one is read: the container has parsed a form. */
  BufferedRequest(HttpServletRequest request, Optional<byte[]> body) {
    super(request);
    this.body = body;
  }

  /** The body, unless it is a form. */
  byte[] body() {
    return body.orElseGet(() -> new byte[0]);
  }

  @Override
  public ServletInputStream getInputStream() throws IOException {
    if (body.isEmpty()) {
      return super.getInputStream();
    }
    if (stream == null) {
      stream = new Bytes(body.get());
    }
    return stream;
  }

  @Override
  public BufferedReader getReader() throws IOException {
    if (body.isEmpty()) {
      return super.getReader();
    }
    if (reader == null) {
      String name = getCharacterEncoding();
      Charset charset = name == null ? StandardCharsets.UTF_8 : Charset.forName(name);
      reader = new BufferedReader(new InputStreamReader(getInputStream(), charset));
    }
    return reader;
  }

  @Override
  public boolean isAsyncSupported() {
    return false;
  }

  @Override
  public AsyncContext startAsync() {
    throw new IllegalStateException(
        "Could not answer asynchronously [request="
            + getMethod()
            + " "
            + getRequestURI()
            + "]: the answer to a request with an idempotency key is stored with its effects."
            + " Answer synchronously, or take @Idempotent off the method.");
  }

  @Override
  public AsyncContext startAsync(ServletRequest request, ServletResponse response) {
    return startAsync();
  }

  private static final class Bytes extends ServletInputStream {
    private final ByteArrayInputStream bytes;

    Bytes(byte[] body) {
      bytes = new ByteArrayInputStream(body);
    }

    @Override
    public int read() {
      return bytes.read();
    }

    @Override
    public int read(byte[] target, int from, int length) {
      return bytes.read(target, from, length);
    }

    @Override
    public int available() {
      return bytes.available();
    }

    @Override
    public boolean isFinished() {
      return bytes.available() == 0;
    }

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void setReadListener(ReadListener listener) {
      throw new IllegalStateException("a request with an idempotency key is read synchronously");
    }
  }
}
