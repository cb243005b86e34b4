package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.InputOutput;
import java.nio.file.Path;
import java.util.Arrays;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Checks output files, whose extension selects the format. */
public final class OutputFile {
  private OutputFile() {}

  /**
   * Rejects other extensions and files that cannot be written. Called before the results are
   * computed.
   *
   * @param endings the allowed extensions
   */
  public static void check(CommandSpec command, Path output, String... endings) {
    if (Arrays.stream(endings).noneMatch(output.toString()::endsWith)) {
      throw new ParameterException(
          command.commandLine(), "-o " + output + ": must end in " + String.join(" or ", endings));
    }
    InputOutput.requireWritable(output);
  }
}
