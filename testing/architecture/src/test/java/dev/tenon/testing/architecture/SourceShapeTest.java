package dev.tenon.testing.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePathScanner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.lang.model.element.Modifier;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Sizes and documents of the Java sources, as STYLE.md limits them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SourceShapeTest {
  private static final int FILES_AT_LEAST = 80;
  private static final int METHODS_AT_LEAST = 300;
  private static final int METHOD_LINES_MAX = 70;
  private static final int FILE_LINES_MAX = 500;
  private static final int LINE_COLUMNS_MAX = 100;

  private final Repository repository = Repository.here();
  private Shape shape = new Shape();

  @BeforeAll
  void parse() throws IOException {
    shape = Shape.of(repository.files(".java"));
  }

  @Test
  void seesTheSources() {
    assertThat(repository.files(".java")).hasSizeGreaterThanOrEqualTo(FILES_AT_LEAST);
    assertThat(shape.methods).isGreaterThanOrEqualTo(METHODS_AT_LEAST);
  }

  @Test
  void methodsAreShort() {
    assertThat(shape.longMethods).isEmpty();
  }

  @Test
  void filesAreShort() {
    var found = new ArrayList<String>();
    for (var file : repository.files(".java")) {
      var lines = repository.text(file).lines().count();
      if (lines > FILE_LINES_MAX) {
        found.add(repository.relative(file) + ": " + lines);
      }
    }

    assertThat(found).isEmpty();
  }

  @Test
  void linesAreShort() {
    var found = new ArrayList<String>();
    for (var file : repository.files(".java")) {
      repository
          .text(file)
          .lines()
          .filter(line -> line.length() > LINE_COLUMNS_MAX)
          .filter(line -> !line.startsWith("import ") && !line.contains("https://"))
          .forEach(line -> found.add(repository.relative(file) + ": " + line.strip()));
    }

    assertThat(found).isEmpty();
  }

  @Test
  void publicTypesHaveADocComment() {
    assertThat(shape.undocumented).isEmpty();
  }

  @Test
  void aLongMethodAndAnUndocumentedTypeAreFound(@TempDir Path folder) throws IOException {
    var planted = Files.createDirectories(folder.resolve("src/main/java")).resolve("Planted.java");
    Files.writeString(
        planted, "public class Planted { void run() {" + "\n".repeat(METHOD_LINES_MAX) + "} }");

    var found = Shape.of(List.of(planted));

    assertThat(found.longMethods).hasSize(1);
    assertThat(found.undocumented).hasSize(1);
  }

  private static final class Shape extends TreePathScanner<Void, CompilationUnitTree> {
    private final List<String> longMethods = new ArrayList<>();
    private final List<String> undocumented = new ArrayList<>();
    private int methods;
    private DocTrees trees;

    static Shape of(List<Path> files) throws IOException {
      var shape = new Shape();
      var compiler = ToolProvider.getSystemJavaCompiler();
      try (var manager = compiler.getStandardFileManager(null, null, null)) {
        var sources = manager.getJavaFileObjectsFromPaths(files);
        var task = (JavacTask) compiler.getTask(null, manager, null, List.of(), null, sources);
        shape.trees = DocTrees.instance(task);
        for (var unit : task.parse()) {
          shape.scan(unit, unit);
        }
      }
      return shape;
    }

    @Override
    public Void visitMethod(MethodTree method, CompilationUnitTree unit) {
      methods++;
      var positions = trees.getSourcePositions();
      var lines = unit.getLineMap();
      var end = positions.getEndPosition(unit, method);
      if (method.getBody() != null && end >= 0) {
        var first = lines.getLineNumber(positions.getStartPosition(unit, method));
        var length = lines.getLineNumber(end) - first + 1;
        if (length > METHOD_LINES_MAX) {
          longMethods.add(at(unit) + ":" + first + " " + method.getName() + ": " + length);
        }
      }
      return super.visitMethod(method, unit);
    }

    @Override
    public Void visitClass(ClassTree type, CompilationUnitTree unit) {
      var path = unit.getSourceFile().toUri().getPath();
      if (path.contains("/src/main/java/")
          && type.getModifiers().getFlags().contains(Modifier.PUBLIC)
          && trees.getDocComment(getCurrentPath()) == null) {
        undocumented.add(at(unit) + " " + type.getSimpleName());
      }
      return super.visitClass(type, unit);
    }

    private static String at(CompilationUnitTree unit) {
      return unit.getSourceFile().getName();
    }
  }
}
