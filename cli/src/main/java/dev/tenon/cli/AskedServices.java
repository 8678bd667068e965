package dev.tenon.cli;

import static java.util.Objects.requireNonNull;

import dev.tenon.global.OpenTransaction;
import dev.tenon.global.OpenTransactions;
import dev.tenon.global.Xid;
import dev.tenon.messaging.Messaging;
import dev.tenon.schema.SchemaException;
import dev.tenon.transaction.TransactionException;
import dev.tenon.transaction.Transactions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Function;

/** The databases of services, for looking at their transactions. Not thread-safe. */
final class AskedServices implements AutoCloseable {
  private static final Comparator<Xid> OLDEST_FIRST =
      Comparator.comparing(Xid::startedAt).thenComparing(Xid::id);

  private final Map<String, OpenTransactions> open = new LinkedHashMap<>();
  private final List<Messaging> messagings = new ArrayList<>();
  private final Map<String, String> failures = new LinkedHashMap<>();

  /** Opens those that can be reached, and keeps why the others cannot. */
  AskedServices(DatabaseOptions options, List<String> services) {
    for (String service : services) {
      try {
        Transactions transactions = options.transactions(service);
        Messaging messaging = Messaging.builder(transactions).build();
        messagings.add(messaging);
        open.put(service, OpenTransactions.of(transactions, messaging));
      } catch (SchemaException e) {
        failures.put(service, String.valueOf(e.getMessage()));
      }
    }
  }

  /** Why services could not be asked. */
  Map<String, String> failures() {
    return failures;
  }

  /** The one service that was asked for. */
  OpenTransactions only() {
    return open.values().stream()
        .findFirst()
        .orElseThrow(() -> new CliException(String.join(" ", failures.values())));
  }

  /** A page of all of them, the oldest first. */
  List<JoinedTransaction> list(OpenTransactions.Page page) {
    Set<Xid> xids = new TreeSet<>(OLDEST_FIRST);
    ask(one -> one.list(page)).values().forEach(found -> found.forEach(one -> xids.add(one.xid())));
    return join(xids.stream().limit(page.most()).toList());
  }

  List<JoinedTransaction> join(List<Xid> xids) {
    Map<Xid, List<OpenTransaction>> found = new LinkedHashMap<>();
    xids.forEach(xid -> found.put(xid, new ArrayList<>()));
    ask(one -> one.find(xids))
        .values()
        .forEach(
            known ->
                known.forEach(
                    one -> found.computeIfAbsent(one.xid(), xid -> new ArrayList<>()).add(one)));
    Set<String> asked = new LinkedHashSet<>(open.keySet());
    List<JoinedTransaction> joined = new ArrayList<>();
    found.forEach((xid, parts) -> joined.add(new JoinedTransaction(xid, parts, asked)));
    return joined;
  }

  /** Completes an id, if one of the services knows it. */
  Optional<Xid> resolve(UUID id) {
    return ask(one -> one.resolve(id)).values().stream().flatMap(Optional::stream).findFirst();
  }

  private <T> Map<String, T> ask(Function<OpenTransactions, T> question) {
    Map<String, T> answers = new LinkedHashMap<>();
    for (String service : List.copyOf(open.keySet())) {
      try {
        answers.put(service, question.apply(requireNonNull(open.get(service))));
      } catch (TransactionException e) {
        failures.put(service, String.valueOf(e.getMessage()));
        open.remove(service);
      }
    }
    return answers;
  }

  @Override
  public void close() {
    messagings.forEach(Messaging::close);
  }
}
