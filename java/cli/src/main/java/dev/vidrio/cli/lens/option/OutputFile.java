package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.UsageException;
import java.nio.file.Path;
import java.util.Arrays;

/** Checks output files. The extension selects the format. */
public final class OutputFile {
  private OutputFile() {}

  /**
   * Rejects other extensions and files that cannot be written. Called before the results are
   * computed.
   *
   * @param endings the allowed extensions
   */
  public static void check(Path output, String... endings) {
    if (Arrays.stream(endings).noneMatch(output.toString()::endsWith)) {
      throw new UsageException("-o " + output + ": must end in " + String.join(" or ", endings));
    }
    InputOutput.requireWritable(output);
  }
}
