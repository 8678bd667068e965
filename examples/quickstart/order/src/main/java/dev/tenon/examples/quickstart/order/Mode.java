package dev.tenon.examples.quickstart.order;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.springframework.http.HttpStatus;

/** By which means an order gets stock and money. What comes of it is the same. */
enum Mode {
  /** It asks by messages, and they answer by messages. */
  MESSAGES,

  /** It calls one after the other, and undoes what was done if one refuses: {@link OrderSaga}. */
  SAGA,

  /** It has both put aside, and then sold and charged, or freed: {@link Attempts#tcc}. */
  TCC,

  /** It has both done, and put back by Tenon if it does not happen: {@link Attempts#at}. */
  AT,

  /** It has both prepared, and then committed or rolled back: {@link Attempts#xa}. */
  XA,

  /** All of it in one transaction: {@link Attempts#mixed}. */
  MIXED;

  /** Whether an order is decided when its request is answered. */
  boolean prompt() {
    return this != MESSAGES && this != SAGA;
  }

  /** As users and the database write it. */
  String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  static Mode of(String text) {
    List<String> allowed = Arrays.stream(values()).map(Mode::text).toList();
    int place = allowed.indexOf(text);
    if (place < 0) {
      throw Requests.problem(
          HttpStatus.BAD_REQUEST,
          "UNKNOWN_MODE",
          "mode: " + text + " (expected: " + String.join(", ", allowed) + ")");
    }
    return values()[place];
  }
}
