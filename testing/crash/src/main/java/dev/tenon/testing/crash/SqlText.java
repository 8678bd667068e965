package dev.tenon.testing.crash;

import java.util.Locale;
import java.util.Set;

/** Tells kinds of statements apart by their first words. */
final class SqlText {
  private static final int SHOWN_MAX = 100;
  private static final Set<String> QUERIES = Set.of("select", "with", "values", "table");
  private static final Set<String> PASSIVE =
      Set.of(
          "set",
          "reset",
          "show",
          "begin",
          "start",
          "rollback",
          "abort",
          "savepoint",
          "release",
          "listen",
          "unlisten",
          "declare",
          "fetch",
          "move",
          "close",
          "discard",
          "deallocate",
          "use",
          "explain",
          "lock");

  private SqlText() {}

  /** The statement on one line, shortened. */
  static String shortened(String sql) {
    String line = bare(sql).replaceAll("\\s+", " ").strip();
    return line.length() <= SHOWN_MAX ? line : line.substring(0, SHOWN_MAX - 1) + "…";
  }

  /** Whether it makes a transaction durable by itself. */
  static boolean commits(String sql) {
    String text = bare(sql).toLowerCase(Locale.ROOT).strip();
    return text.matches("(?s)(commit|end|prepare\\s+transaction)\\b.*");
  }

  /** Whether it opens a transaction by itself. */
  static boolean begins(String sql) {
    return Set.of("begin", "start").contains(firstWord(sql));
  }

  /** Whether it ends a transaction without a commit. */
  static boolean rollsBack(String sql) {
    return bare(sql)
        .toLowerCase(Locale.ROOT)
        .strip()
        .matches("(?s)(rollback|abort)(?!.*\\bto\\b).*");
  }

  /** Whether it can change nothing, whatever it calls. */
  static boolean passive(String sql) {
    String word = firstWord(sql);
    return PASSIVE.contains(word) || (QUERIES.contains(word) && bare(sql).indexOf('(') < 0);
  }

  /** Whether it is a query, which still may call a function that writes. */
  static boolean query(String sql) {
    return QUERIES.contains(firstWord(sql));
  }

  private static String firstWord(String sql) {
    String text = bare(sql).strip();
    int end = 0;
    while (end < text.length() && Character.isLetter(text.charAt(end))) {
      end++;
    }
    return text.substring(0, end).toLowerCase(Locale.ROOT);
  }

  /** Without leading comments and parentheses. */
  private static String bare(String sql) {
    return sql.replaceFirst("\\A(\\s|\\(|--[^\\n]*(\\n|\\z)|/\\*(?s:.*?)\\*/)+", "");
  }
}
