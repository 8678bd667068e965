package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.crash.CrashExplorer;
import dev.tenon.testing.crash.CrashExplorerExtension;
import dev.tenon.testing.crash.Exploration;
import dev.tenon.testing.database.PostgresExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;

@ExtendWith(CrashExplorerExtension.class)
class ParticipantCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @Test
  void endsEveryBranchAsTheStarterHasDecidedWhereverAProcessDies(CrashExplorer explorer)
      throws Exception {
    try (SimulatedShop shop = new SimulatedShop(postgres, SimulatedShop.Planted.NOTHING)) {
      Exploration exploration = explorer.secondCrashes(30).explore(shop).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(10);
      assertThat(exploration.sends()).isGreaterThan(5);
      assertThat(exploration.runs()).isGreaterThan(100);
    }
  }

  @Test
  void findsAConfirmThatIsWrittenByAnotherCommit(CrashExplorer explorer) throws Exception {
    try (SimulatedShop shop =
        new SimulatedShop(postgres, SimulatedShop.Planted.CONFIRM_IN_ANOTHER_COMMIT)) {
      Exploration exploration = explorer.explore(shop);

      assertThat(exploration.violations()).isNotEmpty();
    }
  }

  @Test
  void findsAStarterThatCommitsWhatItDoesNotKnow(CrashExplorer explorer) throws Exception {
    try (SimulatedShop shop = new SimulatedShop(postgres, SimulatedShop.Planted.GUESSED_ANSWERS)) {
      Exploration exploration = explorer.explore(shop);

      assertThat(exploration.violations()).isNotEmpty();
    }
  }
}
