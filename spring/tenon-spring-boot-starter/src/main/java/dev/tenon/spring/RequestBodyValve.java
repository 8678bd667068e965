package dev.tenon.spring;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.apache.coyote.InputBuffer;
import org.apache.tomcat.util.net.ApplicationBufferHandler;

/**
 * Limits the bytes of a request's body and how long they take to come, which Tomcat does for single
 * reads only. A body that breaks a limit ends its reader with an {@link IOException}; the answer is
 * 413 or 408, and the rest of the body is not waited for. What an asynchronous handler reads after
 * its first thread has left is not limited. Thread-safe.
 */
final class RequestBodyValve extends ValveBase {
  private static final String MULTIPART = "multipart/";
  private static final Duration REST_TIMEOUT = Duration.ofSeconds(2);
  private static final long REST_BYTES_MAX = 2 << 20; // as Tomcat's maxSwallowSize

  private final long bytesMax;
  private final Duration timeout;

  /**
   * A valve.
   *
   * @param bytesMax 0 for any number
   * @param timeout 0 for any time
   */
  RequestBodyValve(long bytesMax, Duration timeout) {
    super(true);
    this.bytesMax = bytesMax;
    this.timeout = timeout;
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    org.apache.coyote.Request coyote = request.getCoyoteRequest();
    String type = request.getContentType();
    boolean multipart =
        type != null && type.regionMatches(true, 0, MULTIPART, 0, MULTIPART.length());
    long most = multipart || bytesMax == 0 ? Long.MAX_VALUE : bytesMax;
    if (coyote.getContentLengthLong() > most) {
      stopReading(coyote);
      response.sendError(HttpServletResponse.SC_REQUEST_ENTITY_TOO_LARGE);
      return;
    }
    InputBuffer input = coyote.getInputBuffer();
    LimitedInput limited = new LimitedInput(input, most, timeout);
    coyote.setInputBuffer(limited);
    try {
      getNext().invoke(request, response);
    } finally {
      coyote.setInputBuffer(input);
      limited.finish(request, response);
    }
  }

  private static void stopReading(org.apache.coyote.Request request) {
    request.action(ActionCode.DISABLE_SWALLOW_INPUT, null);
  }

  /** Reads on behalf of one request. Not thread-safe. */
  private static final class LimitedInput implements InputBuffer {
    private final InputBuffer input;
    private final long most;
    private final long nanosMax;
    private final long start = System.nanoTime();
    private long bytes;
    private int refusal;

    LimitedInput(InputBuffer input, long most, Duration timeout) {
      this.input = input;
      this.most = most;
      this.nanosMax = timeout.isZero() ? Long.MAX_VALUE : timeout.toNanos();
    }

    @Override
    public int doRead(ApplicationBufferHandler handler) throws IOException {
      if (System.nanoTime() - start > nanosMax) {
        refusal = HttpServletResponse.SC_REQUEST_TIMEOUT;
        throw new IOException(
            "body: not complete within " + TimeUnit.NANOSECONDS.toMillis(nanosMax) + " ms");
      }
      int read = input.doRead(handler);
      bytes += Math.max(0, read);
      if (bytes > most) {
        refusal = HttpServletResponse.SC_REQUEST_ENTITY_TOO_LARGE;
        throw new IOException("body: too large (expected: at most " + most + " bytes)");
      }
      return read;
    }

    @Override
    public int available() {
      return input.available();
    }

    /** Answers for a refused body, and takes the rest of one that nobody read to its end. */
    void finish(Request request, Response response) throws IOException {
      org.apache.coyote.Request coyote = request.getCoyoteRequest();
      if (refusal != 0) {
        stopReading(coyote);
        if (!response.isCommitted()) {
          response.sendError(refusal);
        }
      } else if (!request.isAsync() && !"HTTP/2.0".equals(request.getProtocol())) {
        takeRest(coyote);
      }
    }

    /** What Tomcat does itself, but without a limit of time. */
    private void takeRest(org.apache.coyote.Request request) {
      long until = System.nanoTime() + REST_TIMEOUT.toNanos();
      long restMax = bytes + REST_BYTES_MAX;
      Discard discard = new Discard();
      try {
        while (!isRead(request)) {
          if (System.nanoTime() - until > 0 || bytes > restMax || doRead(discard) < 0) {
            stopReading(request);
            return;
          }
        }
      } catch (IOException e) {
        stopReading(request); // too slow, too large, or gone
      }
    }

    private static boolean isRead(org.apache.coyote.Request request) {
      AtomicBoolean read = new AtomicBoolean();
      request.action(ActionCode.REQUEST_BODY_FULLY_READ, read);
      return read.get();
    }
  }

  /** Where a body goes that nobody wants. */
  private static final class Discard implements ApplicationBufferHandler {
    private ByteBuffer buffer = ByteBuffer.allocate(0);

    @Override
    public void setByteBuffer(ByteBuffer value) {
      buffer = value;
    }

    @Override
    public ByteBuffer getByteBuffer() {
      return buffer;
    }

    @Override
    public void expand(int size) {}
  }
}
