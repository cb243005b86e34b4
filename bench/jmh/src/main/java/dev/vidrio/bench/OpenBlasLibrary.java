package dev.vidrio.bench;

import dev.vidrio.kernel.ffm.Platform;
import java.nio.file.Files;
import java.nio.file.Path;

/** The location of OpenBLAS, which the build unpacks for the native library. */
final class OpenBlasLibrary {
  /** The system property for the path of another library. */
  static final String PROPERTY = "vidrio.openblas";

  private OpenBlasLibrary() {}

  /**
   * Returns the path of the library.
   *
   * @throws IllegalStateException if it is not found
   */
  static Path path() {
    Path path = Path.of(System.getProperty(PROPERTY, built())).toAbsolutePath();
    if (!Files.isRegularFile(path)) {
      throw new IllegalStateException(
          "OpenBLAS not found at "
              + path
              + ": run from the top of the source tree, or pass the path of the library by -D"
              + PROPERTY
              + "=<file>");
    }
    return path;
  }

  private static String built() {
    return "native/target/openblas/" + Platform.current().name() + "/libopenblas.so.0";
  }
}
