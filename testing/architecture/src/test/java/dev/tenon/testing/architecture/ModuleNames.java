package dev.tenon.testing.architecture;

/** What a module's folder says about its artifact and its package. */
record ModuleNames(String artifactId, String packageName) {
  private static final String QUICKSTART = "examples/quickstart/";
  private static final String TESTING = "testing/";
  private static final String SPRING = "spring/";
  private static final String BENCH = "bench/";

  static ModuleNames of(String folder) {
    var name = folder.substring(folder.lastIndexOf('/') + 1);
    if (folder.startsWith(QUICKSTART)) {
      return new ModuleNames("quickstart-" + name, "dev.tenon.examples.quickstart." + name);
    }
    if (folder.startsWith(TESTING)) {
      return new ModuleNames("tenon-testing-" + name, "dev.tenon.testing." + name);
    }
    if (folder.startsWith(BENCH)) {
      return new ModuleNames("tenon-bench-" + name, "dev.tenon.bench." + name);
    }
    if (folder.startsWith(SPRING)) {
      return new ModuleNames(name, "dev.tenon.spring");
    }
    return new ModuleNames("tenon-" + name, "dev.tenon." + name.replace('-', '.'));
  }
}
