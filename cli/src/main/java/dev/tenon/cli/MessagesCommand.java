package dev.tenon.cli;

import dev.tenon.messaging.FailedMessages;
import dev.tenon.messaging.FailedMessages.FailedMessage;
import dev.tenon.messaging.FailedMessages.Filter;
import dev.tenon.messaging.Message;
import dev.tenon.messaging.Messaging;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./tenon messages}. */
@Command(
    name = "messages",
    description = "Messages that a service received and could not handle.",
    synopsisSubcommandLabel = "COMMAND")
final class MessagesCommand {
  private static final int LIST_MAX = 10_000;

  @Command(name = "list", description = "Lists parked messages, by subscription.")
  int list(
      @Mixin ServiceOptions target,
      @Option(names = "--all", description = "Also those that are tried again by themselves.")
          boolean all,
      @Option(names = "--limit", defaultValue = "100", description = "The most to list.")
          int limit) {
    try (Messaging messaging = target.messaging()) {
      Filter filter = all ? Filter.ALL : Filter.PARKED;
      List<FailedMessage> found =
          messaging.failedMessages().list(filter, Math.clamp(limit, 1, LIST_MAX));
      Table table = new Table("ID", "SUBSCRIPTION", "TOPIC", "KEY", "STATE", "ATTEMPTS", "ERROR");
      for (FailedMessage one : found) {
        Message message = one.message();
        table.row(
            message.id(),
            one.subscription(),
            message.topic(),
            message.key().orElse(""),
            one.state(),
            one.attempts(),
            one.error().map(error -> error.lines().findFirst().orElse("")).orElse(""));
      }
      System.out.println(found.isEmpty() ? "No failed message." : table);
    }
    return 0;
  }

  @Command(name = "show", description = "Shows a message with its payload and its error.")
  int show(@Mixin ServiceOptions target, @Parameters(paramLabel = "ID") UUID id) {
    try (Messaging messaging = target.messaging()) {
      List<FailedMessage> found = messaging.failedMessages().find(id);
      found.forEach(one -> System.out.println(text(one)));
      return affected(found.size(), "found");
    }
  }

  @Command(name = "replay", description = "Lets messages be tried again now.")
  int replay(
      @Mixin ServiceOptions target,
      @Parameters(paramLabel = "ID", arity = "0..*") List<UUID> ids,
      @Option(names = "--all", description = "All that are parked.") boolean all) {
    try (Messaging messaging = target.messaging()) {
      FailedMessages failed = messaging.failedMessages();
      return affected(failed.replay(all ? parked(failed) : given(ids)), "to be tried again");
    }
  }

  @Command(name = "drop", description = "Drops messages for good: their effects will never happen.")
  int drop(
      @Mixin ServiceOptions target, @Parameters(paramLabel = "ID", arity = "1..*") List<UUID> ids) {
    try (Messaging messaging = target.messaging()) {
      return affected(messaging.failedMessages().drop(ids), "dropped");
    }
  }

  private static List<UUID> parked(FailedMessages failed) {
    return failed.list(Filter.PARKED, LIST_MAX).stream().map(one -> one.message().id()).toList();
  }

  private static List<UUID> given(@Nullable List<UUID> ids) {
    if (ids == null || ids.isEmpty()) {
      throw new CliException("ID: none (expected: ids of messages, or --all)");
    }
    return ids;
  }

  private static int affected(int count, String what) {
    System.out.println(count + (count == 1 ? " message " : " messages ") + what + ".");
    return count > 0 ? 0 : 1;
  }

  private static String text(FailedMessage one) {
    Message message = one.message();
    return String.join(
        System.lineSeparator(),
        "id            " + message.id(),
        "subscription  " + one.subscription(),
        "topic         " + message.topic() + ", version " + message.version(),
        "key           " + message.key().orElse(""),
        "created       " + message.createdAt(),
        "headers       " + message.headers(),
        "state         " + one.state(),
        "attempts      " + one.attempts(),
        "next attempt  " + one.nextAttempt().map(Instant::toString).orElse(""),
        "payload       " + new String(message.payload(), StandardCharsets.UTF_8),
        "error         " + one.error().orElse(""),
        "");
  }
}
