package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./tenon} itself, on a machine made of nothing but a directory. */
class LauncherTest {
  private static final Path SCRIPT = Path.of(System.getProperty("tenon.home")).resolve("tenon");
  private static final List<String> PROGRAMS = List.of("dirname", "sed", "readlink");

  @TempDir private Path machine;
  private Path script;

  private record Outcome(int status, String out, String err) {}

  /** The script's own search, moved below the directory. */
  @BeforeEach
  void moveTheScript() throws IOException {
    script = machine.resolve("repository/tenon");
    Files.createDirectories(script.getParent());
    String moved =
        Files.readString(SCRIPT).replaceAll("(?<=[ (])/(usr|opt|Library)/", machine + "/$1/");
    Files.writeString(script, moved);
    Path programs = Files.createDirectories(machine.resolve("programs"));
    for (String program : PROGRAMS) {
      Path real = Path.of("/usr/bin", program);
      Path found = Files.exists(real) ? real : Path.of("/bin", program);
      write(programs.resolve(program), "#!/bin/sh\nexec %s \"$@\"\n".formatted(found));
    }
  }

  @Test
  void takesANewerJdkThanTheDefaultOne() throws Exception {
    Path old = jdk("opt/jdk-17", "17.0.15");
    jdk("usr/lib/jvm/temurin-21", "21.0.2");

    Outcome outcome = run(Map.of("JAVA_HOME", old.toString()), "messages", "list");

    assertThat(outcome.err).isEmpty();
    assertThat(outcome.status).isZero();
    assertThat(outcome.out).contains("temurin-21").endsWith("dev.tenon.cli.Main messages list\n");
  }

  @Test
  void findsTheJdksOfAUser() throws Exception {
    jdk("home/.sdkman/candidates/java/25-tem", "25");

    assertThat(run(Map.of(), "help").out).contains("25-tem");
  }

  @Test
  void runsThroughLinksAndFromAnyPathAndWithoutAHome() throws Exception {
    jdk("usr/lib/jvm/temurin-21", "21.0.2");
    Path odd = Files.createDirectories(machine.resolve("a b [c]*"));
    Files.move(script, odd.resolve("tenon"));
    Files.createSymbolicLink(script, Path.of("../a b [c]*/tenon"));
    script = Files.createSymbolicLink(machine.resolve("link"), script);

    Outcome outcome = run(Map.of("HOME", "", "TENON_DATA", "relative"), "sql", "select  *");

    assertThat(outcome.err).isEmpty();
    assertThat(outcome.status).isZero();
    assertThat(outcome.out)
        .contains(" -Dtenon.home=" + odd.toRealPath() + " ")
        .contains(" -Dtenon.data=" + Path.of("relative").toAbsolutePath() + " ")
        .contains(" -cp " + odd.toRealPath() + "/cli/target/classes:")
        .endsWith("dev.tenon.cli.Main sql select  *\n");
  }

  @Test
  void saysThatAPathWithAColonDoesNotWork() throws Exception {
    Outcome outcome = run(Map.of("TENON_DATA", "/tmp/a:b"), "help");

    assertThat(outcome.status).isEqualTo(2);
    assertThat(outcome.err).contains("a class path cannot hold a colon");
  }

  @Test
  void saysThatTheJdkIsTooOld() throws Exception {
    Path old = jdk("usr/lib/jvm/java-17", "17.0.15");
    Path older = jdk("usr/lib/jvm/java-8", "1.8.0_402");

    Outcome outcome = run(Map.of("JAVA_HOME", old.toString()), "help");

    assertThat(outcome.status).isEqualTo(2);
    assertThat(outcome.out).isEmpty();
    assertThat(outcome.err)
        .isEqualTo(
            "Could not find a JDK 21 or newer: too old are 17 at %s, 8 at %s.".formatted(old, older)
                + " Install a newer one, or point JAVA_HOME at it.\n");
  }

  @Test
  void saysThatThereIsNoJdk() throws Exception {
    Outcome outcome = run(Map.of(), "demo");

    assertThat(outcome.status).isEqualTo(2);
    assertThat(outcome.err).startsWith("Could not find a JDK 21 or newer: there is none");
  }

  /** A JDK whose java only says how it was called. */
  private Path jdk(String where, String version) throws IOException {
    Path home = machine.resolve(where);
    Files.createDirectories(home.resolve("bin"));
    for (String program : List.of("java", "javac")) {
      write(home.resolve("bin").resolve(program), "#!/bin/sh\necho \"$0 $*\"\n");
    }
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    return home;
  }

  private static void write(Path program, String text) throws IOException {
    Files.writeString(program, text);
    assertThat(program.toFile().setExecutable(true)).isTrue();
  }

  private Outcome run(Map<String, String> environment, String... arguments) throws Exception {
    ProcessBuilder builder = new ProcessBuilder("/bin/bash", script.toString());
    builder.command().addAll(List.of(arguments));
    builder.environment().clear();
    builder.environment().put("PATH", machine.resolve("programs").toString());
    builder.environment().put("HOME", machine.resolve("home").toString());
    builder.environment().put("TENON_BUILD", "never");
    builder.environment().putAll(environment);
    Path out = machine.resolve("out");
    Path err = machine.resolve("err");
    Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    return new Outcome(
        process.exitValue(),
        Files.readString(out, StandardCharsets.UTF_8),
        Files.readString(err, StandardCharsets.UTF_8));
  }
}
