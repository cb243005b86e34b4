package dev.vidrio.cli;

import picocli.AutoComplete;
import picocli.CommandLine.Command;

/** {@code vidrio completion}. */
@Command(
    name = "completion",
    description = {
      "Prints a completion script for bash and zsh: commands, options, models.",
      "To use it: source <(vidrio completion)"
    })
final class CompletionCommand implements Runnable {
  @Override
  public void run() {
    System.out.print(AutoComplete.bash("vidrio", Main.complete()));
  }
}
