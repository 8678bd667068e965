package dev.tenon.global;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tenon.testing.crash.CrashExplorer;
import dev.tenon.testing.crash.CrashExplorerException;
import dev.tenon.testing.crash.CrashExplorerExtension;
import dev.tenon.testing.crash.Exploration;
import dev.tenon.testing.database.PostgresExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith({CrashExplorerExtension.class, ExpectedFailures.class})
class GlobalCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @Test
  void commitsAllBranchesOrNoneWhereverAProcessDies(CrashExplorer explorer) throws Exception {
    try (CrashShop shop = new CrashShop(postgres, CrashShop.Bug.NONE)) {
      Exploration exploration =
          explorer.sample(80).secondCrashes(20).explore(shop).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(20);
      assertThat(exploration.sends()).isGreaterThan(10);
    }
  }

  @Test
  void commitsWhatIsPreparedWithAllOthersOrNotAtAll(CrashExplorer explorer) throws Exception {
    try (CrashShop shop = new CrashShop(postgres, CrashShop.Bug.NONE, BranchKind.XA)) {
      Exploration exploration =
          explorer.sample(40).secondCrashes(10).explore(shop).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(20);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void findsWhatIsPlanted(CrashShop.Bug bug) throws Exception {
    try (CrashShop shop = new CrashShop(postgres, bug)) {
      assertThat(violations(shop)).containsAnyOf("kept by", "not acknowledged");
    }
  }

  private static String violations(CrashShop shop) {
    try {
      return CrashExplorer.create().sample(80).explore(shop).violations().toString();
    } catch (CrashExplorerException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
