package dev.vidrio.server;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class PackagesTest {
  @Test
  void dependOnEachOtherInOneDirection() {
    var classes = new ClassFileImporter().importPath(Path.of("target", "classes"));
    slices().matching("dev.vidrio.(**)").should().beFreeOfCycles().check(classes);
  }
}
