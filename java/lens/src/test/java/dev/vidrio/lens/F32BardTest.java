package dev.vidrio.lens;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Tests on the embedded model in F32, which rounds no activation, opened once for a class. */
public abstract class F32BardTest {
  protected static Model model;
  protected static Lens lens;

  protected F32BardTest() {}

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.f32());
    lens = Lens.of(model);
  }

  @AfterAll
  static void close() {
    model.close();
  }
}
