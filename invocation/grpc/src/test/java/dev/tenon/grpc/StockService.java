package dev.tenon.grpc;

import dev.tenon.grpc.stock.Item;
import dev.tenon.grpc.stock.Reserved;
import dev.tenon.grpc.stock.StockGrpc;
import io.grpc.stub.StreamObserver;
import java.util.function.Function;

/** Answers each unary call by a function; counts and echoes streams. */
final class StockService extends StockGrpc.StockImplBase {
  private final Function<Item, Reserved> answer;

  StockService(Function<Item, Reserved> answer) {
    this.answer = answer;
  }

  static StockService echo() {
    return new StockService(item -> reserved(item.getName()));
  }

  static Item item(String name) {
    return Item.newBuilder().setName(name).build();
  }

  static Reserved reserved(String text) {
    return Reserved.newBuilder().setText(text).build();
  }

  @Override
  public void reserve(Item item, StreamObserver<Reserved> observer) {
    observer.onNext(answer.apply(item));
    observer.onCompleted();
  }

  @Override
  public void look(Item item, StreamObserver<Reserved> observer) {
    reserve(item, observer);
  }

  @Override
  public void watch(Item item, StreamObserver<Reserved> observer) {
    for (int i = 0; i < item.getCount(); i++) {
      observer.onNext(answer.apply(item).toBuilder().setCount(i).build());
    }
    observer.onCompleted();
  }

  @Override
  public StreamObserver<Item> load(StreamObserver<Reserved> observer) {
    return new StreamObserver<>() {
      private int count;

      @Override
      public void onNext(Item item) {
        count++;
      }

      @Override
      public void onError(Throwable failure) {
        count = 0;
      }

      @Override
      public void onCompleted() {
        observer.onNext(Reserved.newBuilder().setCount(count).build());
        observer.onCompleted();
      }
    };
  }

  @Override
  public StreamObserver<Item> chat(StreamObserver<Reserved> observer) {
    return new StreamObserver<>() {
      @Override
      public void onNext(Item item) {
        observer.onNext(answer.apply(item));
      }

      @Override
      public void onError(Throwable failure) {
        observer.onError(failure);
      }

      @Override
      public void onCompleted() {
        observer.onCompleted();
      }
    };
  }
}
