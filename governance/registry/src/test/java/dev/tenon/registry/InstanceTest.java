package dev.tenon.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tenon.registry.Instance.Location;
import dev.tenon.registry.Instance.Traits;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class InstanceTest {
  private static final Map<String, Integer> PORTS = Map.of("tenon", 7001);

  @Test
  void keepsWhatItWasGiven() {
    Map<String, Integer> ports = new HashMap<>(PORTS);
    Location location = new Location("::1", ports, "eu-1");
    ports.put("http", 80);

    assertThat(location.ports()).isEqualTo(PORTS);
  }

  @Test
  void refusesWhatIsNoPlace() {
    assertThatThrownBy(() -> new Location("a b", PORTS, "")).hasMessageStartingWith("host: a b (");
    assertThatThrownBy(() -> new Location("a", Map.of(), "")).hasMessageContaining("1..8");
    assertThatThrownBy(() -> new Location("a", Map.of("tenon", 0), ""))
        .hasMessage("port: 0 of role tenon (expected: 1..65535)");
    assertThatThrownBy(() -> new Location("a", Map.of("Tenon", 1), ""))
        .hasMessageStartingWith("role: Tenon (expected: ");
    assertThatThrownBy(() -> new Location("a", PORTS, "x/y")).hasMessageStartingWith("zone: x/y (");
    assertThatThrownBy(() -> new Location("a", numbered(9), "")).hasMessageContaining("9 of them");
  }

  @Test
  void refusesTraitsBeyondTheirLimits() {
    assertThatThrownBy(() -> new Traits(0, "1", Map.of()))
        .hasMessage("weight: 0 (expected: 1..1000)");
    assertThatThrownBy(() -> new Traits(1001, "1", Map.of()))
        .hasMessage("weight: 1001 (expected: 1..1000)");
    assertThatThrownBy(() -> new Traits(1, "1 2", Map.of())).hasMessageStartingWith("version: 1 2");
    assertThatThrownBy(() -> new Traits(1, "", Map.of("a", "x".repeat(4096))))
        .hasMessageStartingWith("metadata: 1 entries of 4097 characters");
    assertThatThrownBy(
            () ->
                new Traits(
                    1,
                    "",
                    IntStream.range(0, 65)
                        .boxed()
                        .collect(Collectors.toMap(i -> "k" + i, i -> ""))))
        .hasMessageStartingWith("metadata: 65 entries");
  }

  @Test
  void refusesANameThatIsNoServices() {
    Location location = new Location("a", PORTS, "");
    Traits traits = new Traits(100, "", Map.of());

    assertThatThrownBy(() -> new Instance("Stock", UUID.randomUUID(), location, traits))
        .hasMessageStartingWith("service: Stock (expected: ");
  }

  private static Map<String, Integer> numbered(int count) {
    return IntStream.rangeClosed(1, count)
        .boxed()
        .collect(Collectors.toMap(i -> "p" + i, i -> 7000 + i));
  }
}
