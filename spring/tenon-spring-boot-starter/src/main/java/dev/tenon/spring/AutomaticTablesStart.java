package dev.tenon.spring;

import dev.tenon.global.AutomaticTables;
import dev.tenon.schema.ServiceDatabase;
import java.util.List;
import org.springframework.context.SmartLifecycle;

/** Opts tables in when their own migrations have run, and before anything is served. */
final class AutomaticTablesStart implements SmartLifecycle {
  private static final int BEFORE_SERVERS = 0;

  private final ServiceDatabase database;
  private final List<String> names;
  private volatile boolean running;

  AutomaticTablesStart(ServiceDatabase database, List<String> names) {
    this.database = database;
    this.names = names;
  }

  @Override
  public void start() {
    if (!names.isEmpty()) {
      AutomaticTables.of(database.tenonSchema()).enable(database.dataSource(), names);
    }
    running = true;
  }

  @Override
  public void stop() {
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  @Override
  public int getPhase() {
    return BEFORE_SERVERS;
  }
}
