package dev.tenon.examples.quickstart.order;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Collections;
import java.util.Enumeration;
import org.jspecify.annotations.Nullable;

/**
 * Gives a service its own classes, settings and migrations, and shares everything else: so that
 * several applications, which all have an application.yaml, run in one JVM.
 */
final class ServiceClassLoader extends URLClassLoader {
  private final String packagePrefix;

  ServiceClassLoader(Class<?> application) {
    super(
        new URL[] {application.getProtectionDomain().getCodeSource().getLocation()},
        application.getClassLoader());
    this.packagePrefix = application.getPackageName() + ".";
  }

  @Override
  protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
    if (!name.startsWith(packagePrefix)) {
      return super.loadClass(name, resolve);
    }
    synchronized (getClassLoadingLock(name)) {
      Class<?> loaded = findLoadedClass(name);
      return loaded == null ? findClass(name) : loaded;
    }
  }

  @Override
  public @Nullable URL getResource(String name) {
    return isOwn(name) ? findResource(name) : super.getResource(name);
  }

  @Override
  public Enumeration<URL> getResources(String name) throws IOException {
    if (!isOwn(name)) {
      return super.getResources(name);
    }
    URL own = findResource(name);
    return own == null
        ? Collections.emptyEnumeration()
        : Collections.enumeration(Collections.singleton(own));
  }

  /** Its package too: so that no test's classes beside it are scanned. */
  private boolean isOwn(String name) {
    return name.startsWith("application")
        || name.startsWith("db/migration")
        || name.startsWith(packagePrefix.replace('.', '/'));
  }
}
