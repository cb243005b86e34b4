package dev.vidrio.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The vidrio command. */
@Command(name = "vidrio", mixinStandardHelpOptions = true, version = "0.1.0-SNAPSHOT")
public final class Main implements Runnable {
  Main() {}

  /**
   * Runs one command and ends the process with its exit code.
   *
   * @param args the command and its options
   */
  public static void main(String[] args) {
    System.exit(new CommandLine(new Main()).execute(args));
  }

  @Override
  public void run() {
    CommandLine.usage(this, System.out);
  }
}
