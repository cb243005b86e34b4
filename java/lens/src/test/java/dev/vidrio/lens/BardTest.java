package dev.vidrio.lens;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Tests on the embedded model, which is opened once for all of a class. */
public abstract class BardTest {
  protected static Model model;
  protected static Lens lens;

  protected BardTest() {}

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.q8());
    lens = Lens.of(model);
  }

  @AfterAll
  static void close() {
    model.close();
  }
}
