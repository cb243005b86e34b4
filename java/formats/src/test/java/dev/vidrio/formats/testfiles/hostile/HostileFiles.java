package dev.vidrio.formats.testfiles.hostile;

import dev.vidrio.formats.gguf.Gguf;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** All hostile files, for tests of the reader, the architectures and the command line. */
public final class HostileFiles {

  private HostileFiles() {}

  /** Returns files that are not valid GGUF; {@link Gguf#open} must reject them. */
  public static Stream<HostileFile> all() {
    return Stream.of(HostileHeaders.files(), HostileMetadata.files(), HostileTensors.files())
        .flatMap(List::stream);
  }

  /**
   * Returns valid files of invalid models: {@link Gguf#open} accepts them, and the architecture or
   * the tokenizer must reject them.
   */
  public static Stream<HostileFile> models() {
    return Stream.of(HostileModels.files(), HostileTokenizers.files()).flatMap(List::stream);
  }

  /** Writes files into a directory as {@code NAME.gguf} and returns their paths. */
  public static List<Path> write(Stream<HostileFile> files, Path directory) {
    return files.map(file -> write(file, directory)).toList();
  }

  private static Path write(HostileFile file, Path directory) {
    try {
      return Files.write(directory.resolve(file.name() + ".gguf"), file.bytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
