package dev.tenon.testing.architecture;

import static com.tngtech.archunit.lang.SimpleConditionEvent.violated;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiPredicate;

/** Which module may use which: the direction of dependencies, spelled out per module. */
final class ModuleRules {
  private static final String BASE = "dev.tenon.";
  private static final String QUICKSTART = "examples.quickstart.";

  private ModuleRules() {}

  /** Module (the package below dev.tenon) to the modules it may use. */
  static Map<String, Set<String>> directions() {
    var schema = Set.of("runtime");
    var transaction = with(schema, "schema");
    var messaging = with(transaction, "transaction");
    var global = with(messaging, "messaging");
    var transport = with(global, "global", "invocation");
    var overTransport = with(transport, "transport");
    var spring = with(overTransport, "rest", "grpc");
    var tools = with(spring, "certificates", "testing.database", "testing.crash");
    var example = with(spring, "spring", QUICKSTART + "messages");

    var directions = new TreeMap<String, Set<String>>();
    directions.put("runtime", Set.of());
    directions.put("testing.database", schema);
    directions.put("testing.crash", schema);
    directions.put("testing.attack", Set.of());
    directions.put("schema", schema);
    directions.put("transaction", transaction);
    directions.put("messaging", messaging);
    directions.put("global", global);
    directions.put("invocation", schema);
    directions.put("certificates", Set.of());
    directions.put("transport", transport);
    directions.put("rest", overTransport);
    directions.put("grpc", overTransport);
    directions.put("registry", with(transaction, "transaction"));
    directions.put("spring", spring);
    directions.put("cli", tools);
    directions.put("bench", tools);
    directions.put(QUICKSTART + "messages", Set.of("messaging", "invocation"));
    for (var service : Set.of("user", "order", "inventory", "payment")) {
      directions.put(QUICKSTART + service, example);
    }
    return directions;
  }

  static Optional<String> moduleOf(JavaClass type, Set<String> modules) {
    var name = type.getPackageName() + ".";
    return modules.stream()
        .filter(module -> name.startsWith(BASE + module + "."))
        .max(Comparator.comparingInt(String::length));
  }

  /** One slice per module: a package and its spi count as one. */
  static SliceAssignment slices() {
    var modules = directions().keySet();
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass type) {
        return moduleOf(type, modules).map(SliceIdentifier::of).orElseGet(SliceIdentifier::ignore);
      }

      @Override
      public String getDescription() {
        return "modules";
      }
    };
  }

  /** Holds if a class uses only its own module and those the directions name. */
  static ArchCondition<JavaClass> followDirections(Map<String, Set<String>> directions) {
    return uses(
        "use only modules below their own",
        (from, to) -> {
          if (!to.getPackageName().startsWith(BASE)) {
            return true;
          }
          var own = moduleOf(from, directions.keySet()).orElse("");
          var used = moduleOf(to, directions.keySet()).orElse("unknown: " + to.getPackageName());
          return own.equals(used) || directions.getOrDefault(own, Set.of()).contains(used);
        });
  }

  private static ArchCondition<JavaClass> uses(
      String description, BiPredicate<JavaClass, JavaClass> allowed) {
    return new ArchCondition<>(description) {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        for (var dependency : type.getDirectDependenciesFromSelf()) {
          if (!allowed.test(type, dependency.getTargetClass().getBaseComponentType())) {
            events.add(violated(dependency, dependency.getDescription()));
          }
        }
      }
    };
  }

  private static Set<String> with(Set<String> below, String... more) {
    var all = new HashSet<>(below);
    all.addAll(Set.of(more));
    return Set.copyOf(all);
  }
}
