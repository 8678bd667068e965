package dev.tenon.testing.database;

import static java.util.Objects.requireNonNull;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A real PostgreSQL server on the loopback address, run from binaries on the class path, on Linux
 * and macOS, as an ordinary user or as root.
 *
 * <p>By default it is throw-away: its data lie in a temporary directory, are not synced to disk,
 * and are gone when the server is closed or this JVM ends, however it ends. {@link
 * Builder#dataDirectory} keeps the data, {@link Builder#durable} syncs them, and {@link
 * Builder#outliving} keeps the server itself. Commits survive {@link #kill()} in each of these
 * modes; a loss of power they survive in a durable one only.
 *
 * <p>Starting takes about a second, and some more when this user's first server unpacks the
 * binaries. All methods are thread-safe; {@link #kill}, {@link #stop}, {@link #restart} and {@link
 * #close} exclude each other.
 */
public final class PostgresServer implements AutoCloseable {

  private static final String SUPERUSER = "postgres";
  private static final String MAINTENANCE_DATABASE = "postgres";
  private static final int PASSWORD_BYTES = 16;

  private final Lifecycle lifecycle;
  private final String version;
  private final int port;
  private final String password;

  PostgresServer(Lifecycle lifecycle, String version) {
    this.lifecycle = lifecycle;
    this.version = version;
    this.port = lifecycle.port();
    this.password = lifecycle.cluster().password();
  }

  /** A builder of a throw-away server. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Starts a throw-away server.
   *
   * @throws PostgresServerException if it does not start; nothing is left behind then
   */
  public static PostgresServer start() {
    return builder().start();
  }

  /**
   * Attaches to the server of a data directory, starting it if it does not run. It is durable and
   * outlives this JVM; only {@link #stop()} or {@link #kill()} ends it.
   *
   * @param dataDirectory an earlier server's, or a new or empty one
   * @throws PostgresServerException if it does not start; the data are left as they were
   */
  public static PostgresServer attachOrStart(Path dataDirectory) {
    return builder().dataDirectory(dataDirectory).durable().outliving().start();
  }

  /** The port on 127.0.0.1; the same after a restart. */
  public int port() {
    return port;
  }

  /** The directory that holds the database cluster and the server's log. */
  public Path dataDirectory() {
    return lifecycle.cluster().root();
  }

  /** The server's log. */
  public Path logFile() {
    return lifecycle.cluster().log();
  }

  /** The version of the binaries, such as {@code 18.6}. */
  public String version() {
    return version;
  }

  /** Whether the server process lives, as far as the system can tell now. */
  public boolean running() {
    return lifecycle.cluster().postmaster().isPresent();
  }

  /**
   * The server's main process.
   *
   * @throws PostgresServerException if the server does not run
   */
  public long postmasterPid() {
    return lifecycle.postmaster().pid();
  }

  /**
   * The JDBC address of a database, without credentials.
   *
   * @param database its name; it need not exist
   */
  public String url(String database) {
    Databases.checkName(database, "database");
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + encoded(database);
  }

  /**
   * The JDBC address of a database with the superuser's credentials; {@code postgres} is the
   * database that always exists.
   *
   * @param database its name; it need not exist
   */
  public String superuserUrl(String database) {
    return url(database) + "?user=" + SUPERUSER + "&password=" + encoded(password);
  }

  /**
   * Connections of the superuser, without a pool.
   *
   * @param database the database's name; {@code postgres} always exists
   */
  public DataSource superuserDataSource(String database) {
    return dataSource(new Database(database, url(database), SUPERUSER, password));
  }

  /**
   * Creates a database with a login of the same name and a random password. If the login exists, it
   * gets the new password.
   *
   * @param name of the database and the login, 1 to 63 bytes
   * @throws PostgresServerException if the server refuses; what was created stays
   */
  public Database createDatabase(String name) {
    byte[] random = new byte[PASSWORD_BYTES];
    new SecureRandom().nextBytes(random);
    return createDatabase(name, name, HexFormat.of().formatHex(random));
  }

  /**
   * Creates a database and the login that owns it, to which no other login may connect. What exists
   * already is kept, and gets this owner and this password: calling it again has no other effect.
   *
   * @param name the database's name, 1 to 63 bytes
   * @param owner the login's name, 1 to 63 bytes
   * @param password the login's password, not empty
   * @throws PostgresServerException if the server refuses; what was created stays
   */
  public Database createDatabase(String name, String owner, String password) {
    Databases.checkName(name, "name");
    Databases.checkName(owner, "owner");
    requireNonNull(password, "password");
    if (password.isEmpty() || owner.equals(SUPERUSER)) {
      throw new IllegalArgumentException(
          "owner: " + owner + " (expected: another than " + SUPERUSER + ", with a password)");
    }
    try {
      databases().create(name, owner, password);
    } catch (SQLException e) {
      throw refused("create", name, e);
    }
    return new Database(name, url(name), owner, password);
  }

  /**
   * Drops a database, cutting its connections and rolling back what is prepared in it. Its login
   * stays. Without such a database nothing happens.
   *
   * @throws PostgresServerException if the server refuses; the database is left as it was, but for
   *     what was prepared
   */
  public void dropDatabase(Database database) {
    try {
      databases().rollBackPrepared(superuserDataSource(database.name()), database.name());
      databases().drop(database.name());
    } catch (SQLException e) {
      throw refused("drop", database.name(), e);
    }
  }

  /** Drops a database like {@link #dropDatabase}, and the login that owned it. */
  void dropDatabaseAndLogin(Database database) {
    dropDatabase(database);
    try {
      databases().dropLogin(database.user());
    } catch (SQLException e) {
      throw refused("drop the login of", database.name(), e);
    }
  }

  /** Connections of a database's login: each call of {@code getConnection} opens a new one. */
  public DataSource dataSource(Database database) {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setURL(database.jdbcUrl());
    source.setUser(database.user());
    source.setPassword(database.password());
    return source;
  }

  /**
   * Kills the server as a crash would: SIGKILL to its main process and all its children at once.
   * Returns when all are gone. If it does not run, nothing happens.
   *
   * @throws PostgresServerException if a process is left after 10 s
   */
  public void kill() {
    lifecycle.kill();
  }

  /**
   * Stops the server in order: open transactions are rolled back, connections cut, data flushed.
   * Also ends one that outlives this JVM. If it does not run, nothing happens.
   *
   * @throws PostgresServerException if it did not end within 60 s; it is then still ending
   */
  public void stop() {
    lifecycle.stop();
  }

  /**
   * Starts the server again on its data and port, after {@link #kill} with crash recovery; a
   * running server is stopped first. Returns when it takes connections.
   *
   * @throws PostgresServerException if it does not start, the data are then left as they were; or
   *     if it was closed
   */
  public void restart() {
    lifecycle.restart();
  }

  /**
   * Stops the server and deletes temporary data; a server that outlives this JVM is left running.
   * Closing twice has no effect.
   *
   * @throws PostgresServerException if the server did not end within 60 s
   */
  @Override
  public void close() {
    lifecycle.close();
  }

  /** Names the server by its data directory and port. */
  @Override
  public String toString() {
    return "PostgresServer[data=" + dataDirectory() + ", port=" + port + "]";
  }

  private Databases databases() {
    return new Databases(superuserDataSource(MAINTENANCE_DATABASE));
  }

  private PostgresServerException refused(String verb, String database, SQLException cause) {
    String advice = running() ? "Read " + logFile() : "Call restart() first";
    Reason reason = new Reason(String.valueOf(cause.getMessage()), advice);
    return new PostgresServerException(
        "Could not %s database [name=%s, port=%d]: %s".formatted(verb, database, port, reason),
        cause);
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  /**
   * Settings of a server to start. Not thread-safe; a builder can start several servers.
   *
   * <p>Unless told otherwise: temporary data, a free port, {@code fsync} off, {@code
   * max_connections} 200, {@code max_prepared_transactions} 200, loopback only, no Unix socket.
   */
  public static final class Builder {

    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);

    private final Map<String, String> settings = new LinkedHashMap<>();
    private @Nullable Path dataDirectory;
    private int port;
    private boolean durable;
    private boolean outliving;
    private Duration startTimeout = START_TIMEOUT;

    private Builder() {}

    /**
     * Keeps the data in this directory, which may be new, empty, or an earlier server's. Data of
     * another major version of PostgreSQL are refused.
     */
    public Builder dataDirectory(Path directory) {
      this.dataDirectory = requireNonNull(directory, "directory");
      return this;
    }

    /**
     * Listens on this port, 1 to 65535. By default a free one is found at each start, outside the
     * range that systems use for outgoing connections.
     */
    public Builder port(int port) {
      if (port < 1 || port > Ports.MAX) {
        throw new IllegalArgumentException("port: " + port + " (expected: 1.." + Ports.MAX + ")");
      }
      this.port = port;
      return this;
    }

    /**
     * Sets what could stand in {@code postgresql.conf}; the last value of a name counts, also over
     * the defaults of this class.
     *
     * @param name such as {@code wal_level}; not {@code port}
     * @param value such as {@code logical}, without quotes
     */
    public Builder setting(String name, String value) {
      String known = requireNonNull(name, "name").toLowerCase(Locale.ROOT);
      if (!known.matches("[a-z_][a-z0-9_.]*") || known.equals("port")) {
        throw new IllegalArgumentException(
            "name: " + name + " (expected: the name of a setting; for port call port(int))");
      }
      if (requireNonNull(value, "value").matches("(?s).*[\\r\\n\\x00].*")) {
        throw new IllegalArgumentException("value: of " + name + " (expected: one line)");
      }
      settings.put(known, value);
      return this;
    }

    /** Syncs every commit to disk: {@code fsync}, {@code synchronous_commit} and more are on. */
    public Builder durable() {
      this.durable = true;
      return this;
    }

    /**
     * Leaves the server running after {@link PostgresServer#close} and the end of this JVM, and
     * attaches to a server that runs on the data directory already; that one keeps its port and
     * settings. Needs a {@link #dataDirectory}.
     */
    public Builder outliving() {
      this.outliving = true;
      return this;
    }

    /**
     * Gives up a start (crash recovery included) after this time, at least 1 s; by default 60 s.
     */
    public Builder startTimeout(Duration timeout) {
      if (timeout.compareTo(Duration.ofSeconds(1)) < 0) {
        throw new IllegalArgumentException("timeout: " + timeout + " (expected: at least 1 s)");
      }
      this.startTimeout = timeout;
      return this;
    }

    /**
     * Starts the server, or attaches to a running one. Returns when it takes connections.
     *
     * @throws PostgresServerException if it does not start; temporary data are deleted then, others
     *     left as they were
     * @throws IllegalStateException if it shall outlive this JVM but has no data directory
     */
    public PostgresServer start() {
      if (outliving && dataDirectory == null) {
        throw new IllegalStateException(
            "outliving: true (expected: a data directory beside it, by dataDirectory(Path))");
      }
      Lifetime own = dataDirectory == null ? Lifetime.TEMPORARY : Lifetime.KEPT;
      Lifetime lifetime = outliving ? Lifetime.OUTLIVING : own;
      return new Startup(lifetime, dataDirectory, port, effectiveSettings(), durable, startTimeout)
          .start();
    }

    private Map<String, String> effectiveSettings() {
      Map<String, String> all = new LinkedHashMap<>();
      all.put("listen_addresses", "127.0.0.1");
      all.put("unix_socket_directories", "");
      all.put("max_connections", "200");
      all.put("max_prepared_transactions", "200");
      // Commits reach the kernel in every mode, so they survive a kill of the server.
      all.put("synchronous_commit", "on");
      all.put("fsync", durable ? "on" : "off");
      all.put("full_page_writes", durable ? "on" : "off");
      if (!durable) {
        all.put("dynamic_shared_memory_type", "mmap"); // small in containers is /dev/shm
      }
      all.putAll(settings);
      return all;
    }
  }
}
