package dev.tenon.messaging;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** What a reader made of the log, against what was committed. */
record LogVerdict(
    List<String> lost, List<String> doubled, List<String> reordered, List<String> undone) {

  /**
   * Compares.
   *
   * @param committed the messages that are committed, by id
   * @param reads in the order of reading
   */
  static LogVerdict of(Map<UUID, String> committed, List<LogReader.Read> reads) {
    LogVerdict verdict =
        new LogVerdict(new ArrayList<>(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    Set<UUID> seen = new HashSet<>();
    Map<String, Long> lastOfKey = new HashMap<>();
    for (LogReader.Read read : reads) {
      String what = read.toString();
      if (!committed.containsKey(read.id())) {
        verdict.undone.add(what);
      } else if (!seen.add(read.id())) {
        verdict.doubled.add(what);
      } else if (lastOfKey.merge(read.key(), read.value(), Math::max) != read.value()) {
        verdict.reordered.add(what);
      }
    }
    committed.forEach(
        (id, what) -> {
          if (!seen.contains(id)) {
            verdict.lost.add(what);
          }
        });
    return verdict;
  }

  boolean clean() {
    return lost.isEmpty() && doubled.isEmpty() && reordered.isEmpty() && undone.isEmpty();
  }
}
