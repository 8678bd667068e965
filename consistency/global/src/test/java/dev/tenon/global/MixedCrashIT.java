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
class MixedCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @Test
  void endsBranchesOfAllKindsAlikeWhereverAProcessDies(CrashExplorer explorer) throws Exception {
    try (CrashMixed mixed = new CrashMixed(postgres, CrashMixed.Bug.NONE)) {
      Exploration exploration =
          explorer.sample(8).secondCrashes(4).explore(mixed).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(30);
      assertThat(exploration.sends()).isGreaterThan(20);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void findsWhatIsPlanted(CrashMixed.Bug bug) throws Exception {
    try (CrashMixed mixed = new CrashMixed(postgres, bug)) {
      assertThat(violations(mixed)).containsAnyOf("kept by", "not acknowledged", "open branches");
    }
  }

  private static String violations(CrashMixed mixed) {
    try {
      return CrashExplorer.create().sample(0).explore(mixed).violations().toString();
    } catch (CrashExplorerException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
