package dev.tenon.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** The measurements of all rounds, by load and contender, in the order of the report. */
final class Results {
  private final Map<Case, List<Measurement>> rounds = new LinkedHashMap<>();
  private final List<Double> diskFlushes = new ArrayList<>();

  /**
   * A contender under a load.
   *
   * @param producers threads; 0 for the low load
   * @param contender its name
   */
  record Case(int producers, String contender) {}

  void add(Case measured, Measurement measurement) {
    rounds.computeIfAbsent(measured, any -> new ArrayList<>()).add(measurement);
  }

  void addDiskFlushes(double perSecond) {
    diskFlushes.add(perSecond);
  }

  Map<Case, List<Measurement>> rounds() {
    return rounds;
  }

  List<Double> diskFlushes() {
    return diskFlushes;
  }

  double median(Case measured, ToDoubleFunction<Measurement> value) {
    return median(of(measured).stream().mapToDouble(value).toArray());
  }

  /** The median over the rounds of one contender's rate divided by another's in the same round. */
  double ratio(Case one, Case other) {
    return median(ratios(one, other));
  }

  /** That quotient in each round, lowest first. */
  double[] ratios(Case one, Case other) {
    List<Measurement> ones = of(one);
    List<Measurement> others = of(other);
    double[] ratios = new double[Math.min(ones.size(), others.size())];
    for (int round = 0; round < ratios.length; round++) {
      ratios[round] = ones.get(round).perSecond() / others.get(round).perSecond();
    }
    Arrays.sort(ratios);
    return ratios;
  }

  static double median(double[] values) {
    if (values.length == 0) {
      return Double.NaN;
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  private List<Measurement> of(Case measured) {
    return rounds.getOrDefault(measured, List.of());
  }
}
