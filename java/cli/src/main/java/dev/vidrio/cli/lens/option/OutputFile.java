package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.InputOutput;
import java.nio.file.Path;
import java.util.Arrays;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Files that commands write their results to, whose names say what they hold. */
public final class OutputFile {
  private OutputFile() {}

  /**
   * Refuses files of other kinds, and where none can be. Called before the work is done.
   *
   * @param endings that the name may have
   */
  public static void check(CommandSpec command, Path output, String... endings) {
    if (Arrays.stream(endings).noneMatch(output.toString()::endsWith)) {
      throw new ParameterException(
          command.commandLine(), "-o " + output + ": must end in " + String.join(" or ", endings));
    }
    InputOutput.requireWritable(output);
  }
}
