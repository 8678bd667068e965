package dev.tenon.testing.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.testing.crash.Violation.Phase;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CrashExplorerTest {
  private final CrashExplorer explorer = CrashExplorer.create();

  /** Something that can be sent. */
  @FunctionalInterface
  interface Letterbox {
    void put(String letter);
  }

  /** A scenario of sends alone: what arrives is durable. */
  private static class Letters implements Scenario {
    final List<String> arrived = new ArrayList<>();

    @Override
    public void reset() {
      arrived.clear();
    }

    @Override
    public void run(World world) throws Exception {
      Letterbox box = world.sends("writer", Letterbox.class, arrived::add);
      box.put("a");
      box.put("b");
    }

    @Override
    public void recover(World world) {}

    @Override
    public void check() {}
  }

  @Test
  void refusesAScenarioWithoutAPoint() {
    Scenario nothing =
        new Letters() {
          @Override
          public void run(World world) {}
        };

    assertThatThrownBy(() -> explorer.explore(nothing))
        .isInstanceOf(CrashExplorerException.class)
        .hasMessageContaining("no commit and no send was seen");
  }

  @Test
  void refusesAScenarioThatFailsWithoutAFault() {
    Scenario broken =
        new Letters() {
          @Override
          public void check() {
            assertThat(arrived).isEmpty();
          }
        };

    assertThatThrownBy(() -> explorer.explore(broken))
        .isInstanceOf(CrashExplorerException.class)
        .hasMessageContaining("it fails without any fault");
  }

  @Test
  void refusesAScenarioThatDoesNotEndEvenIfItCatchesEverything() {
    Scenario endless =
        new Letters() {
          @Override
          @SuppressWarnings("EmptyCatch") // what is tested
          public void run(World world) {
            Letterbox box = world.sends("writer", Letterbox.class, arrived::add);
            for (int i = 0; i < 1000; i++) {
              try {
                box.put("more");
              } catch (Throwable t) {
                arrived.add("caught");
              }
            }
          }
        };

    assertThatThrownBy(() -> explorer.pointsMax(50).explore(endless))
        .isInstanceOf(CrashExplorerException.class)
        .hasMessageContaining("it does not end");
  }

  @Test
  void deliversEachMessageLateTwiceAndNotAtAll() {
    List<List<String>> ends = new ArrayList<>();
    Scenario letters =
        new Letters() {
          @Override
          public void check() {
            ends.add(List.copyOf(arrived));
          }
        };

    explorer.faults(Set.of(Fault.REORDER, Fault.DUPLICATE, Fault.CRASH_BEFORE)).explore(letters);

    assertThat(ends)
        .containsExactlyInAnyOrder(
            List.of("a", "b"),
            List.of(),
            List.of("a", "a", "b"),
            List.of("b", "a"),
            List.of("a"),
            List.of("a", "b", "b"),
            List.of("a", "b"));
  }

  @Test
  void keepsADeadProcessDeadThoughItCaughtItsCrash() {
    Scenario stubborn =
        new Letters() {
          @Override
          public void run(World world) {
            Letterbox box = world.sends("writer", Letterbox.class, arrived::add);
            try {
              box.put("a");
            } catch (SimulatedCrash e) {
              box.put("b");
            }
          }

          @Override
          public void check() {
            assertThat(arrived).doesNotContain("b");
          }
        };

    explorer.explore(stubborn).requireNoViolations();
  }

  @Test
  void takesAnErrorOfTheRunAsAViolationUnlessAFaultExplainsIt() {
    Scenario picky =
        new Letters() {
          @Override
          public void run(World world) throws Exception {
            super.run(world);
            if (arrived.equals(List.of("b", "a"))) {
              throw new IllegalStateException("out of order");
            }
          }
        };

    assertThat(explorer.explore(picky).violations())
        .singleElement()
        .satisfies(
            violation -> {
              assertThat(violation.phase()).isEqualTo(Phase.RUN);
              assertThat(violation.faults().getFirst().id()).isEqualTo("1/reorder");
            });
  }

  @Test
  void countsRunsThatStrayed() {
    Scenario moody =
        new Letters() {
          private int runs;

          @Override
          public void run(World world) throws Exception {
            if (runs++ == 0) {
              super.run(world);
            }
          }
        };

    Exploration exploration = explorer.faults(Set.of(Fault.CRASH_AFTER)).explore(moody);

    assertThat(exploration.strays()).isEqualTo(2);
    assertThat(exploration).asString().contains("not deterministic");
  }

  @Test
  void exploresOneFaultByName() {
    List<List<String>> ends = new ArrayList<>();
    Scenario letters =
        new Letters() {
          @Override
          public void check() {
            ends.add(List.copyOf(arrived));
          }
        };

    Exploration exploration = explorer.only("2/crash-before").explore(letters);

    assertThat(exploration.runs()).isEqualTo(1);
    assertThat(ends).containsExactly(List.of("a", "b"), List.of("a"));
  }

  @Test
  void crashesARecoveryToo() {
    Scenario recovering =
        new Letters() {
          @Override
          public void recover(World world) {
            world.sends("writer", Letterbox.class, arrived::add).put("recovered");
          }

          @Override
          public void check() {
            assertThat(arrived).contains("recovered");
          }
        };

    Exploration exploration =
        explorer
            .faults(Set.of(Fault.CRASH_BEFORE))
            .secondCrashes(100)
            .explore(recovering)
            .requireNoViolations();

    assertThat(exploration.runs()).isEqualTo(3 + 3);
  }

  @Test
  void letsTheOthersGoOnWhenAProcessDiesAlone() {
    Relay relay = new Relay();

    Exploration exploration =
        explorer.faults(Set.of(Fault.CRASH_ALONE_BEFORE, Fault.CRASH_ALONE_AFTER)).explore(relay);

    assertThat(exploration.requireNoViolations().runs()).isEqualTo(6);
    assertThat(relay.refused).isEqualTo(2);
  }

  /** The writer sends to the reader, who sends on what it gets. */
  private static final class Relay extends Letters {
    private int refused;

    @Override
    public void run(World world) throws Exception {
      Letterbox archive = world.sends("reader", Letterbox.class, arrived::add);
      SendRules rules = SendRules.defaults().failingWith(IllegalStateException::new);
      Letterbox reader = world.sends("writer", Letterbox.class, archive::put, rules);
      world.attempt("writer", () -> write(reader));
      boolean done = false;
      while (!done) {
        Letterbox next = world.sends("reader", Letterbox.class, arrived::add);
        done = world.attempt("reader", () -> next.put("from the reader"));
      }
    }

    private void write(Letterbox reader) {
      try {
        reader.put("from the writer");
      } catch (IllegalStateException e) {
        refused++;
      }
    }

    @Override
    public void check() {
      assertThat(arrived).contains("from the reader");
    }
  }
}
