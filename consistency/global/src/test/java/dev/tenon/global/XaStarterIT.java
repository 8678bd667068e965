package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.Fingerprint;
import dev.tenon.messaging.Receipt;
import dev.tenon.testing.database.PostgresExtension;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A starter with a second database of its own, which it reaches by a branch of its own. */
class XaStarterIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final BranchType<String> FILE = BranchType.xa("file", String.class);

  private final FakeParticipants participants = new FakeParticipants();
  private DataSource archive;
  private StartingService order;

  @BeforeEach
  void start() throws SQLException {
    archive = postgres.dataSource(postgres.freshDatabase("archive"));
    archive("CREATE TABLE filed (what text)");
    order =
        new StartingService(
            postgres.freshDatabase(StartingService.NAME),
            participants,
            pooling -> {},
            builder -> builder.branch(FILE).database(new XaDatabase("archive", archive)));
    order.execute("CREATE TABLE placed (what text)");
    participants.answer =
        (service, told) -> order.global.endpoint().finish("order", List.of(told)).getFirst();
  }

  @AfterEach
  void stop() {
    order.close();
  }

  private void archive(String sql) throws SQLException {
    try (Connection connection = archive.getConnection();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(true);
      statement.execute(sql);
    }
  }

  private List<String> filed() throws SQLException {
    List<String> values = new ArrayList<>();
    try (Connection connection = archive.getConnection();
        Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT what FROM filed")) {
      while (row.next()) {
        values.add(row.getString(1));
      }
    }
    return values;
  }

  /** A call of the service to itself. */
  private void file(String what) {
    GlobalCall call = GlobalCall.begin("order").orElseThrow();
    Receipt receipt;
    try (Scope.Entered left = Scope.leave()) {
      receipt =
          order
              .global
              .participant()
              .handle(
                  new BranchCall(call.xid(), call.step(), "order", "file"),
                  Fingerprint.ofValue("file", what),
                  unit -> {
                    order.global.participant().open(FILE, what);
                    StartingService.write(unit, "INSERT INTO placed VALUES ('filed')");
                    write("INSERT INTO filed VALUES ('" + what + "')");
                    return StockService.reply("filed");
                  });
    }
    call.answered(StockService.listing(receipt).text());
  }

  private void write(String sql) {
    try (Statement statement = order.global.participant().connection("archive").createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void commitsBothOfItsDatabasesWithItsDecision() throws SQLException {
    order.global.<Boolean, RuntimeException>call(
        transaction -> {
          file("lamp");
          order.execute("INSERT INTO placed VALUES ('lamp')");
          return true;
        });
    order.settle();

    assertThat(filed()).containsExactly("lamp");
    assertThat(order.column("SELECT what FROM placed ORDER BY what"))
        .containsExactly("filed", "lamp");
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void rollsBackBothOfItsDatabasesWhenItFails() throws SQLException {
    assertThatThrownBy(
            () ->
                order.global.<Boolean, RuntimeException>call(
                    transaction -> {
                      file("lamp");
                      throw new IllegalStateException("no");
                    }))
        .hasMessage("no");
    order.settle();

    assertThat(filed()).isEmpty();
    assertThat(order.column("SELECT what FROM placed")).isEmpty();
    assertThat(
            order.column(
                "SELECT gid FROM pg_prepared_xacts WHERE database IN (current_database(),"
                    + " 'archive')"))
        .isEmpty();
  }
}
