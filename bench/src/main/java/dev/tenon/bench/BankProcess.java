package dev.tenon.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A Java process with libraries of its own, which is told by lines what to do and answers each by a
 * line. Not thread-safe.
 */
final class BankProcess implements AutoCloseable {
  /** The first line that it says. */
  static final String READY = "ready";

  private static final int CLOSE_SECONDS_MAX = 5;

  private final String name;
  private final Path log;
  private final Process process;
  private final PrintStream commands;
  private final BufferedReader answers;

  private BankProcess(String name, Path log, Process process) {
    this.name = name;
    this.log = log;
    this.process = process;
    this.commands = new PrintStream(process.getOutputStream(), true, UTF_8);
    this.answers = process.inputReader(UTF_8);
  }

  /**
   * Starts one, and does not wait for it.
   *
   * @param name for messages
   * @param libraries the module of {@code bench} that has them; empty for this process's own
   * @param log what it says beside its answers
   * @param options of the virtual machine
   * @param main its class
   * @param arguments what that gets
   */
  static BankProcess start(
      String name,
      String libraries,
      Path log,
      List<String> options,
      Class<?> main,
      List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx1g", "--enable-native-access=ALL-UNNAMED"));
    command.addAll(options);
    command.addAll(List.of("-cp", classPath(libraries), main.getName()));
    command.addAll(arguments);
    return new BankProcess(
        name, log, new ProcessBuilder(command).redirectError(log.toFile()).start());
  }

  private static String classPath(String libraries) {
    if (libraries.isEmpty()) {
      return System.getProperty("java.class.path");
    }
    Path classes = classes();
    Path folder = classes.resolve("../../" + libraries + "/target/lib").normalize();
    if (!folder.toFile().isDirectory()) {
      throw new BenchmarkException(
          "Could not find the libraries of "
              + libraries
              + " [directory="
              + folder
              + "]: build the module bench/"
              + libraries
              + ".");
    }
    return classes + java.io.File.pathSeparator + folder + "/*";
  }

  /** Where this module's classes are. */
  private static Path classes() {
    try {
      return Path.of(BankProcess.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (java.net.URISyntaxException e) {
      throw new BenchmarkException("Could not find the benchmark's own classes.", e);
    }
  }

  /** Waits until it is ready. */
  BankProcess await() throws IOException {
    answer();
    return this;
  }

  /**
   * Tells it something, and waits for the answer.
   *
   * @throws BenchmarkException if it failed
   */
  String ask(String line) throws IOException {
    commands.println(line);
    return answer();
  }

  private String answer() throws IOException {
    String answer = answers.readLine();
    if (answer == null) {
      throw new BenchmarkException(
          "Could not go on with " + name + ": its process ended. Read " + log + ".");
    }
    return answer;
  }

  @Override
  public void close() {
    commands.close();
    try {
      if (!process.waitFor(CLOSE_SECONDS_MAX, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  /** The other side: takes the standard output for the answers alone, and leaves it so. */
  static PrintStream answers() {
    PrintStream answers = System.out;
    System.setOut(System.err);
    return answers;
  }

  /** The other side: answers each line until there are no more. */
  static void serve(PrintStream answers, Answering answering) throws Exception {
    answers.println(READY);
    BufferedReader lines = new BufferedReader(new java.io.InputStreamReader(System.in, UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      answers.println(answering.answer(line));
    }
  }

  /** Answers a line. */
  @FunctionalInterface
  interface Answering {
    String answer(String line) throws Exception;
  }
}
