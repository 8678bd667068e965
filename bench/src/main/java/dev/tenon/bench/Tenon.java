package dev.tenon.bench;

import com.zaxxer.hikari.HikariDataSource;
import dev.tenon.invocation.Calls;
import dev.tenon.invocation.spi.EndpointSource;
import dev.tenon.messaging.MessageContext;
import dev.tenon.messaging.Messaging;
import dev.tenon.messaging.Subscription;
import dev.tenon.messaging.Topic;
import dev.tenon.schema.ServiceDatabase;
import dev.tenon.transaction.Transactions;
import dev.tenon.transaction.UnitOfWork;
import dev.tenon.transport.HttpFeedTransport;
import dev.tenon.transport.ServiceIdentity;
import dev.tenon.transport.TenonPort;
import java.util.List;
import java.util.Map;

/**
 * Tenon itself: the outbox of service {@code producer}, read by service {@code consumer} over
 * HTTP/2 on loopback. With delivery switched off, the same producer transactions and nothing else.
 */
final class Tenon implements Contender {
  private static final String TOPIC = "order.placed";
  private static final String PRODUCER = "producer";
  private static final String CONSUMER = "consumer";
  private static final int WORKERS = 8;
  private static final UnitOfWork.Recorder<Order> EFFECTS = BusinessTables::insertEffects;

  private final Delivery delivery;

  /** Whether messages are delivered, and how the handler writes their effects. */
  enum Delivery {
    /** Each effect by a statement of its own, as everyone writes it. */
    ON("tenon", "its defaults; a port, and a feed over HTTP/2 on loopback"),
    /** Effects recorded, and written in one batch with the commit. */
    BATCHED("tenon batched", "the same; its handler records effects, written in a batch at commit"),
    /** Nothing runs but the producers. */
    OFF("no delivery", "tenon's producer transaction, business row and message, and nothing more");

    private final String name;
    private final String setup;

    Delivery(String name, String setup) {
      this.name = name;
      this.setup = setup;
    }
  }

  Tenon(Delivery delivery) {
    this.delivery = delivery;
  }

  @Override
  public String name() {
    return delivery.name;
  }

  @Override
  public String setup() {
    return delivery.setup;
  }

  @Override
  public boolean delivers() {
    return delivery != Delivery.OFF;
  }

  @Override
  public Session open(Site site, int producers, Ledger ledger) {
    return delivers()
        ? new DeliveringSession(
            site.producerPool(producers + WORKERS), site.consumerPool(WORKERS), delivery, ledger)
        : new ProducerSession(site.producerPool(producers + WORKERS));
  }

  private static class ProducerSession implements Session {
    final Messaging producer;
    private final HikariDataSource out;
    private final Transactions transactions;

    ProducerSession(HikariDataSource out) {
      this.out = out;
      this.transactions = Transactions.of(ServiceDatabase.builder(PRODUCER, out).open());
      this.producer = Messaging.builder(transactions).topic(Topic.of(TOPIC, CONSUMER)).build();
    }

    @Override
    public void produce(Order order) {
      transactions.run(
          unit -> {
            BusinessTables.insertOrder(unit.connection(), order);
            producer.outbox().publish(TOPIC, order.customer(), order);
          });
    }

    @Override
    public void close() {
      producer.close();
      out.close();
    }
  }

  private static final class DeliveringSession extends ProducerSession {
    private final HikariDataSource in;
    private final TenonPort port;
    private final HttpFeedTransport transport;
    private final Messaging consumer;
    private final Delivery delivery;
    private final Ledger ledger;

    DeliveringSession(HikariDataSource out, HikariDataSource in, Delivery delivery, Ledger ledger) {
      super(out);
      this.in = in;
      this.delivery = delivery;
      this.ledger = ledger;
      this.port = TenonPort.builder(ServiceIdentity.development(PRODUCER)).open();
      port.serve(producer.feedSource());
      this.transport =
          HttpFeedTransport.builder(
                  ServiceIdentity.development(CONSUMER),
                  Calls.builder(EndpointSource.of(Map.of(PRODUCER, List.of(port.address()))))
                      .build())
              .build();
      this.consumer =
          Messaging.builder(Transactions.of(ServiceDatabase.builder(CONSUMER, in).open()))
              .transport(transport)
              .subscribe(Subscription.to(PRODUCER).on(TOPIC, Order.class, this::accept).build())
              .build();
      producer.start();
      consumer.start();
    }

    private void accept(Order order, MessageContext context) {
      if (delivery == Delivery.BATCHED) {
        context.unit().record(EFFECTS, order);
      } else {
        BusinessTables.insertEffect(context.unit().connection(), order);
      }
      context.unit().afterCommit(() -> ledger.effected(order.id()));
    }

    @Override
    public void close() {
      consumer.close();
      transport.close();
      port.close();
      in.close();
      super.close();
    }
  }
}
