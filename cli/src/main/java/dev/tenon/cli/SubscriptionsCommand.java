package dev.tenon.cli;

import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Subscriptions;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code ./tenon subscriptions}. */
@Command(
    name = "subscriptions",
    description = "Who reads a service's log and how far, and what the service itself reads.",
    synopsisSubcommandLabel = "COMMAND")
final class SubscriptionsCommand {

  @Command(name = "list", description = "Lists both.")
  int list(@Mixin ServiceOptions target) {
    try (Messaging messaging = target.messaging()) {
      Subscriptions subscriptions = messaging.subscriptions();
      Table readers = new Table("SUBSCRIBER", "SUBSCRIPTION", "SLOT", "WINDOW", "LAG", "REPORTED");
      List<Subscriptions.Subscriber> subscribers = subscriptions.subscribers();
      for (Subscriptions.Subscriber one : subscribers) {
        readers.row(
            one.subscriber(),
            one.subscription(),
            one.slot(),
            one.window(),
            one.lag(),
            one.reportedAt());
      }
      Table reads = new Table("READS", "SLOT", "WINDOW", "OWNER", "LEASE UNTIL", "HELD");
      List<Subscriptions.Slot> slots = subscriptions.slots();
      for (Subscriptions.Slot one : slots) {
        reads.row(
            one.subscription(),
            one.slot(),
            one.window(),
            one.owner().orElse(""),
            one.leaseUntil(),
            one.held() ? "yes" : "");
      }
      String service = target.service();
      System.out.println(subscribers.isEmpty() ? "Nobody reads " + service + "." : readers);
      System.out.println();
      System.out.println(slots.isEmpty() ? service + " reads nobody." : reads);
    }
    return 0;
  }

  @Command(
      name = "forget",
      description = "Forgets a subscriber that will not come back, so that its log can go.")
  int forget(
      @Mixin ServiceOptions target,
      @Parameters(paramLabel = "SUBSCRIBER") String subscriber,
      @Parameters(paramLabel = "SUBSCRIPTION") String subscription) {
    try (Messaging messaging = target.messaging()) {
      int slots = messaging.subscriptions().forget(subscriber, subscription);
      System.out.println(slots + (slots == 1 ? " slot forgotten." : " slots forgotten."));
      return slots > 0 ? 0 : 1;
    }
  }
}
