package dev.tenon.messaging;

import dev.tenon.testing.database.Database;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.UnitOfWork;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Map;
import java.util.UUID;

/**
 * A process that answers the keys 0, 1, 2 and so on until it is killed, and writes each answer to a
 * file. Arguments: the file, then the database's name, URL, user and password.
 */
final class ReceiverMain {
  private ReceiverMain() {}

  public static void main(String[] arguments) throws Exception {
    Path answers = Path.of(arguments[0]);
    Database database = new Database(arguments[1], arguments[2], arguments[3], arguments[4]);
    try (TestService service = new TestService("order", database, builder -> builder)) {
      for (int key = 0; true; key++) {
        String answer = answer(service, Integer.toString(key));
        Files.writeString(answers, key + " " + answer + "\n", StandardOpenOption.APPEND);
      }
    }
  }

  private static String answer(TestService service, String key) {
    while (true) {
      try {
        Receipt receipt =
            service
                .messaging
                .receiver()
                .handle(
                    IdempotencyKey.of("test", "place", key),
                    Fingerprint.ofValue("place", key),
                    unit -> place(unit, key));
        switch (receipt) {
          case Receipt.Executed executed -> {
            return new String(executed.reply().body(), StandardCharsets.UTF_8);
          }
          case Receipt.Replayed replayed -> {
            return new String(replayed.reply().body(), StandardCharsets.UTF_8);
          }
          case Receipt.Rejected rejected -> Thread.onSpinWait();
        }
      } catch (TransactionException e) {
        System.err.println(e.getMessage()); // it asks again
      }
    }
  }

  private static StoredReply place(UnitOfWork unit, String key) {
    String id = UUID.randomUUID().toString();
    try (PreparedStatement insert =
        unit.connection().prepareStatement("INSERT INTO placed VALUES (?, ?)")) {
      insert.setString(1, key);
      insert.setString(2, id);
      insert.executeUpdate();
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    return new StoredReply(200, Map.of(), id.getBytes(StandardCharsets.UTF_8));
  }

  /** Starts such a process with this one's class path. */
  static Process start(Path answers, Database database) throws IOException {
    return new ProcessBuilder(
            ProcessHandle.current().info().command().orElseThrow(),
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            ReceiverMain.class.getName(),
            answers.toString(),
            database.name(),
            database.jdbcUrl(),
            database.user(),
            database.password())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(new File("target/process-receiver.log")))
        .start();
  }
}
