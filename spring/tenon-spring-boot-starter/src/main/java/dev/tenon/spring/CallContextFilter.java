package dev.tenon.spring;

import dev.tenon.invocation.CallContext;
import dev.tenon.invocation.CallHeaders;
import dev.tenon.invocation.Problem;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.security.Principal;
import java.time.InstantSource;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.web.filter.OncePerRequestFilter;

/**
 * Runs a request from outside in a context of its own, which goes along with the calls it makes:
 * its trace, its deadline, and the user who is logged in. Whatever else a user's request says of
 * itself is not believed.
 */
final class CallContextFilter extends OncePerRequestFilter {
  /** After Spring Security's, so that the user is known. */
  static final int ORDER = -50;

  private static final Set<String> BELIEVED =
      Set.of(CallHeaders.TRACEPARENT, CallHeaders.TRACESTATE, CallHeaders.TIMEOUT);
  private static final int BAD_REQUEST = 400;

  private final InstantSource clock;

  CallContextFilter(InstantSource clock) {
    this.clock = clock;
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    CallContext context;
    try {
      context = CallContext.read(name -> believed(request, name), clock.instant());
      Principal user = request.getUserPrincipal();
      if (user != null && user.getName() != null && !user.getName().isEmpty()) {
        context = context.withPrincipal(user.getName());
      }
    } catch (IllegalArgumentException e) {
      Problem problem = Problem.of(BAD_REQUEST, "invalid", String.valueOf(e.getMessage()));
      response.setStatus(BAD_REQUEST);
      response.setContentType(Problem.MEDIA_TYPE);
      response.getOutputStream().write(problem.json());
      return;
    }
    try {
      context.call(
          () -> {
            chain.doFilter(request, response);
            return true;
          });
    } catch (ServletException | IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new ServletException(e);
    }
  }

  private static @Nullable String believed(HttpServletRequest request, String name) {
    return BELIEVED.contains(name) ? request.getHeader(name) : null;
  }
}
