package dev.tenon.bench;

import dev.tenon.runtime.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The measurements of every round as JSON: what a later run is compared with. */
final class JsonReport {

  private JsonReport() {}

  static String of(Plan plan, List<Contender> contenders, Results results, String version) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("postgresql", version);
    json.put("processors", Runtime.getRuntime().availableProcessors());
    json.put("rounds", plan.rounds());
    json.put("seconds", plan.span().toMillis() / 1e3);
    json.put("inFlightMax", plan.inFlightMax());
    json.put("lowPerSecond", plan.lowPerSecond());
    json.put("diskFlushesPerSecond", results.diskFlushes());
    Map<String, String> setups = new LinkedHashMap<>();
    contenders.forEach(contender -> setups.put(contender.name(), contender.setup()));
    json.put("contenders", setups);
    List<Object> cases = new ArrayList<>();
    results.rounds().forEach((measured, rounds) -> cases.add(json(measured, rounds, results)));
    json.put("cases", cases);
    return new String(Json.write(json), StandardCharsets.UTF_8);
  }

  private static Map<String, Object> json(
      Results.Case measured, List<Measurement> rounds, Results results) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("contender", measured.contender());
    json.put("load", measured.producers() == 0 ? "low" : "full");
    json.put("producers", Math.max(1, measured.producers()));
    json.put("perSecond", results.median(measured, Measurement::perSecond));
    json.put("p50Millis", results.median(measured, Measurement::p50Millis));
    json.put("p99Millis", results.median(measured, Measurement::p99Millis));
    json.put("byRound", rounds);
    return json;
  }
}
