package dev.tenon.spring;

import dev.tenon.messaging.Subscription;
import dev.tenon.messaging.Topic;
import java.util.List;

/**
 * What the service is among the others.
 *
 * @param topics what it publishes
 * @param subscriptions what it reads
 */
record TenonRoles(List<Topic> topics, List<Subscription> subscriptions) {
  TenonRoles {
    topics = List.copyOf(topics);
    subscriptions = List.copyOf(subscriptions);
  }

  boolean isEmpty() {
    return topics.isEmpty() && subscriptions.isEmpty();
  }
}
