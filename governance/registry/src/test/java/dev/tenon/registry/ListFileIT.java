package dev.tenon.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.registry.Instance.Location;
import dev.tenon.registry.Instance.Traits;
import dev.tenon.registry.Registration.State;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ListFileIT {
  private static final Registration ONE =
      new Registration(
          new Instance(
              "stock",
              new UUID(1, 2),
              new Location("10.0.0.7", Map.of("tenon", 7001, "http", 8080), "eu-1"),
              new Traits(50, "1.2.3", Map.of("team", "stock"))),
          7,
          State.DRAINING,
          9);

  @TempDir Path directory;

  @Test
  void readsWhatItHasWritten() throws IOException {
    ListFile file = new ListFile(directory.resolve("new/list.json"));

    assertThat(file.read()).isEmpty();
    file.write(List.of());
    file.write(List.of(ONE));

    assertThat(file.read()).containsExactly(ONE);
    assertThat(directory.resolve("new")).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void takesAFileThatCannotBeReadForNone() throws IOException {
    Path path = directory.resolve("list.json");
    ListFile file = new ListFile(path);
    file.write(List.of(ONE));
    byte[] whole = Files.readAllBytes(path);

    for (int length : new int[] {0, 1, whole.length / 2, whole.length - 1}) {
      Files.write(path, java.util.Arrays.copyOf(whole, length));
      assertThat(file.read()).as("%d bytes", length).isEmpty();
    }
    Files.writeString(path, "{\"format\":2,\"instances\":[]}");
    assertThat(file.read()).isEmpty();
  }

  @Test
  void keepsTheOldListWhereTheNewOneCannotBeWritten() throws IOException {
    Path path = directory.resolve("list.json");
    Files.createDirectories(path.resolve("in the way"));

    assertThatThrownBy(() -> new ListFile(path).write(List.of(ONE)))
        .isInstanceOf(IOException.class);
    assertThat(path.resolve("in the way")).exists();
    assertThat(directory).isDirectoryNotContaining("glob:**.tmp");
  }
}
