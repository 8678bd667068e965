package dev.tenon.spring;

import dev.tenon.invocation.Problem;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
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
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;

/**
 * Limits the bytes of a request's body and how long they take to come, which Tomcat does for single
 * reads only. A body that breaks a limit ends its reader with an {@link ErrorResponseException},
 * which Spring answers as it says; where nobody does, the answer is that problem document (413 or
 * 408). The rest of the body is not waited for. What an asynchronous handler reads after its first
 * thread has left is not limited. Thread-safe.
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
      ProblemDocument.answer(response, tooLarge(most));
      stopReading(request, response);
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

  private static Problem tooLarge(long most) {
    return Problem.of(413, "too-large", "body: too large (expected: at most " + most + " bytes)");
  }

  /**
   * The connection ends with this answer. Tomcat takes that for an error that it has to report: it
   * would make a 500 of a success, and add an error page to what is written.
   */
  private static void stopReading(Request request, Response response) {
    int status = response.getStatus();
    boolean failed = response.isErrorReportRequired();
    request.getCoyoteRequest().action(ActionCode.DISABLE_SWALLOW_INPUT, null);
    response.getCoyoteResponse().setStatus(status);
    if (!failed) {
      response.setErrorReported();
    }
  }

  /** Reads on behalf of one request. Not thread-safe. */
  private static final class LimitedInput implements InputBuffer {
    private final InputBuffer input;
    private final long most;
    private final long nanosMax;
    private final long start = System.nanoTime();
    private long bytes;
    private @Nullable Problem refusal;

    LimitedInput(InputBuffer input, long most, Duration timeout) {
      this.input = input;
      this.most = most;
      this.nanosMax = timeout.isZero() ? Long.MAX_VALUE : timeout.toNanos();
    }

    @Override
    public int doRead(ApplicationBufferHandler handler) throws IOException {
      if (System.nanoTime() - start > nanosMax) {
        long millis = TimeUnit.NANOSECONDS.toMillis(nanosMax);
        throw refused(Problem.of(408, "too-slow", "body: not complete within " + millis + " ms"));
      }
      int read = input.doRead(handler);
      bytes += Math.max(0, read);
      if (bytes > most) {
        throw refused(tooLarge(most));
      }
      return read;
    }

    @Override
    public int available() {
      return input.available();
    }

    private ErrorResponseException refused(Problem problem) {
      refusal = problem;
      HttpStatusCode status = HttpStatusCode.valueOf(problem.status());
      ProblemDetail detail = ProblemDetail.forStatusAndDetail(status, problem.detail());
      problem.members().forEach(detail::setProperty);
      return new ErrorResponseException(status, detail, null);
    }

    /** Answers for a refused body, and takes the rest of one that nobody read to its end. */
    void finish(Request request, Response response) throws IOException {
      if (refusal != null) {
        if (!response.isCommitted()) {
          answer(refusal, request, response);
        }
        stopReading(request, response);
      } else if (!request.isAsync() && !"HTTP/2.0".equals(request.getProtocol())) {
        takeRest(request, response);
      }
    }

    /** In place of whatever was made of the part of the body that came. */
    private static void answer(Problem problem, Request request, Response response)
        throws IOException {
      request.removeAttribute(RequestDispatcher.ERROR_EXCEPTION);
      response.setErrorReported();
      response.setSuspended(false);
      response.resetBuffer(true);
      ProblemDocument.answer(response, problem);
    }

    /** What Tomcat does itself, but without a limit of time. */
    private void takeRest(Request request, Response response) {
      long until = System.nanoTime() + REST_TIMEOUT.toNanos();
      long restMax = bytes + REST_BYTES_MAX;
      Discard discard = new Discard();
      try {
        while (!isRead(request.getCoyoteRequest())) {
          if (System.nanoTime() - until > 0 || bytes > restMax || doRead(discard) < 0) {
            stopReading(request, response);
            return;
          }
        }
      } catch (IOException | ErrorResponseException e) {
        stopReading(request, response); // too slow, too large, or gone
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
