package dev.tenon.examples.quickstart.inventory;

import dev.tenon.examples.quickstart.messages.CatalogueGrpc;
import dev.tenon.examples.quickstart.messages.Products;
import io.grpc.stub.StreamObserver;

/** Answers other services over gRPC. */
class CatalogueService extends CatalogueGrpc.CatalogueImplBase {
  private final Stock stock;

  CatalogueService(Stock stock) {
    this.stock = stock;
  }

  @Override
  public void findUnknown(Products products, StreamObserver<Products> answer) {
    answer.onNext(
        Products.newBuilder().addAllStockCode(stock.unknown(products.getStockCodeList())).build());
    answer.onCompleted();
  }
}
