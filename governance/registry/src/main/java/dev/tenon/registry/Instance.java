package dev.tenon.registry;

import static java.util.Objects.requireNonNull;

import java.util.Map;
import java.util.UUID;

/**
 * A running process of a service, as it tells of itself.
 *
 * @param service the service's name
 * @param id of this process, unique in the service
 * @param location where it is reached
 * @param traits what callers may go by
 */
public record Instance(String service, UUID id, Location location, Traits traits) {
  private static final String SERVICE_RULE = "[a-z][a-z0-9-]{0,62}";

  /** Checks the parts. */
  public Instance {
    if (!requireNonNull(service, "service").matches(SERVICE_RULE)) {
      throw new IllegalArgumentException(
          "service: " + service + " (expected: " + SERVICE_RULE + ")");
    }
    requireNonNull(id, "id");
    requireNonNull(location, "location");
    requireNonNull(traits, "traits");
  }

  /**
   * Where an instance is reached.
   *
   * @param host a host name or address; an IPv6 address without brackets
   * @param ports by their roles, such as {@code tenon} and {@code http}; from one to {@value
   *     #PORTS_MAX}
   * @param zone where it runs; empty if nobody has said
   */
  public record Location(String host, Map<String, Integer> ports, String zone) {
    /** The most ports of an instance. */
    public static final int PORTS_MAX = 8;

    private static final int PORT_MAX = 65_535;
    private static final String HOST_RULE = "[A-Za-z0-9._:%-]{1,253}";
    private static final String ROLE_RULE = "[a-z][a-z0-9-]{0,31}";
    private static final String ZONE_RULE = "[A-Za-z0-9._-]{0,63}";

    /** Checks and copies the parts. */
    public Location {
      matching("host", host, HOST_RULE);
      matching("zone", zone, ZONE_RULE);
      ports = Map.copyOf(ports);
      if (ports.isEmpty() || ports.size() > PORTS_MAX) {
        throw new IllegalArgumentException(
            "ports: " + ports.size() + " of them (expected: 1.." + PORTS_MAX + ")");
      }
      ports.forEach(
          (role, port) -> {
            matching("role", role, ROLE_RULE);
            if (port < 1 || port > PORT_MAX) {
              throw new IllegalArgumentException(
                  "port: " + port + " of role " + role + " (expected: 1.." + PORT_MAX + ")");
            }
          });
    }
  }

  /**
   * What callers may go by.
   *
   * @param weight its share of the calls beside the others' weights: from 1 to {@value
   *     #WEIGHT_MAX}, usually 100
   * @param version of the service's code; empty if nobody has said
   * @param metadata further traits, at most {@value #METADATA_MAX} of them, with {@value
   *     #METADATA_CHARS_MAX} characters together
   */
  public record Traits(int weight, String version, Map<String, String> metadata) {
    /** The largest weight. */
    public static final int WEIGHT_MAX = 1000;

    /** The most further traits. */
    public static final int METADATA_MAX = 64;

    /** The most characters of their names and values together. */
    public static final int METADATA_CHARS_MAX = 4096;

    private static final String VERSION_RULE = "[A-Za-z0-9._+-]{0,63}";

    /** Checks and copies the parts. */
    public Traits {
      if (weight < 1 || weight > WEIGHT_MAX) {
        throw new IllegalArgumentException(
            "weight: " + weight + " (expected: 1.." + WEIGHT_MAX + ")");
      }
      matching("version", version, VERSION_RULE);
      metadata = Map.copyOf(metadata);
      int chars = 0;
      for (Map.Entry<String, String> each : metadata.entrySet()) {
        chars += each.getKey().length() + each.getValue().length();
      }
      if (metadata.size() > METADATA_MAX || chars > METADATA_CHARS_MAX) {
        throw new IllegalArgumentException(
            "metadata: %d entries of %d characters (expected: at most %d of %d)"
                .formatted(metadata.size(), chars, METADATA_MAX, METADATA_CHARS_MAX));
      }
    }
  }

  private static void matching(String name, String value, String rule) {
    if (!requireNonNull(value, name).matches(rule)) {
      throw new IllegalArgumentException(name + ": " + value + " (expected: " + rule + ")");
    }
  }
}
