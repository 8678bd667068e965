package dev.tenon.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * Where a peer works: two databases with table {@code account}, and one for what it keeps itself.
 *
 * @param first where is taken from
 * @param second where is given to
 * @param own the starter's
 * @param coordinator the port of a coordinator; 0 if there is none
 */
record BankSite(BankDatabase first, BankDatabase second, BankDatabase own, int coordinator) {
  /** Connections in a pool, for at most as many clients. */
  static final int CONNECTIONS = 32;

  List<String> arguments() {
    List<String> arguments = new ArrayList<>(first.arguments());
    arguments.addAll(second.arguments());
    arguments.addAll(own.arguments());
    arguments.add(Integer.toString(coordinator));
    return arguments;
  }

  /** The other side of {@link #arguments}. */
  static BankSite of(List<String> arguments) {
    return new BankSite(
        BankDatabase.of(arguments, 0),
        BankDatabase.of(arguments, 1),
        BankDatabase.of(arguments, 2),
        Integer.parseInt(arguments.getLast()));
  }
}
