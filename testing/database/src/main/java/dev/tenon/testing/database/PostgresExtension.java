package dev.tenon.testing.database;

import static java.util.Objects.requireNonNull;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ExtensionContext.Store;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * Gives a JUnit test class databases on a real PostgreSQL.
 *
 * <pre>{@code
 * @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();
 *
 * @Test
 * void keepsOrders() {
 *   DataSource orders = postgres.dataSource(postgres.freshDatabase("order"));
 *   ...
 * }
 * }</pre>
 *
 * <p>Register it on the class: in a static field, or by
 * {@code @ExtendWith(PostgresExtension.class)}, which resolves parameters of the types {@link
 * PostgresServer}, {@link Database} and {@link DataSource} (one database for the class). Databases
 * are dropped after the class. Thread-safe within a class; a field shared by classes that run at
 * the same time is not supported.
 */
public final class PostgresExtension
    implements BeforeAllCallback, BeforeEachCallback, AfterAllCallback, ParameterResolver {

  private static final Namespace NAMESPACE = Namespace.create(PostgresExtension.class);

  private final @Nullable UnaryOperator<PostgresServer.Builder> dedicated;
  private final List<Database> databases = new ArrayList<>();
  private @Nullable SharedServer current;
  private @Nullable String owner;
  private @Nullable Database classDatabase;

  /** The same as {@link #shared()}, for {@code @ExtendWith}. */
  public PostgresExtension() {
    this(null);
  }

  private PostgresExtension(@Nullable UnaryOperator<PostgresServer.Builder> dedicated) {
    this.dedicated = dedicated;
  }

  /** Uses one throw-away server for all classes of this JVM. Tests must not stop or kill it. */
  public static PostgresExtension shared() {
    return new PostgresExtension();
  }

  /** Starts a throw-away server for the class; a test that finds it dead gets it restarted. */
  public static PostgresExtension dedicated() {
    return dedicated(builder -> builder);
  }

  /**
   * Starts a server for the class; a test that finds it dead gets it restarted.
   *
   * @param configuration completes the builder, such as {@code builder -> builder.durable()}
   */
  public static PostgresExtension dedicated(UnaryOperator<PostgresServer.Builder> configuration) {
    return new PostgresExtension(requireNonNull(configuration, "configuration"));
  }

  /**
   * The server.
   *
   * @throws IllegalStateException before the class's first {@code @BeforeAll} and after its last
   *     {@code @AfterAll}
   */
  public PostgresServer server() {
    return running().server;
  }

  /**
   * Creates a database, and a login of the same name, for this class; both are dropped after it.
   *
   * @param prefix the start of its name, to which a number is added
   * @throws IllegalStateException before the class's first {@code @BeforeAll} and after its last
   *     {@code @AfterAll}
   */
  public Database freshDatabase(String prefix) {
    SharedServer running = running();
    String name = prefix + "_" + running.databases.incrementAndGet();
    Database database = running.server.createDatabase(name);
    synchronized (databases) {
      databases.add(database);
    }
    return database;
  }

  /** Connections of a database's login: each call of {@code getConnection} opens a new one. */
  public DataSource dataSource(Database database) {
    return server().dataSource(database);
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    if (owner != null) {
      return; // of an enclosing class
    }
    owner = context.getUniqueId();
    current = dedicated == null ? sharedServer(context) : new SharedServer(dedicated);
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    SharedServer running = current;
    if (running == null) {
      throw new IllegalStateException(
          "Could not use PostgreSQL [test="
              + context.getDisplayName()
              + "]: the extension is registered in an instance field. Make the field static.");
    }
    if (dedicated != null && !running.server.running()) {
      running.server.restart();
    }
  }

  @Override
  public void afterAll(ExtensionContext context) {
    SharedServer running = current;
    if (running == null || !context.getUniqueId().equals(owner)) {
      return;
    }
    current = null;
    owner = null;
    classDatabase = null;
    synchronized (databases) {
      if (dedicated != null) {
        running.close();
      } else {
        databases.forEach(running.server::dropDatabaseAndLogin);
      }
      databases.clear();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    return type == PostgresServer.class || type == Database.class || type == DataSource.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    Class<?> type = parameter.getParameter().getType();
    if (type == PostgresServer.class) {
      return server();
    }
    return type == Database.class ? classDatabase() : dataSource(classDatabase());
  }

  private synchronized Database classDatabase() {
    Database existing = classDatabase;
    if (existing == null) {
      existing = freshDatabase("test");
      classDatabase = existing;
    }
    return existing;
  }

  private SharedServer running() {
    SharedServer running = current;
    if (running == null) {
      throw new IllegalStateException(
          "Could not use PostgreSQL: no test class is running. Call this from @BeforeAll, or"
              + " later.");
    }
    return running;
  }

  @SuppressWarnings("deprecation") // its successor is missing in JUnit 5
  private static SharedServer sharedServer(ExtensionContext context) {
    Store store = context.getRoot().getStore(NAMESPACE);
    return requireNonNull(
        store.getOrComputeIfAbsent(
            SharedServer.class, key -> new SharedServer(builder -> builder), SharedServer.class));
  }

  /** A server and the number of databases it was asked for; JUnit closes the one of the JVM. */
  private static final class SharedServer implements AutoCloseable {

    private final AtomicInteger databases = new AtomicInteger();
    private final PostgresServer server;

    SharedServer(UnaryOperator<PostgresServer.Builder> configuration) {
      this.server = configuration.apply(PostgresServer.builder()).start();
    }

    @Override
    public void close() {
      server.close();
    }
  }
}
