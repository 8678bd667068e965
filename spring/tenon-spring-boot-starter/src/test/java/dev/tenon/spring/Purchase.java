package dev.tenon.spring;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;

/** A business row; its id is given, so JPA inserts it as late as it can. */
@Entity
class Purchase {
  @Id private String id;
  private String tool;

  protected Purchase() {}

  Purchase(String id, String tool) {
    this.id = id;
    this.tool = tool;
  }

  String id() {
    return id;
  }

  String tool() {
    return tool;
  }
}
