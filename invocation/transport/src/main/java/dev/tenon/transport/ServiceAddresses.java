package dev.tenon.transport;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Where services listen. Asked at every attempt, so answers may change. Thread-safe. */
@FunctionalInterface
public interface ServiceAddresses {

  /**
   * The Tenon ports of a service's instances.
   *
   * @param service the service's name
   * @return {@code host:port} each; empty if the service is not known
   */
  List<String> addresses(String service);

  /**
   * Addresses that are configured and stay.
   *
   * @param addresses by service, {@code host:port} each
   * @return the addresses
   * @throws IllegalArgumentException if one is not {@code host:port}
   */
  static ServiceAddresses of(Map<String, List<String>> addresses) {
    Map<String, List<String>> copy =
        addresses.entrySet().stream()
            .collect(
                Collectors.toUnmodifiableMap(
                    Map.Entry::getKey, entry -> List.copyOf(entry.getValue())));
    copy.values().forEach(list -> list.forEach(ServiceAddresses::checkAddress));
    return service -> copy.getOrDefault(service, List.of());
  }

  /**
   * Checks the form of an address.
   *
   * @param address to be {@code host:port}; an IPv6 host stands in brackets
   * @return the address
   * @throws IllegalArgumentException if it is not
   */
  static String checkAddress(String address) {
    if (!address.matches("([A-Za-z0-9._-]+|\\[[0-9A-Fa-f:.%]+]):[0-9]{1,5}")) {
      throw new IllegalArgumentException("address: " + address + " (expected: host:port)");
    }
    return address;
  }
}
