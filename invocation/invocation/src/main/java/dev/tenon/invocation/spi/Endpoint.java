package dev.tenon.invocation.spi;

import static java.util.Objects.requireNonNull;

/**
 * Where one instance of a service takes calls.
 *
 * @param host a host name or address; an IPv6 address without brackets
 * @param port from 1 to 65,535
 * @param weight its share of the calls beside the others' weights: from 1 to 1,000, usually 100
 */
public record Endpoint(String host, int port, int weight) {
  /** The weight of an endpoint for which nobody set one. */
  public static final int WEIGHT_DEFAULT = 100;

  private static final int WEIGHT_MAX = 1000;
  private static final int PORT_MAX = 65_535;

  /** Checks the parts. */
  public Endpoint {
    requireNonNull(host, "host");
    if (host.isBlank()) {
      throw new IllegalArgumentException("host: blank (expected: a host name or address)");
    }
    if (port < 1 || port > PORT_MAX) {
      throw new IllegalArgumentException("port: " + port + " (expected: 1..65535)");
    }
    if (weight < 1 || weight > WEIGHT_MAX) {
      throw new IllegalArgumentException("weight: " + weight + " (expected: 1..1000)");
    }
  }

  /**
   * Reads an address.
   *
   * @param address {@code host:port}; an IPv6 host stands in brackets
   * @return the endpoint, with the usual weight
   * @throws IllegalArgumentException if it is not of that form
   */
  public static Endpoint parse(String address) {
    if (!address.matches("([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.%]+]):[0-9]{1,5}")) {
      throw new IllegalArgumentException("address: " + address + " (expected: host:port)");
    }
    int colon = address.lastIndexOf(':');
    String host = address.substring(0, colon);
    return new Endpoint(
        host.startsWith("[") ? host.substring(1, host.length() - 1) : host,
        Integer.parseInt(address.substring(colon + 1)),
        WEIGHT_DEFAULT);
  }

  /**
   * The address as it stands in a URL.
   *
   * @return {@code host:port}; an IPv6 host in brackets
   */
  public String address() {
    return (host.indexOf(':') >= 0 ? "[" + host + "]" : host) + ":" + port;
  }
}
