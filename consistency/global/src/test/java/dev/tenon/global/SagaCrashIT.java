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
class SagaCrashIT {
  @RegisterExtension static final PostgresExtension postgres = PostgresExtension.shared();

  @Test
  void doesAllOfASagaOnceOrUndoesItWhereverAProcessDies(CrashExplorer explorer) throws Exception {
    try (CrashSagas sagas = new CrashSagas(postgres, CrashSagas.Bug.NONE)) {
      Exploration exploration =
          explorer.sample(40).secondCrashes(10).explore(sagas).requireNoViolations();

      assertThat(exploration.commits()).isGreaterThan(30);
      assertThat(exploration.sends()).isGreaterThan(10);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void findsWhatIsPlanted(CrashSagas.Bug bug) throws Exception {
    try (CrashSagas sagas = new CrashSagas(postgres, bug)) {
      assertThat(violations(sagas))
          .containsAnyOf(
              "sagas of what",
              "open branches",
              "how one ended",
              "not acknowledged",
              "open sagas",
              "rounds");
    }
  }

  private static String violations(CrashSagas sagas) {
    try {
      return CrashExplorer.create().sample(0).explore(sagas).violations().toString();
    } catch (CrashExplorerException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
