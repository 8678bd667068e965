package dev.tenon.cli;

import java.util.Locale;

/** By which means the order service places an order. What comes of it is the same. */
enum PlaceMode {
  MESSAGES,
  SAGA,
  TCC,
  AT,
  XA,
  MIXED;

  /** As requests, reports and the order service's table have it. */
  String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** That of an order: always the same, and another one for the next number. */
  static PlaceMode dealtTo(String orderNumber) {
    return values()[Math.floorMod(orderNumber.hashCode(), values().length)];
  }

  static PlaceMode of(String text) {
    return valueOf(text.toUpperCase(Locale.ROOT));
  }
}
