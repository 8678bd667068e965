package dev.tenon.bench;

import java.util.List;

/**
 * A row of the table: who transfers, and how.
 *
 * @param name in the table
 * @param libraries the module of {@code bench} whose libraries it needs; empty for Tenon's own
 * @param coordinator who coordinates in a process of its own, by its store; empty for nobody
 * @param hot whether it is measured with one hot account too
 * @param opening starts it
 */
record BankPeer(String name, String libraries, String coordinator, boolean hot, Opening opening) {

  /** Starts a peer in this process. */
  @FunctionalInterface
  interface Opening {
    Bank open(BankSite site) throws Exception;
  }

  /** Everyone. None is loaded by that: a process has the libraries of one of them only. */
  static List<BankPeer> all() {
    return List.of(
        new BankPeer("plain commits", "", "", true, site -> PlainBank.open(site)),
        new BankPeer("narayana xa", "narayana", "", true, site -> NarayanaBank.open(site)),
        new BankPeer("tenon xa", "", "", true, site -> TenonBank.xa(site)),
        new BankPeer("seata at, file", "seata", "file", true, site -> SeataBank.at(site)),
        new BankPeer("seata at, postgresql", "seata", "db", true, site -> SeataBank.at(site)),
        new BankPeer("tenon at", "", "", true, site -> TenonBank.at(site)),
        new BankPeer("seata tcc, file", "seata", "file", false, site -> SeataBank.tcc(site)),
        new BankPeer("seata tcc, postgresql", "seata", "db", false, site -> SeataBank.tcc(site)),
        new BankPeer("tenon tcc", "", "", false, site -> TenonBank.tcc(site)),
        new BankPeer("tenon saga", "", "", false, site -> TenonBank.saga(site)),
        new BankPeer("dbos saga of 3", "dbos", "", false, site -> DbosBank.open(site)),
        new BankPeer("tenon saga of 3", "", "", false, site -> TenonBank.sagaOfThree(site)));
  }

  static BankPeer named(String name) {
    return all().stream()
        .filter(peer -> peer.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "only: "
                        + name
                        + " (expected: "
                        + all().stream().map(BankPeer::name).toList()
                        + ")"));
  }
}
