package dev.tenon.cli;

import dev.tenon.runtime.Json;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What is up, in a file that only this user can read: for other commands while the demo runs, and
 * for the next demo to clean up after one that was killed.
 *
 * @param pid the process of the demo itself
 * @param orders the file of orders; empty if they are generated
 * @param chargeLimit what the payment service charges at most
 * @param services by name
 */
record DemoState(long pid, String orders, String chargeLimit, Map<String, Service> services) {
  private static final Duration START_TOLERANCE = Duration.ofSeconds(2);

  DemoState {
    services = new LinkedHashMap<>(services);
  }

  /**
   * A service that is up.
   *
   * @param url where its users reach it
   * @param pid its process
   * @param startedMillis when that process started, since a pid alone may be another's by now
   * @param tenonPort where other services reach it
   */
  record Service(
      String url,
      int tenonPort,
      long pid,
      long startedMillis,
      String jdbcUrl,
      String user,
      String password,
      String log) {

    /** The process, if it still runs. */
    Optional<ProcessHandle> process() {
      Instant started = Instant.ofEpochMilli(startedMillis);
      return ProcessHandle.of(pid)
          .filter(ProcessHandle::isAlive)
          .filter(
              process ->
                  process
                      .info()
                      .startInstant()
                      .map(at -> Duration.between(at, started).abs())
                      .filter(apart -> apart.compareTo(START_TOLERANCE) < 0)
                      .isPresent());
    }

    @Override
    public String toString() {
      return "Service[url=" + url + ", pid=" + pid + "]";
    }
  }

  /** By the names of the instances, and of their services. */
  ServiceLogins logins() {
    Map<String, ServiceLogins.Login> logins = new HashMap<>();
    services.forEach(
        (instance, service) -> {
          ServiceLogins.Login login =
              new ServiceLogins.Login(service.jdbcUrl, service.user, service.password);
          logins.put(instance, login);
          logins.put(ServiceInstance.service(instance), login);
        });
    return new ServiceLogins(logins);
  }

  /** Reads the state; empty if no demo left one. */
  static Optional<DemoState> read(DemoHome home) {
    try {
      if (!Files.exists(home.stateFile())) {
        return Optional.empty();
      }
      return Optional.of(Json.read(Files.readAllBytes(home.stateFile()), DemoState.class));
    } catch (IOException | IllegalArgumentException e) {
      throw new CliException(
          "Could not read what is up [file=%s]: %s. Delete the file."
              .formatted(home.stateFile(), e.getMessage()),
          e);
    }
  }

  /** Reads the state of a demo that must be up. */
  static DemoState require(DemoHome home) {
    return read(home)
        .orElseThrow(
            () ->
                new CliException(
                    "Could not find a demo [file=%s]: none is up. Start ./tenon demo in another"
                            .formatted(home.stateFile())
                        + " terminal."));
  }

  void write(DemoHome home) {
    Path file = home.stateFile();
    try {
      boolean posix = FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
      FileAttribute<?>[] ownerOnly =
          posix
              ? new FileAttribute<?>[] {
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
              }
              : new FileAttribute<?>[0];
      Path written = Files.createTempFile(home.data(), "demo", ".json", ownerOnly);
      Files.write(written, Json.write(this));
      Files.move(
          written, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new CliException(
          "Could not write [file=%s]: %s. Is the disk full?".formatted(file, e.getMessage()), e);
    }
  }
}
