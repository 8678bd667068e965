package dev.tenon.global;

import static dev.tenon.global.StartingService.TIMEOUT;
import static dev.tenon.global.StartingService.branch;
import static dev.tenon.global.StartingService.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.FakeParticipants.Told;
import dev.tenon.testing.database.PostgresExtension;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class StarterIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  private final FakeParticipants participants = new FakeParticipants();
  private StartingService order;

  @BeforeEach
  void open() {
    order = new StartingService(postgres.freshDatabase("order"), participants);
    order.execute("CREATE TABLE placed (number int)");
  }

  @AfterEach
  void close() {
    order.close();
  }

  private void settle() {
    while (order.global.runPending()) {
      assertThat(participants.told).hasSizeLessThan(10_000);
    }
  }

  @Test
  void decidesInTheCommitOfTheStartersOwnRows() {
    Branch[] branches = new Branch[2];

    int answer =
        order.global.call(
            TIMEOUT,
            transaction -> {
              branches[0] = branch("stock");
              branches[1] = branch("wallet");
              order.transactions.run(unit -> write(unit, "INSERT INTO placed VALUES (1)"));
              return 7;
            });

    assertThat(answer).isEqualTo(7);
    assertThat(order.column("SELECT p.xmin = d.xmin FROM placed p, tenon.global_decision d"))
        .containsExactly("t");
    settle();
    assertThat(participants.told)
        .containsExactlyInAnyOrder(
            Told.of(branches[0], Outcome.COMMITTED), Told.of(branches[1], Outcome.COMMITTED));
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void decidesWithACommitOfItsOwnIfTheStarterWritesNothing() {
    order.global.call(TIMEOUT, transaction -> branch("stock"));
    settle();

    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void writesNoDecisionIfNobodyHasABranch() {
    order.global.run(
        TIMEOUT,
        transaction -> order.transactions.run(u -> write(u, "INSERT INTO placed VALUES (1)")));

    assertThat(order.decisions()).isEmpty();
    assertThat(order.column("SELECT number FROM placed")).containsExactly("1");
  }

  @Test
  void abortsWithoutWritingWhenTheWorkFails() {
    Branch[] branches = new Branch[1];

    assertThatThrownBy(
            () ->
                order.global.call(
                    TIMEOUT,
                    transaction -> {
                      branches[0] = branch("stock");
                      throw new IOException("no");
                    }))
        .isInstanceOf(IOException.class)
        .hasMessage("no");

    settle();
    assertThat(participants.told).containsExactly(Told.of(branches[0], Outcome.ABORTED));
    assertThat(order.decisions()).isEmpty();
  }

  @Test
  void tellsAgainWhatAParticipantDidNotHear() {
    participants.down.add("stock");
    order.global.call(TIMEOUT, transaction -> List.of(branch("stock"), branch("wallet")));
    settle();
    assertThat(order.acknowledged()).isEmpty();

    participants.down.clear();
    order.execute("UPDATE tenon.global_decision SET next_at = clock_timestamp()");
    settle();

    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }
}
