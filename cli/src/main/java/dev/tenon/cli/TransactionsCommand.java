package dev.tenon.cli;

import dev.tenon.global.OpenTransactions;
import dev.tenon.global.OpenTransactions.Filter;
import dev.tenon.global.OpenTransactions.Page;
import dev.tenon.global.OpenTransactions.Part;
import dev.tenon.global.OperationRefusedException;
import dev.tenon.global.Operator;
import dev.tenon.global.Outcome;
import dev.tenon.global.Xid;
import dev.tenon.runtime.Json;
import dev.tenon.transport.TransactionJson;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./tenon transactions}. */
@Command(
    name = "transactions",
    description = "Distributed transactions that have not ended: who waits for whom.",
    synopsisSubcommandLabel = "COMMAND")
final class TransactionsCommand {
  private static final int UUID_LENGTH = 36;

  /** How a person ends something in the starter's place. */
  enum Way {
    /** Confirms it. */
    COMMIT,
    /** Undoes it. */
    ABORT
  }

  /** Who does something, and why. */
  static final class OperatorOptions {
    @Option(
        names = "--why",
        required = true,
        paramLabel = "TEXT",
        description = "The reason. It is recorded.")
    private String why = "";

    @Option(
        names = "--as",
        paramLabel = "NAME",
        description = "Who you are, instead of your login on this machine. It is recorded.")
    private @Nullable String who;

    Operator operator(ServiceLogins.Login login) {
      String name = who == null ? System.getProperty("user.name", "") : who;
      if (name.isBlank()) {
        throw new CliException("as: blank (expected: your name)");
      }
      return new Operator(name + " (login " + login.user() + ")", why);
    }
  }

  @Command(
      name = "list",
      description = "Lists what has not ended, of all services of the demo that is up, or of one.")
  int list(
      @Mixin ServicesOptions target,
      @Option(
              names = "--in-doubt",
              description = "Only with a branch that does not know yet how it ends.")
          boolean inDoubt,
      @Option(names = "--parked", description = "Only what waits for a person.") boolean parked,
      @Option(
              names = "--limit",
              defaultValue = "100",
              description = "The most to list, up to " + OpenTransactions.LIST_MAX + ".")
          int limit,
      @Option(names = "--after", paramLabel = "ID", description = "Goes on after this one.")
          @Nullable String after,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    if (inDoubt && parked) {
      throw new CliException("--parked: beside --in-doubt (expected: one of them)");
    }
    Filter filter = parked ? Filter.PARKED : inDoubt ? Filter.IN_DOUBT : Filter.ALL;
    try (AskedServices services = new AskedServices(target, target.services())) {
      Xid last = after == null ? null : known(services, after);
      List<JoinedTransaction> found = services.list(new Page(filter, limit, last));
      System.out.println(json ? json(found, services) : text(found, limit));
      return incomplete(services);
    }
  }

  private static String text(List<JoinedTransaction> found, int limit) {
    if (found.isEmpty()) {
      return "No such transaction.";
    }
    StringBuilder text = new StringBuilder(new TransactionsText(Instant.now()).table(found));
    long parked = found.stream().filter(JoinedTransaction::parked).count();
    UUID last = found.getLast().xid().id();
    text.append(System.lineSeparator()).append(System.lineSeparator());
    text.append(found.size())
        .append(found.size() == 1 ? " transaction" : " transactions")
        .append(parked == 0 ? "" : ", " + parked + " of them for a person")
        .append(". All of one: ./tenon transactions show ")
        .append(last);
    if (found.size() == limit) {
      text.append(System.lineSeparator()).append("There may be more: --after ").append(last);
    }
    return text.toString();
  }

  @Command(
      name = "show",
      description = "Shows one: its decision, its branches, what people did, and what you may do.")
  int show(
      @Mixin ServicesOptions target,
      @Parameters(paramLabel = "ID", description = "Its id, or its whole xid.") String id,
      @Option(names = "--json", description = "Print JSON.") boolean json) {
    try (AskedServices services = new AskedServices(target, target.services())) {
      Optional<Xid> xid = xid(services, id);
      List<JoinedTransaction> found = xid.map(one -> services.join(List.of(one))).orElse(List.of());
      if (found.isEmpty() || found.getFirst().parts().isEmpty()) {
        System.out.println("No such transaction is known.");
        return Math.max(1, incomplete(services));
      }
      JoinedTransaction one = found.getFirst();
      System.out.println(
          json ? json(found, services) : new TransactionsText(Instant.now()).whole(one));
      return incomplete(services);
    }
  }

  @Command(
      name = "retry",
      description = "Has what waits tried now; what is parked gets all of its attempts anew.")
  int retry(
      @Mixin ServiceOptions target,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--step", description = "The branch's; else the saga or decision.")
          @Nullable String step,
      @Mixin OperatorOptions operator) {
    return change(
        target,
        id,
        step,
        (open, part) -> open.retry(part, operator.operator(target.login())),
        "It is tried within a few seconds.");
  }

  @Command(
      name = "skip",
      description =
          "Ends a parked branch as it is to end, without running what would do that; or tells the"
              + " participants of a decision no more.")
  int skip(
      @Mixin ServiceOptions target,
      @Parameters(paramLabel = "ID") String id,
      @Option(names = "--step", description = "The branch's; else the decision.")
          @Nullable String step,
      @Mixin OperatorOptions operator) {
    return change(
        target,
        id,
        step,
        (open, part) -> open.skip(part, operator.operator(target.login())),
        "It has ended here.");
  }

  @Command(
      name = "force",
      description =
          "Ends a branch as you say, whatever its starter decides: others may end otherwise. Or"
              + " aborts a saga that is not committed.")
  int force(
      @Mixin ServiceOptions target,
      @Parameters(paramLabel = "ID") String id,
      @Parameters(paramLabel = "WAY", description = "${COMPLETION-CANDIDATES}") Way way,
      @Option(names = "--step", description = "The branch's; else the saga.") @Nullable String step,
      @Mixin OperatorOptions operator) {
    Outcome outcome =
        switch (way) {
          case COMMIT -> Outcome.COMMITTED;
          case ABORT -> Outcome.ABORTED;
        };
    return change(
        target,
        id,
        step,
        (open, part) -> open.force(part, outcome, operator.operator(target.login())),
        "It is " + outcome + " within a few seconds.");
  }

  /** A change of one service's. */
  @FunctionalInterface
  private interface Change {
    void make(OpenTransactions open, Part part);
  }

  private static int change(
      ServiceOptions target, String id, @Nullable String step, Change change, String done) {
    try (AskedServices services = new AskedServices(target, List.of(target.service()))) {
      OpenTransactions open = services.only();
      Xid xid = known(services, id);
      change.make(open, new Part(xid, step));
      System.out.println(done + " Look: ./tenon transactions show " + xid.id());
      return 0;
    } catch (OperationRefusedException e) {
      System.err.println(e.getMessage());
      return e.reason() == OperationRefusedException.Reason.UNKNOWN ? 1 : Main.FAILED;
    }
  }

  private static Xid known(AskedServices services, String text) {
    return xid(services, text)
        .orElseThrow(
            () ->
                new CliException(
                    "Could not find the transaction [id="
                        + text
                        + "]: it is not open here. Give its whole xid, as show prints it."));
  }

  private static Optional<Xid> xid(AskedServices services, String text) {
    if (text.length() != UUID_LENGTH) {
      return Optional.of(Xid.parse(text));
    }
    return services.resolve(UUID.fromString(text));
  }

  private static int incomplete(AskedServices services) {
    services.failures().values().forEach(System.err::println);
    return services.failures().isEmpty() ? 0 : Main.FAILED;
  }

  private static String json(List<JoinedTransaction> found, AskedServices services) {
    Instant now = Instant.now();
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("transactions", found.stream().map(one -> json(one, now)).toList());
    members.put("failures", services.failures());
    return Json.mapper().writeValueAsString(members);
  }

  private static Map<String, Object> json(JoinedTransaction one, Instant now) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("xid", one.xid().text());
    members.put(
        "services", one.parts().stream().map(part -> TransactionJson.of(part, now)).toList());
    return members;
  }
}
