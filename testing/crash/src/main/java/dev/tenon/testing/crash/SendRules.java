package dev.tenon.testing.crash;

import static java.util.Objects.requireNonNull;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How the calls of an interface behave as sends. By default each call is a send that may be
 * duplicated, and delayed or reordered if it has no answer. Immutable: each method returns a
 * changed copy.
 */
public final class SendRules {
  private final Set<String> notSends;
  private final Set<String> once;
  private final Set<String> polls;
  private final List<Class<?>> results;
  private final Optional<Function<String, ? extends Exception>> failure;

  private SendRules(
      Set<String> notSends,
      Set<String> once,
      Set<String> polls,
      List<Class<?>> results,
      Optional<Function<String, ? extends Exception>> failure) {
    this.notSends = Set.copyOf(notSends);
    this.once = Set.copyOf(once);
    this.polls = Set.copyOf(polls);
    this.results = List.copyOf(results);
    this.failure = failure;
  }

  /**
   * The defaults.
   *
   * @return rules under which each call is a send
   */
  public static SendRules defaults() {
    return new SendRules(Set.of(), Set.of(), Set.of(), List.of(), Optional.empty());
  }

  /**
   * Names methods that send nothing, such as {@code close}. They still fail after a crash.
   *
   * @param methods names of methods
   * @return a changed copy
   */
  public SendRules notSends(String... methods) {
    return new SendRules(with(notSends, methods), once, polls, results, failure);
  }

  /**
   * Names methods whose messages the network neither repeats nor reorders.
   *
   * @param methods names of methods
   * @return a changed copy
   */
  public SendRules once(String... methods) {
    return new SendRules(notSends, with(once, methods), polls, results, failure);
  }

  /**
   * Names methods that ask for something and change nothing by it, such as the reads of a stream:
   * only what they bring is a send, and it can only be lost on its way. An answer that is an empty
   * {@link Optional} or collection is none.
   *
   * @param methods names of methods
   * @return a changed copy
   */
  public SendRules polls(String... methods) {
    return new SendRules(notSends, once, with(polls, methods), results, failure);
  }

  /**
   * Counts the calls of what a send returns, too, under the same rules: a stream or session.
   *
   * @param type an interface that a send returns
   * @return a changed copy
   */
  public SendRules alsoResults(Class<?> type) {
    List<Class<?>> more = new ArrayList<>(results);
    more.add(interfaceOf(type));
    return new SendRules(notSends, once, polls, more, failure);
  }

  /**
   * Says how a lost send or answer, or a crash of the other side, shows itself to the sender, so
   * that these faults can be explored.
   *
   * @param exception makes what the sender gets, from a message
   * @return a changed copy
   */
  public SendRules failingWith(Function<String, ? extends Exception> exception) {
    requireNonNull(exception, "exception");
    return new SendRules(notSends, once, polls, results, Optional.of(exception));
  }

  boolean sends(Method method) {
    return !notSends.contains(method.getName());
  }

  boolean polls(Method method) {
    return polls.contains(method.getName());
  }

  /** Whether an answer brings nothing. */
  static boolean empty(@Nullable Object answer) {
    return switch (answer) {
      case null -> true;
      case Optional<?> optional -> optional.isEmpty();
      case Collection<?> collection -> collection.isEmpty();
      default -> false;
    };
  }

  /** What can strike a call of the method. */
  List<Fault> faults(Method method) {
    List<Fault> faults = new ArrayList<>(List.of(Fault.CRASH_AFTER, Fault.CRASH_ALONE_AFTER));
    if (polls(method)) {
      if (failure.isPresent()) {
        faults.add(Fault.ANSWER_LOST);
      }
      return faults;
    }
    faults.add(Fault.CRASH_BEFORE);
    faults.add(Fault.CRASH_ALONE_BEFORE);
    if (failure.isPresent()) {
      faults.add(Fault.SEND_REFUSED);
      faults.add(Fault.ANSWER_LOST);
    }
    if (!once.contains(method.getName())) {
      faults.add(Fault.DUPLICATE);
      if (method.getReturnType() == void.class) {
        faults.add(Fault.REORDER);
        faults.add(Fault.DELAY);
      }
    }
    return faults;
  }

  boolean failing() {
    return failure.isPresent();
  }

  Exception lost(String message) {
    return failure.<Exception>map(make -> make.apply(message)).orElseThrow();
  }

  Optional<Class<?>> counted(Object result) {
    return results.stream().filter(type -> type.isInstance(result)).findFirst();
  }

  static <T> Class<T> interfaceOf(Class<T> type) {
    if (!type.isInterface()) {
      throw new IllegalArgumentException("type: " + type.getName() + " (expected: an interface)");
    }
    return type;
  }

  private static Set<String> with(Set<String> names, String... more) {
    Set<String> all = new TreeSet<>(names);
    all.addAll(List.of(more));
    return all;
  }
}
