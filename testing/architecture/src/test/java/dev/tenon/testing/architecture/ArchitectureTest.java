package dev.tenon.testing.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.THROW_GENERIC_EXCEPTIONS;
import static com.tngtech.archunit.library.GeneralCodingRules.USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static dev.tenon.testing.architecture.ModuleRules.directions;
import static dev.tenon.testing.architecture.ModuleRules.followDirections;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import dev.tenon.testing.architecture.planted.Planted;
import java.time.Instant;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** What knows what, in the compiled classes of every module. */
class ArchitectureTest {
  private static final int CLASSES_AT_LEAST = 80;
  private static final String BENCH = "dev.tenon.bench.."; // knows what it compares with
  private static final String[] CORE = {
    "dev.tenon.schema..",
    "dev.tenon.transaction..",
    "dev.tenon.messaging..",
    "dev.tenon.invocation..",
    "dev.tenon.transport..",
    "dev.tenon.grpc.."
  };
  private static final JavaClasses ALL =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.tenon");
  private static final JavaClasses PLANTED =
      new ClassFileImporter().importClasses(Planted.class, ArchitectureTest.class);

  private static final ArchRule NO_CONSOLE = noClasses().should(ACCESS_STANDARD_STREAMS);
  private static final ArchRule NO_GENERIC = noClasses().should(THROW_GENERIC_EXCEPTIONS);

  @Test
  void seesTheClassesOfEveryModule() {
    var seen = new HashSet<String>();
    ALL.forEach(type -> ModuleRules.moduleOf(type, directions().keySet()).ifPresent(seen::add));

    assertThat(ALL).hasSizeGreaterThanOrEqualTo(CLASSES_AT_LEAST);
    assertThat(seen).isEqualTo(directions().keySet());
  }

  @Test
  void dependenciesPointOneWay() {
    classes().should(followDirections(directions())).check(ALL);
  }

  @Test
  void aDependencyAgainstTheDirectionIsFound() {
    var module = "testing.architecture";
    var nothingAllowed = Map.of(module, Set.<String>of(), module + ".planted", Set.<String>of());

    var result = classes().should(followDirections(nothingAllowed)).evaluate(PLANTED);

    assertThat(result.hasViolation()).isTrue();
  }

  @Test
  void modulesHaveNoCycles() {
    slices().assignedFrom(ModuleRules.slices()).should().beFreeOfCycles().check(ALL);
  }

  @Test
  void onlySpringModulesAndExamplesKnowSpring() {
    noClasses()
        .that(not(resideInAnyPackage("dev.tenon.spring..", "dev.tenon.examples..")))
        .and(not(resideInAPackage("dev.tenon.rest.."))) // its annotations, no container
        .and(not(resideInAPackage("dev.tenon.bench..")))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.springframework..")
        .check(ALL);
  }

  @Test
  void onlyWhatIsOnTheTenonPortKnowsArmeria() {
    noClasses()
        .that(
            not(
                resideInAnyPackage(
                    "dev.tenon.transport..", "dev.tenon.rest..", "dev.tenon.grpc..", BENCH)))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("com.linecorp.armeria..")
        .check(ALL);
  }

  @Test
  void librariesDoNotWriteToTheConsole() {
    noClasses()
        .that(not(resideInAnyPackage("dev.tenon.cli..", "dev.tenon.bench..")))
        .should(ACCESS_STANDARD_STREAMS)
        .check(ALL);
  }

  @Test
  void nobodyUsesJavaUtilLogging() {
    noClasses().should(USE_JAVA_UTIL_LOGGING).check(ALL);
  }

  @Test
  void nobodyThrowsGenericExceptions() {
    NO_GENERIC.check(ALL);
  }

  @Test
  void timeAndChanceAreInjectedInTheCore() {
    noHiddenChance(resideInAnyPackage(CORE)).check(ALL);
  }

  @Test
  void plantedFaultsAreFound() {
    assertThat(NO_CONSOLE.evaluate(PLANTED).hasViolation()).isTrue();
    assertThat(NO_GENERIC.evaluate(PLANTED).hasViolation()).isTrue();
    assertThat(noHiddenChance(alwaysTrue()).evaluate(PLANTED).hasViolation()).isTrue();
  }

  private static ArchRule noHiddenChance(DescribedPredicate<? super JavaClass> where) {
    return noClasses()
        .that(where)
        .should()
        .callMethod(Instant.class, "now")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(UUID.class, "randomUUID")
        .orShould()
        .callMethod(Math.class, "random")
        .orShould()
        .callConstructor(Random.class)
        .as("clock, ids and randomness come from dev.tenon.runtime, through a constructor")
        .allowEmptyShould(true);
  }
}
