package dev.tenon.testing.database;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A small shell process that ends a server when the JVM that started it ends, however it ends
 * (SIGKILL too): it waits for the end of a pipe that only this JVM holds open. The server thus
 * outlives every shutdown hook of the JVM, which may still need it, and nothing after that.
 */
final class Watchdog implements AutoCloseable {

  private static final String SCRIPT =
      """
      trap '' HUP INT TERM
      while read -r line; do :; done
      root=$1; data=$2; signal=$3; delete=$4
      ours() {
        if [ -d /proc/self ]; then
          tr '\\000' '\\n' < "/proc/$1/cmdline" 2>/dev/null | grep -qxF -- "$data"
        else
          ps -o command= -p "$1" | grep -qF -- "$data"
        fi
      }
      # A server may be on its way up: look for it for a while.
      tries=30
      while [ -d "$root" ] && [ $tries -gt 0 ]; do
        pid=
        { read -r pid < "$data/postmaster.pid"; } 2>/dev/null
        if [ -n "$pid" ] && ours "$pid"; then
          kill -s "$signal" "$pid"; kill -s CONT "$pid"
          while ours "$pid"; do sleep 0.1; done
          break
        fi
        sleep 0.1
        tries=$((tries - 1))
      done
      if [ "$delete" = yes ]; then rm -rf -- "$root"; fi
      """;

  private final Process process;

  private Watchdog(Process process) {
    this.process = process;
  }

  /** Starts watching over the server of a cluster; a temporary cluster is deleted with it. */
  static Watchdog over(Cluster cluster, boolean temporary) throws IOException {
    List<String> command = new ArrayList<>();
    Path setsid = Path.of("/usr/bin/setsid");
    if (Files.isExecutable(setsid)) {
      command.add(setsid.toString()); // a SIGKILL to this JVM's whole process group spares it
    }
    command.addAll(List.of("sh", "-c", SCRIPT, "tenon-postgres-watchdog"));
    command.addAll(List.of(cluster.root().toString(), cluster.pgdata().toString()));
    command.addAll(temporary ? List.of("QUIT", "yes") : List.of("INT", "no"));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.redirectError(ProcessBuilder.Redirect.DISCARD);
    return new Watchdog(builder.start());
  }

  /** Ends the watch without any effect on the server. */
  @Override
  public void close() {
    process.destroyForcibly();
    process.onExit().join();
  }
}
