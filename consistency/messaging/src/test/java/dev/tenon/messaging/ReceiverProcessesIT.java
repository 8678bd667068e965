package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.database.Database;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Two real processes answer the same keys, and one after the other is killed. */
class ReceiverProcessesIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private static final int KILLS = 4;
  private static final int ANSWERS_BETWEEN_KILLS = 100;

  @TempDir Path directory;

  @Test
  void answersAlikeAndPlacesOnceWhoeverIsKilled() throws IOException, InterruptedException {
    Database database = postgres.freshDatabase("order");
    List<Path> files = new ArrayList<>();
    try (TestService order = new TestService("order", database, builder -> builder)) {
      order.execute("CREATE TABLE placed (key text, id text)");
      Process running = start(files, database);
      for (int kill = 0; kill < KILLS; kill++) {
        Process next = start(files, database);
        Path file = files.getLast();
        Awaitility.await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> Files.readAllLines(file).size() > ANSWERS_BETWEEN_KILLS);
        running.destroyForcibly().waitFor();
        running = next;
      }
      running.destroyForcibly().waitFor();

      Map<String, String> answered = new HashMap<>();
      int answers = 0;
      for (Path file : files) {
        List<String> lines = Files.readAllLines(file);
        for (String line : lines.subList(0, Math.max(0, lines.size() - 1))) {
          String[] answer = line.split(" ");
          assertThat(answered.merge(answer[0], answer[1], (one, other) -> one))
              .as("answers to key " + answer[0])
              .isEqualTo(answer[1]);
          answers++;
        }
      }
      assertThat(answers).isGreaterThan(KILLS * ANSWERS_BETWEEN_KILLS);
      assertThat(order.column("SELECT key FROM placed GROUP BY key HAVING count(*) > 1")).isEmpty();
      assertThat(order.column("SELECT key || ' ' || id FROM placed"))
          .containsAll(
              answered.entrySet().stream()
                  .map(entry -> entry.getKey() + " " + entry.getValue())
                  .toList());
    }
  }

  private Process start(List<Path> files, Database database) throws IOException {
    Path file = Files.createFile(directory.resolve("answers-" + files.size()));
    files.add(file);
    return ReceiverMain.start(file, database);
  }
}
