package dev.tenon.global;

import static dev.tenon.global.StartingService.TIMEOUT;
import static dev.tenon.global.StartingService.branch;
import static dev.tenon.global.StartingService.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.global.FakeParticipants.Told;
import dev.tenon.testing.database.PostgresExtension;
import dev.tenon.transaction.RolledBackException;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
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
    order.settle();
    assertThat(participants.told)
        .containsExactlyInAnyOrder(
            Told.of(branches[0], Outcome.COMMITTED), Told.of(branches[1], Outcome.COMMITTED));
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void decidesWithACommitOfItsOwnIfTheStarterWritesNothing() {
    order.global.call(TIMEOUT, transaction -> branch("stock"));
    order.settle();

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

    order.settle();
    assertThat(participants.told).containsExactly(Told.of(branches[0], Outcome.ABORTED));
    assertThat(order.decisions()).isEmpty();
  }

  @Test
  void addsNoCommitToTheStartersOwn() {
    order.global.call(TIMEOUT, transaction -> transaction.xid()); // looks at the database once
    order.line.commits.set(0);

    order.global.run(
        TIMEOUT,
        transaction -> {
          branch("stock");
          order.transactions.run(unit -> write(unit, "INSERT INTO placed VALUES (1)"));
        });

    assertThat(order.line.commits).hasValue(1);
  }

  @Test
  void doesNotCommitWhileACallHasNoDefiniteAnswer() {
    assertRefused(GlobalCall::unknown, "has no definite answer");
    assertRefused(call -> {}, "is under way");
    assertRefused(call -> call.answered(Listing.INCOMPLETE.text()), "does not name all");
    assertRefused(call -> call.answered(null), "does not name all");
    assertRefused(call -> call.refused(null), "has no definite answer");

    assertThat(order.column("SELECT number FROM placed")).isEmpty();
    assertThat(order.decisions()).isEmpty();
    order.settle();
    assertThat(participants.told)
        .filteredOn(told -> told.service().equals("stock"))
        .hasSize(5)
        .allMatch(told -> told.outcome() == Outcome.ABORTED && told.named());
    assertThat(participants.told)
        .filteredOn(told -> told.service().equals("wallet"))
        .hasSize(3)
        .allMatch(told -> told.outcome() == Outcome.ABORTED && !told.named());
  }

  private void assertRefused(Consumer<GlobalCall> end, String reason) {
    assertThatThrownBy(
            () ->
                order.global.run(
                    TIMEOUT,
                    transaction -> {
                      branch("stock");
                      end.accept(GlobalCall.begin("wallet").orElseThrow());
                      order.transactions.run(u -> write(u, "INSERT INTO placed VALUES (1)"));
                    }))
        .isInstanceOfSatisfying(
            GlobalTransactionException.class,
            e -> assertThat(e.told()).isEqualTo(GlobalTransactionException.Told.ABORTED))
        .hasMessageContaining(reason);
  }

  @Test
  void commitsAfterARefusalAndUndoesWhatItDropped() {
    Branch[] branches = new Branch[2];

    order.global.run(
        TIMEOUT,
        transaction -> {
          branches[0] = branch("stock");
          GlobalCall refused = GlobalCall.begin("wallet").orElseThrow();
          branches[1] = new Branch("bank", UUID.randomUUID(), BranchKind.SAGA, "2.1");
          refused.refused(new Listing(true, List.of(), List.of(branches[1])).text());
        });

    order.settle();
    assertThat(participants.told)
        .containsExactlyInAnyOrder(
            Told.of(branches[0], Outcome.COMMITTED), Told.of(branches[1], Outcome.ABORTED));
    assertThat(order.acknowledged()).containsExactly("COMMITTED");
  }

  @Test
  void refusesACallAfterTheDecision() {
    assertThatThrownBy(
            () ->
                order.global.run(
                    TIMEOUT,
                    transaction -> {
                      branch("stock");
                      order.transactions.run(u -> write(u, "INSERT INTO placed VALUES (1)"));
                      branch("wallet");
                    }))
        .isInstanceOfSatisfying(
            GlobalTransactionException.class,
            e -> assertThat(e.told()).isEqualTo(GlobalTransactionException.Told.COMMITTED))
        .hasMessageContaining("Make all calls before");

    assertThat(order.decisions()).containsExactly("COMMITTED");
  }

  @Test
  void tellsThatItIsCommittedWhenWorkFailsAfterTheDecision() {
    assertThatThrownBy(
            () ->
                order.global.run(
                    TIMEOUT,
                    transaction -> {
                      branch("stock");
                      order.transactions.run(u -> write(u, "INSERT INTO placed VALUES (1)"));
                      throw new IOException("too late");
                    }))
        .isInstanceOfSatisfying(
            GlobalTransactionException.class,
            e -> assertThat(e.told()).isEqualTo(GlobalTransactionException.Told.COMMITTED))
        .hasCauseInstanceOf(IOException.class);
  }

  @Test
  void abortsWhenItIsToldToAndWhenJoinedWorkFails() {
    assertThatThrownBy(
            () ->
                order.global.run(
                    TIMEOUT,
                    transaction -> {
                      branch("stock");
                      order.global.current().orElseThrow().setRollbackOnly("no money");
                    }))
        .isInstanceOf(GlobalTransactionException.class)
        .hasMessageContaining("no money");
    assertThatThrownBy(
            () ->
                order.global.run(
                    TIMEOUT,
                    transaction -> {
                      branch("stock");
                      try {
                        order.global.run(
                            TIMEOUT,
                            joined -> {
                              assertThat(joined.xid()).isEqualTo(transaction.xid());
                              throw new IOException("swallowed");
                            });
                      } catch (IOException e) {
                        assertThat(e).hasMessage("swallowed");
                      }
                    }))
        .isInstanceOf(GlobalTransactionException.class)
        .hasMessageContaining("joined");

    assertThat(order.decisions()).isEmpty();
  }

  @Test
  void endsAnIndependentOneByItself() {
    Branch[] branches = new Branch[2];

    assertThatThrownBy(
            () ->
                order.global.run(
                    TIMEOUT,
                    transaction -> {
                      branches[0] = branch("stock");
                      branches[1] =
                          order.global.call(TIMEOUT, Nesting.INDEPENDENT, other -> branch("audit"));
                      throw new IOException("outer");
                    }))
        .isInstanceOf(IOException.class);

    order.settle();
    assertThat(participants.told)
        .containsExactlyInAnyOrder(
            Told.of(branches[0], Outcome.ABORTED), Told.of(branches[1], Outcome.COMMITTED));
  }

  @Test
  void decidesWithTheUnitOfWorkThatWasOpenBefore() {
    Branch[] branches = new Branch[2];

    order.transactions.run(
        unit -> {
          write(unit, "INSERT INTO placed VALUES (1)");
          branches[0] = order.global.call(TIMEOUT, transaction -> branch("stock"));
        });
    assertThatThrownBy(
            () ->
                order.transactions.run(
                    unit -> {
                      branches[1] = order.global.call(TIMEOUT, transaction -> branch("stock"));
                      throw new IOException("outside");
                    }))
        .isInstanceOf(IOException.class);

    assertThat(order.column("SELECT p.xmin = d.xmin FROM placed p, tenon.global_decision d"))
        .containsExactly("t");
    order.settle();
    assertThat(participants.told)
        .containsExactlyInAnyOrder(
            Told.of(branches[0], Outcome.COMMITTED), Told.of(branches[1], Outcome.ABORTED));
  }

  @Test
  void decidesInASecondUnitOfWorkIfTheFirstWasRolledBack() {
    order.global.run(
        TIMEOUT,
        transaction -> {
          branch("stock");
          try {
            order.transactions.run(
                unit -> {
                  write(unit, "INSERT INTO placed VALUES (1)");
                  unit.setRollbackOnly();
                });
          } catch (RolledBackException e) {
            order.transactions.run(unit -> write(unit, "INSERT INTO placed VALUES (2)"));
          }
        });

    assertThat(order.column("SELECT number FROM placed")).containsExactly("2");
    assertThat(order.decisions()).containsExactly("COMMITTED");
  }

  @Test
  void belongsToTheIncomingTransactionWhereTheThreadServesOne() {
    Xid xid =
        new Xid("shop", "ab", Instant.now(), Instant.now().plusSeconds(60), UUID.randomUUID());
    BranchCall call =
        new BranchCall(SignedXid.sign(xid, TestSigner.INSTANCE).header(), "3", "shop", "place");
    String[] step = new String[1];

    try (Participant.Reading reading = order.global.participant().enter(call)) {
      Xid joined =
          order.global.call(
              TIMEOUT,
              transaction -> {
                step[0] = branch("stock").step();
                order.transactions.run(unit -> write(unit, "INSERT INTO placed VALUES (1)"));
                return transaction.xid();
              });

      assertThat(joined).isEqualTo(xid);
      assertThat(Listing.parse(reading.listing(false)).kept()).hasSize(1);
    }

    assertThat(step[0]).isEqualTo("3.1");
    assertThat(order.decisions()).isEmpty();
  }
}
