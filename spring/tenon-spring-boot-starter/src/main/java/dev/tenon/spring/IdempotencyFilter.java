package dev.tenon.spring;

import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotencyKey;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.MessagingException;
import dev.tenon.messaging.Receipt;
import dev.tenon.messaging.RefusalException;
import dev.tenon.messaging.ReplyFate;
import dev.tenon.messaging.StoredReply;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import dev.tenon.transport.ServiceProblems;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.security.Principal;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.servlet.HandlerExceptionResolver;

/**
 * Runs a request with an idempotency key in one unit of work, and holds its answer back until the
 * answer is stored by the commit. It comes after all other filters, so that the caller is known and
 * what they add to an answer is added anew to a repeated one.
 */
final class IdempotencyFilter extends OncePerRequestFilter {
  static final String REPLAYED = "Idempotency-Replayed";
  static final String KEY_TIME = "Tenon-Key-Time";

  private static final Logger log = LoggerFactory.getLogger(IdempotencyFilter.class);

  private final IdempotentHandlers handlers;
  private final Supplier<IdempotentReceiver> receiver;
  private final Supplier<HandlerExceptionResolver> resolver;
  private final TenonProperties.Idempotency limits;

  IdempotencyFilter(
      IdempotentHandlers handlers,
      Supplier<IdempotentReceiver> receiver,
      Supplier<HandlerExceptionResolver> resolver,
      TenonProperties.Idempotency limits) {
    this.handlers = handlers;
    this.receiver = receiver;
    this.resolver = resolver;
    this.limits = limits;
  }

  /** An answer that is sent, but not stored: everything was rolled back. */
  static final class NotStoredException extends Exception {
    private static final long serialVersionUID = 1L;

    final transient BufferedResponse answer;

    NotStoredException(BufferedResponse answer) {
      super("status " + answer.getStatus());
      this.answer = answer;
    }
  }

  /** A request that is not one to be run; the answer is a problem document. */
  static final class BadRequestException extends Exception {
    private static final long serialVersionUID = 1L;

    final transient Problem problem;

    BadRequestException(Problem problem) {
      super(problem.detail());
      this.problem = problem;
    }
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    if (BranchFilter.isServing(request)) {
      chain.doFilter(request, response); // the transaction's step is the key
      return;
    }
    List<String> keys = Collections.list(request.getHeaders(IdempotentHandlers.KEY));
    Optional<String> operation = keys.isEmpty() ? Optional.empty() : handlers.operation(request);
    if (operation.isEmpty()) {
      chain.doFilter(request, response);
      return;
    }
    try {
      IdempotencyKey key = key(request, operation.get(), keys);
      BufferedRequest buffered = new BufferedRequest(request, body(request, limits.requestBytes()));
      Fingerprint fingerprint = fingerprint(request, buffered);
      handle(key, fingerprint, buffered, response, chain);
    } catch (BadRequestException e) {
      ProblemDocument.answer(response, e.problem);
    }
  }

  private static IdempotencyKey key(
      HttpServletRequest request, String operation, List<String> fields)
      throws BadRequestException {
    if (fields.size() > 1) {
      throw new BadRequestException(
          ServiceProblems.keyMalformed(
              "Idempotency-Key: " + fields.size() + " headers (expected: one)"));
    }
    String caller = caller(request);
    try {
      IdempotencyKey key = IdempotencyKey.received(caller, operation, fields.getFirst());
      String time = request.getHeader(KEY_TIME);
      return time == null ? key : key.createdAtField(time);
    } catch (IllegalArgumentException e) {
      throw new BadRequestException(ServiceProblems.keyMalformed(String.valueOf(e.getMessage())));
    }
  }

  /** Who calls, beside whom keys are unique. */
  static String caller(HttpServletRequest request) {
    Principal principal = request.getUserPrincipal();
    return principal == null ? "anonymous" : "user:" + principal.getName();
  }

  /** The body; empty if the container parses it as a form. */
  static Optional<byte[]> body(HttpServletRequest request, int most)
      throws IOException, BadRequestException {
    MediaType type = type(request);
    if (type != null && type.getType().equals("multipart")) {
      throw new BadRequestException(
          Problem.of(415, "multipart", "A multipart request cannot be sent with a key."));
    }
    if (request.getContentLengthLong() > most) {
      throw tooLarge(most);
    }
    if (MediaType.APPLICATION_FORM_URLENCODED.equalsTypeAndSubtype(type)) {
      return Optional.empty();
    }
    byte[] body = request.getInputStream().readNBytes(most + 1);
    if (body.length > most) {
      throw tooLarge(most);
    }
    return Optional.of(body);
  }

  private static BadRequestException tooLarge(int most) {
    return new BadRequestException(
        Problem.of(
            413,
            "too-large",
            "The body is too large for a request with a key;"
                + " tenon.idempotency.request-bytes-max is "
                + most
                + "."));
  }

  private static @Nullable MediaType type(HttpServletRequest request) {
    try {
      String type = request.getContentType();
      return type == null ? null : MediaType.parseMediaType(type);
    } catch (InvalidMediaTypeException e) {
      return null; // the dispatcher will refuse it
    }
  }

  static Fingerprint fingerprint(HttpServletRequest request, BufferedRequest buffered) {
    MediaType type = type(request);
    String asked =
        request.getMethod() + " " + request.getRequestURI() + "?" + request.getQueryString();
    if (MediaType.APPLICATION_FORM_URLENCODED.equalsTypeAndSubtype(type)) {
      Map<String, String[]> parameters = new TreeMap<>(request.getParameterMap());
      return Fingerprint.ofValue(asked, parameters);
    }
    byte[] body = buffered.body();
    boolean json =
        type != null
            && (MediaType.APPLICATION_JSON.equalsTypeAndSubtype(type)
                || "json".equals(type.getSubtypeSuffix()));
    return json ? Fingerprint.ofJson(asked, body) : Fingerprint.ofBytes(asked, body);
  }

  private void handle(
      IdempotencyKey key,
      Fingerprint fingerprint,
      BufferedRequest request,
      HttpServletResponse response,
      FilterChain chain)
      throws ServletException, IOException {
    BufferedResponse answer = new BufferedResponse(response, limits.replyBytes());
    try {
      Receipt receipt =
          receiver
              .get()
              .<Exception>handle(key, fingerprint, unit -> run(key, request, answer, chain));
      answer(receipt, answer, response);
    } catch (NotStoredException e) {
      sendNotStored(e.answer, response);
    } catch (UnknownCommitOutcomeException e) {
      log.atWarn().addKeyValue("key", key).setCause(e).log("outcome unknown: answered 503");
      ProblemDocument.answer(response, ServiceProblems.outcomeUnknown());
    } catch (TransactionException | MessagingException e) {
      if (resolver.get().resolveException(request, response, null, e) == null) {
        throw e;
      }
    } catch (ServletException | IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new ServletException(e);
    }
  }

  static StoredReply run(
      Object key, BufferedRequest request, BufferedResponse answer, FilterChain chain)
      throws ServletException, IOException, NotStoredException {
    chain.doFilter(request, answer);
    if (answer.overflown()) {
      throw new MessagingException(
          "Could not store the answer to a request "
              + key
              + ": it is too large. Answer with less, or raise tenon.idempotency.reply-bytes-max.");
    }
    int status = answer.getStatus();
    return switch (ReplyFate.of(status)) {
      case STORED -> answer.reply();
      case REFUSED -> throw new RefusalException("status " + status, answer.reply());
      case FORGOTTEN -> throw new NotStoredException(answer);
    };
  }

  static void answer(Receipt receipt, BufferedResponse answer, HttpServletResponse response)
      throws IOException {
    switch (receipt) {
      case Receipt.Executed executed -> {
        answer.cookies().forEach(response::addCookie);
        send(executed.reply(), response);
      }
      case Receipt.Replayed replayed -> {
        response.setHeader(REPLAYED, "true");
        send(replayed.reply(), response);
      }
      case Receipt.Rejected rejected ->
          ProblemDocument.answer(response, ServiceProblems.rejected(rejected.reason()));
    }
  }

  private static void send(StoredReply reply, HttpServletResponse response) throws IOException {
    response.setStatus(reply.status());
    reply.headers().forEach(response::setHeader);
    response.setContentLength(reply.body().length);
    response.getOutputStream().write(reply.body());
  }

  static void sendNotStored(BufferedResponse answer, HttpServletResponse response)
      throws IOException {
    answer.cookies().forEach(response::addCookie);
    if (answer.withoutBody()) {
      response.sendError(answer.getStatus());
    } else {
      send(answer.reply(), response);
    }
  }
}
