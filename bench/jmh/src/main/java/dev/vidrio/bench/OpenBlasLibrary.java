package dev.vidrio.bench;

import dev.vidrio.kernel.ffm.Platform;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where OpenBLAS lies: the build unpacks it for the native library. */
final class OpenBlasLibrary {
  /** The system property that names another file. */
  static final String PROPERTY = "vidrio.openblas";

  private OpenBlasLibrary() {}

  /**
   * The file.
   *
   * @throws IllegalStateException when there is none
   */
  static Path path() {
    Path path = Path.of(System.getProperty(PROPERTY, built())).toAbsolutePath();
    if (!Files.isRegularFile(path)) {
      throw new IllegalStateException(
          "OpenBLAS is not at "
              + path
              + ": run from the top of the source tree, or name the library by -D"
              + PROPERTY
              + "=<file>");
    }
    return path;
  }

  private static String built() {
    return "native/target/openblas/" + Platform.current().name() + "/libopenblas.so.0";
  }
}
