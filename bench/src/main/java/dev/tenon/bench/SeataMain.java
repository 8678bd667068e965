package dev.tenon.bench;

import java.io.PrintStream;
import java.lang.reflect.Method;

/** The process of Seata's coordinator: answers each line with what it has used so far. */
final class SeataMain {
  private static final String SERVER = "io.seata.server.ServerApplication";

  private SeataMain() {}

  /**
   * Runs it until the input ends.
   *
   * @param arguments the coordinator's own
   */
  public static void main(String[] arguments) throws Exception {
    PrintStream answers = BankProcess.answers();
    Method main = Class.forName(SERVER).getMethod("main", String[].class);
    main.invoke(null, (Object) arguments);
    BankProcess.serve(answers, line -> BankSample.Usage.now().line());
    System.exit(0);
  }
}
