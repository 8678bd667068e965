package dev.tenon.spring;

import dev.tenon.global.BranchCall;
import dev.tenon.global.BranchRefusedException;
import dev.tenon.global.Listing;
import dev.tenon.global.Participant;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Problem;
import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.IdempotentReceiver;
import dev.tenon.messaging.MessagingException;
import dev.tenon.messaging.Receipt;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnknownCommitOutcomeException;
import dev.tenon.transport.BranchCalls;
import dev.tenon.transport.ServiceProblems;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.servlet.HandlerExceptionResolver;

/**
 * Runs a request that comes under a distributed transaction, and names the branches in its answer,
 * which is held back until then. It takes what is signed by the starter from whoever brings it; the
 * caller beside whom its reply is stored is who is logged in.
 */
final class BranchFilter extends OncePerRequestFilter {
  private static final String SERVING = BranchFilter.class.getName() + ".serving";
  private static final int FIRST_PROBLEM = 400;
  private static final Logger log = LoggerFactory.getLogger(BranchFilter.class);

  private final IdempotentHandlers handlers;
  private final Supplier<Optional<Participant>> participant;
  private final Supplier<HandlerExceptionResolver> resolver;
  private final TenonProperties.Idempotency limits;

  BranchFilter(
      IdempotentHandlers handlers,
      Supplier<Optional<Participant>> participant,
      Supplier<HandlerExceptionResolver> resolver,
      TenonProperties.Idempotency limits) {
    this.handlers = handlers;
    this.participant = participant;
    this.resolver = resolver;
    this.limits = limits;
  }

  /** Whether a request is being run under a distributed transaction. */
  static boolean isServing(HttpServletRequest request) {
    return request.getAttribute(SERVING) != null;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    Optional<String> xid = Optional.ofNullable(request.getHeader(CallHeaders.XID));
    Optional<String> step = Optional.ofNullable(request.getHeader(CallHeaders.STEP));
    Optional<Participant> own =
        xid.isEmpty() && step.isEmpty() ? Optional.empty() : participant.get();
    Optional<IdempotentHandlers.Found> found =
        own.isEmpty() ? Optional.empty() : handlers.find(request);
    if (own.isEmpty() || found.isEmpty()) {
      chain.doFilter(request, response);
      return;
    }
    BranchCall call;
    try {
      call =
          BranchCalls.of(xid, step, IdempotencyFilter.caller(request), found.get().operation())
              .orElseThrow();
    } catch (IllegalArgumentException e) {
      ProblemDocument.answer(
          response, ServiceProblems.stepMalformed(String.valueOf(e.getMessage())));
      return;
    }
    request.setAttribute(SERVING, true);
    if (found.get().idempotent() || found.get().branch()) {
      store(own.get(), call, request, response, chain);
    } else {
      read(own.get(), call, request, response, chain);
    }
  }

  private void read(
      Participant own,
      BranchCall call,
      HttpServletRequest request,
      HttpServletResponse response,
      FilterChain chain)
      throws ServletException, IOException {
    try (Participant.Reading reading = own.enter(call)) {
      BufferedResponse answer = new BufferedResponse(response, limits.replyBytes());
      chain.doFilter(request, answer);
      if (answer.overflown()) {
        throw tooLarge(call);
      }
      name(response, reading.listing(answer.getStatus() >= FIRST_PROBLEM));
      IdempotencyFilter.sendNotStored(answer, response);
    } catch (BranchRefusedException e) {
      refuse(own, e, response);
    }
  }

  private void store(
      Participant own,
      BranchCall call,
      HttpServletRequest request,
      HttpServletResponse response,
      FilterChain chain)
      throws ServletException, IOException {
    BufferedResponse answer = new BufferedResponse(response, limits.replyBytes());
    try {
      BufferedRequest buffered =
          new BufferedRequest(request, IdempotencyFilter.body(request, limits.requestBytes()));
      Fingerprint fingerprint = IdempotencyFilter.fingerprint(request, buffered);
      Receipt receipt =
          own.<Exception>handle(
              call,
              fingerprint,
              IdempotentReceiver.Work.once(
                  unit -> IdempotencyFilter.run(call.step(), buffered, answer, chain)));
      IdempotencyFilter.answer(receipt, answer, response);
    } catch (IdempotencyFilter.BadRequestException e) {
      ProblemDocument.answer(response, e.problem);
    } catch (IdempotencyFilter.NotStoredException e) {
      own.failedListing(e).ifPresent(listing -> name(response, listing));
      IdempotencyFilter.sendNotStored(e.answer, response);
    } catch (BranchRefusedException e) {
      refuse(own, e, response);
    } catch (UnknownCommitOutcomeException e) {
      log.atWarn().addKeyValue("step", call.step()).setCause(e).log("outcome unknown: 503");
      ProblemDocument.answer(response, ServiceProblems.outcomeUnknown());
    } catch (TransactionException | MessagingException e) {
      own.failedListing(e).ifPresent(listing -> name(response, listing));
      if (resolver.get().resolveException(request, response, null, e) == null) {
        throw e;
      }
    } catch (ServletException | IOException | RuntimeException e) {
      own.failedListing(e).ifPresent(listing -> name(response, listing));
      throw e;
    } catch (Exception e) {
      throw new ServletException(e);
    }
  }

  private static MessagingException tooLarge(BranchCall call) {
    return new MessagingException(
        "Could not hold back the answer to "
            + call.operation()
            + " until its branches are known: it is too large. Answer with less, or raise"
            + " tenon.idempotency.reply-bytes-max.");
  }

  private static void refuse(
      Participant own, BranchRefusedException refused, HttpServletResponse response)
      throws IOException {
    Problem problem = ServiceProblems.refused(refused);
    own.failedListing(refused).ifPresent(listing -> name(response, listing));
    ProblemDocument.answer(response, problem);
  }

  private static void name(HttpServletResponse response, String listing) {
    response.setHeader(Listing.HEADER, BranchCalls.fitting(listing));
  }
}
