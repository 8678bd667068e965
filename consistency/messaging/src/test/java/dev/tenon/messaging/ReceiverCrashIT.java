package dev.tenon.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.messaging.Receipt.Executed;
import dev.tenon.messaging.Receipt.Rejected;
import dev.tenon.messaging.Receipt.Rejection;
import dev.tenon.messaging.Receipt.Replayed;
import dev.tenon.messaging.SimulatedServices.Service;
import dev.tenon.testing.crash.CrashExplorer;
import dev.tenon.testing.crash.CrashExplorerException;
import dev.tenon.testing.crash.CrashExplorerExtension;
import dev.tenon.testing.crash.Exploration;
import dev.tenon.testing.crash.Scenario;
import dev.tenon.testing.crash.SendRules;
import dev.tenon.testing.crash.World;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import java.nio.charset.StandardCharsets;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith(CrashExplorerExtension.class)
class ReceiverCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @Test
  void doesEachCallOnceAndAnswersItAlikeWhereverAProcessDies(CrashExplorer explorer)
      throws Exception {
    try (Bank bank = new Bank(UnaryOperator.identity())) {
      Exploration exploration = explorer.secondCrashes(40).explore(bank).requireNoViolations();

      assertThat(exploration.commits()).isEqualTo(4);
      assertThat(exploration.sends()).isEqualTo(10);
      assertThat(exploration.runs()).isGreaterThan(100);
    }
  }

  @Test
  void findsAReplyThatIsStoredByAnotherCommit(CrashExplorer explorer) throws Exception {
    try (Bank bank = new Bank(PlantedReceivers::storingLater)) {
      Exploration exploration = explorer.explore(bank);

      assertThat(exploration.violations())
          .isNotEmpty()
          .allSatisfy(
              violation -> assertThat(violation.cause()).hasMessageContaining("effects of"));
    }
  }

  @Test
  void findsARefusalThatIsNotStored() throws Exception {
    try (Bank bank = new Bank(PlantedReceivers::forgettingRefusals)) {
      assertThatThrownBy(() -> CrashExplorer.create().explore(bank))
          .isInstanceOf(CrashExplorerException.class)
          .hasMessageContaining("fails without any fault")
          .hasMessageContaining("withdraw");
    }
  }

  @Test
  void findsThatFingerprintsAreNotCompared() throws Exception {
    try (Bank bank = new Bank(PlantedReceivers::ignoringFingerprints)) {
      assertThatThrownBy(() -> CrashExplorer.create().explore(bank))
          .isInstanceOf(CrashExplorerException.class)
          .hasMessageContaining("fails without any fault")
          .hasMessageContaining("another amount");
    }
  }

  /** A receiver, and what planted ones are made of. */
  record Parts(IdempotentReceiver receiver, Transactions transactions) {}

  /** No answer came. */
  static final class LostException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    LostException(String message) {
      super(message);
    }
  }

  /** A client moves money, and asks again under the same key until it is answered. */
  private static final class Bank implements Scenario, AutoCloseable {
    private static final SendRules CALLS = SendRules.defaults().failingWith(LostException::new);
    private static final int TRIES_MAX = 20;

    /** In this order, so that a withdrawal is refused first, and could be granted later. */
    private static final Map<String, Integer> MOVES =
        new TreeMap<>(Map.of("1-deposit", 50, "2-withdraw", -80, "3-flaky", 10, "4-deposit", 100));

    private final SimulatedServices services = new SimulatedServices(postgres);
    private final UnaryOperator<Parts> planted;
    private final Map<String, List<String>> answers = new TreeMap<>();
    private final Set<String> failed = new HashSet<>();

    Bank(UnaryOperator<Parts> planted) throws SQLException {
      this.planted = planted;
      services.database(
          "bank",
          "CREATE TABLE moved (number serial, key text, amount int)",
          "GRANT ALL ON moved, moved_number_seq TO PUBLIC");
    }

    @Override
    public void close() {
      services.close();
    }

    @Override
    public void reset() throws SQLException {
      services.reset();
      answers.clear();
      failed.clear();
    }

    @Override
    public void run(World world) throws Exception {
      Service bank = start(world);
      for (Map.Entry<String, Integer> move : MOVES.entrySet()) {
        ask(world, bank, move.getKey(), move.getValue());
      }
      ask(world, bank, "2-withdraw", MOVES.get("2-withdraw"));
    }

    @Override
    public void recover(World world) throws Exception {
      Service bank = start(world);
      for (Map.Entry<String, Integer> move : MOVES.entrySet()) {
        ask(world, bank, move.getKey(), move.getValue());
      }
      bank.work(
          (transactions, messaging) ->
              assertThat(receive(new Parts(messaging.receiver(), transactions), "1-deposit", 51))
                  .as("another amount under a used key")
                  .isEqualTo(Rejection.OTHER_REQUEST.name()));
    }

    private Service start(World world) throws SQLException {
      return services.start(
          world,
          services.network(),
          "bank",
          (builder, self) -> builder.topic(Topic.of("bank.moved", "*")));
    }

    /** The client is outside: its memory survives, and when it dies it asks again. */
    private void ask(World world, Service bank, String key, int amount) throws Exception {
      for (int attempt = 1; attempt <= TRIES_MAX; attempt++) {
        String[] answer = new String[1];
        boolean lived =
            world.attempt("client", () -> answer[0] = client(world, bank).apply(key, amount));
        if (lived && answer[0] != null) {
          answers.computeIfAbsent(key, k -> new ArrayList<>()).add(answer[0]);
          return;
        }
      }
      throw new AssertionError("no answer to " + key);
    }

    @SuppressWarnings("unchecked")
    private BiFunction<String, Integer, String> client(World world, Service bank) {
      BiFunction<String, Integer, String> network = (key, amount) -> delivered(bank, key, amount);
      BiFunction<String, Integer, String> counted =
          world.sends("client", BiFunction.class, network, CALLS);
      return (key, amount) -> {
        try {
          return counted.apply(key, amount);
        } catch (LostException e) {
          return null; // it asks again
        }
      };
    }

    private String delivered(Service bank, String key, int amount) {
      String[] answer = new String[1];
      try {
        bank.work(
            (transactions, messaging) ->
                answer[0] =
                    receive(new Parts(messaging.receiver(), transactions), key, amount, messaging));
      } catch (TransactionException | MessagingException | IllegalStateException e) {
        throw new LostException("an error of the server: " + e.getMessage());
      } catch (Exception e) {
        throw new AssertionError(e);
      }
      if (answer[0] == null) {
        throw new LostException("the server died");
      }
      return answer[0];
    }

    private String receive(Parts parts, String key, int amount, Messaging... messaging) {
      Receipt receipt =
          planted
              .apply(parts)
              .receiver()
              .handle(
                  IdempotencyKey.of("client", "move", key),
                  Fingerprint.ofValue("move", amount),
                  unit -> move(unit, key, amount, messaging));
      return switch (receipt) {
        case Executed executed -> new String(executed.reply().body(), StandardCharsets.UTF_8);
        case Replayed replayed -> new String(replayed.reply().body(), StandardCharsets.UTF_8);
        case Rejected rejected -> rejected.reason().name();
      };
    }

    private StoredReply move(UnitOfWork unit, String key, int amount, Messaging... messaging) {
      String number = insert(unit, key, amount);
      for (Messaging each : messaging) {
        each.outbox().publish("bank.moved", key, number);
      }
      if (key.contains("flaky") && failed.add(key)) {
        throw new IllegalStateException("the printer is on fire");
      }
      if (balance(unit) < 0) {
        throw new RefusalException("too little money", reply("refused as number " + number));
      }
      return reply("moved as number " + number);
    }

    private static StoredReply reply(String body) {
      return new StoredReply(200, Map.of(), body.getBytes(StandardCharsets.UTF_8));
    }

    private static String insert(UnitOfWork unit, String key, int amount) {
      try (PreparedStatement insert =
          unit.connection()
              .prepareStatement("INSERT INTO moved (key, amount) VALUES (?, ?) RETURNING number")) {
        insert.setString(1, key);
        insert.setInt(2, amount);
        try (ResultSet row = insert.executeQuery()) {
          row.next();
          return row.getString(1);
        }
      } catch (SQLException e) {
        throw new IllegalStateException(e);
      }
    }

    private static long balance(UnitOfWork unit) {
      try (PreparedStatement select =
              unit.connection().prepareStatement("SELECT sum(amount) FROM moved");
          ResultSet row = select.executeQuery()) {
        row.next();
        return row.getLong(1);
      } catch (SQLException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void check() throws SQLException {
      assertThat(answers.keySet()).isEqualTo(MOVES.keySet());
      for (Map.Entry<String, List<String>> answer : answers.entrySet()) {
        assertThat(answer.getValue())
            .as("answers to " + answer.getKey())
            .containsOnly(answer.getValue().getFirst());
        assertThat(
                services.column(
                    "bank",
                    "SELECT 'moved as number ' || number FROM moved WHERE key = '"
                        + answer.getKey()
                        + "'"))
            .as("effects of " + answer.getKey())
            .isEqualTo(
                answer.getValue().getFirst().startsWith("moved")
                    ? List.of(answer.getValue().getFirst())
                    : List.of());
      }
      assertThat(services.column("bank", "SELECT key FROM moved ORDER BY key"))
          .as("messages of each effect")
          .isEqualTo(services.column("bank", "SELECT key FROM tenon.outbox ORDER BY key"));
    }
  }
}
