package dev.tenon.transaction.spi;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/**
 * Statements that go to the database together, in one round trip, in the order in which they were
 * added. Each sees what those before it have done; if one fails, those after it do not run. What
 * their answers say is looked at after all of them have run. Belongs to one thread.
 */
public final class StatementBatch {
  /** The most different statements in one round trip; more take several. */
  static final int TOGETHER_MAX = 8;

  private final Connection connection;
  private final List<Part> parts = new ArrayList<>();

  /** Sets a statement's parameters. */
  @FunctionalInterface
  public interface Binder {
    /**
     * Sets them.
     *
     * @param statement to set them of
     * @param first the index of the first one
     * @throws SQLException if one is refused
     */
    void bind(PreparedStatement statement, int first) throws SQLException;
  }

  /** Looks at how many rows a statement has changed. */
  @FunctionalInterface
  public interface CountCheck {
    /**
     * Looks.
     *
     * @param rows how many
     * @throws SQLException if that may not be
     */
    void check(int rows) throws SQLException;
  }

  /** Looks at the rows of an answer. */
  @FunctionalInterface
  public interface Reader {
    /**
     * Looks.
     *
     * @param rows the answer, before its first row
     * @throws SQLException if it may not be
     */
    void read(ResultSet rows) throws SQLException;
  }

  private sealed interface Part {
    String sql();

    int parameters();

    Binder binder();

    record Change(String sql, int parameters, Binder binder, CountCheck check) implements Part {}

    record Question(String sql, int parameters, Binder binder, Reader reader) implements Part {}
  }

  /**
   * Begins an empty one.
   *
   * @param connection in an open transaction
   */
  public StatementBatch(Connection connection) {
    this.connection = connection;
  }

  /**
   * Adds a statement that gives no rows.
   *
   * @param sql one statement, as it is to be executed, without an end
   * @param parameters how many it has
   * @param binder sets them
   * @param check looks at the count
   */
  public void change(String sql, int parameters, Binder binder, CountCheck check) {
    parts.add(new Part.Change(sql, parameters, binder, check));
  }

  /**
   * Adds a statement that gives rows. To share a round trip, all its columns must be of a fixed
   * length, such as {@code boolean}, {@code integer}, {@code uuid}, {@code timestamptz} and {@code
   * name}: the driver fears a deadlock over full buffers, and ends a round trip before and after a
   * statement of which it cannot tell how long a row may be, once it has prepared it.
   *
   * @param sql one statement, as it is to be executed, without an end
   * @param parameters how many it has
   * @param binder sets them
   * @param reader looks at the rows
   */
  public void question(String sql, int parameters, Binder binder, Reader reader) {
    parts.add(new Part.Question(sql, parameters, binder, reader));
  }

  /**
   * The connection, for what cannot go together with others; call {@link #run} first.
   *
   * @return the transaction's connection
   */
  public Connection connection() {
    return connection;
  }

  /**
   * Runs what was added.
   *
   * @throws SQLException if a statement or a look at its answer fails; the transaction must be
   *     rolled back
   */
  public void run() throws SQLException {
    int from = 0;
    while (from < parts.size()) {
      int alike = alike(from);
      int to = alike > 1 ? from + alike : Math.min(parts.size(), from + TOGETHER_MAX);
      List<Part> some = List.copyOf(parts.subList(from, to));
      if (alike > 1) {
        repeat(some);
      } else {
        together(some);
      }
      from = to;
    }
    parts.clear();
  }

  /** How many changes by the same statement follow one another. */
  private int alike(int from) {
    int to = from;
    while (to < parts.size()
        && parts.get(to) instanceof Part.Change
        && parts.get(to).sql().equals(parts.get(from).sql())) {
      to++;
    }
    return to - from;
  }

  private void repeat(List<Part> some) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(some.getFirst().sql())) {
      for (Part part : some) {
        part.binder().bind(statement, 1);
        statement.addBatch();
      }
      int[] counts = statement.executeBatch();
      for (int i = 0; i < counts.length; i++) {
        if (some.get(i) instanceof Part.Change change) {
          change.check().check(counts[i]);
        }
      }
    }
  }

  private void together(List<Part> some) throws SQLException {
    StringBuilder text = new StringBuilder();
    for (Part part : some) {
      text.append(text.isEmpty() ? "" : "; ").append(part.sql());
    }
    try (PreparedStatement statement = connection.prepareStatement(text.toString())) {
      int first = 1;
      for (Part part : some) {
        part.binder().bind(statement, first);
        first += part.parameters();
      }
      statement.execute();
      for (Part part : some) {
        switch (part) {
          case Part.Change change -> change.check().check(statement.getUpdateCount());
          case Part.Question question -> {
            try (ResultSet rows = statement.getResultSet()) {
              if (rows == null) {
                throw new SQLException("no answer to: " + question.sql());
              }
              question.reader().read(rows);
            }
          }
        }
        statement.getMoreResults();
      }
    }
  }
}
