package dev.tenon.testing.crash;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives a JUnit test a {@link CrashExplorer} that reports what it explored, and fails the test if
 * it explored nothing.
 *
 * <pre>{@code
 * @ExtendWith(CrashExplorerExtension.class)
 * class OrderFlowCrashIT {
 *   @Test
 *   void survivesEveryFault(CrashExplorer explorer) {
 *     explorer.explore(new OrderFlow()).requireNoViolations();
 *   }
 * }
 * }</pre>
 *
 * <p>The numbers go into the test's report under the key {@value #REPORT_KEY}.
 */
public final class CrashExplorerExtension implements ParameterResolver, AfterEachCallback {
  /** The key of the report entries. */
  public static final String REPORT_KEY = "crash-explorer";

  private static final Namespace NAMESPACE = Namespace.create(CrashExplorerExtension.class);

  /** For {@code @ExtendWith} and {@code @RegisterExtension}. */
  public CrashExplorerExtension() {}

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == CrashExplorer.class;
  }

  @Override
  public CrashExplorer resolveParameter(ParameterContext parameter, ExtensionContext context) {
    Explored explored = new Explored();
    context.getStore(NAMESPACE).put(Explored.class, explored);
    return CrashExplorer.create()
        .reportingTo(
            exploration -> {
              explored.runs += exploration.runs();
              context.publishReportEntry(Map.of(REPORT_KEY, exploration.toString()));
            });
  }

  @Override
  public void afterEach(ExtensionContext context) {
    @Nullable Explored explored = context.getStore(NAMESPACE).get(Explored.class, Explored.class);
    if (explored != null && explored.runs == 0 && context.getExecutionException().isEmpty()) {
      throw new AssertionError(
          "The test took a CrashExplorer and explored nothing: call explore(scenario).");
    }
  }

  private static final class Explored {
    private int runs;
  }
}
