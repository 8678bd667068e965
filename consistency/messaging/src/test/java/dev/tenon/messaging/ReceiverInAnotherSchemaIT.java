package dev.tenon.messaging;

/** All of {@link ReceiverIT} in a database without schema {@code tenon}. */
class ReceiverInAnotherSchemaIT extends ReceiverIT {
  @Override
  String tenonSchema() {
    return "table";
  }
}
