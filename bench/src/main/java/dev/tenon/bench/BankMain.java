package dev.tenon.bench;

import java.io.PrintStream;
import java.util.List;

/** The process of one peer: reads loads, a line each, and answers each with what it measured. */
final class BankMain {

  private BankMain() {}

  /**
   * Runs it until the input ends.
   *
   * @param arguments the peer's name, then its site
   */
  public static void main(String[] arguments) throws Exception {
    PrintStream answers = BankProcess.answers();
    List<String> all = List.of(arguments);
    BankSite site = BankSite.of(all.subList(1, all.size()));
    int status = 0;
    try (Bank bank = BankPeer.named(all.getFirst()).opening().open(site)) {
      BankProcess.serve(answers, line -> BankLoad.parse(line).run(bank).line());
    } catch (Exception e) {
      e.printStackTrace();
      status = 1;
    }
    System.exit(status);
  }
}
