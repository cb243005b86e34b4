package dev.vidrio.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The command line of JMH, with the executors that this machine supports. */
public final class Main {
  private static final String EXECUTOR = "executor=";

  private Main() {}

  /**
   * Runs the benchmarks that the arguments select.
   *
   * @param args arguments of JMH; {@code -h} lists them
   */
  public static void main(String[] args) throws IOException {
    List<String> all = new ArrayList<>(Arrays.asList(args));
    if (all.stream().noneMatch(argument -> argument.startsWith(EXECUTOR))) {
      List<String> usable = Executors.usable();
      Executors.names().stream()
          .filter(name -> !usable.contains(name))
          .forEach(
              name -> System.err.println("skipped: " + name + " is not supported on this machine"));
      all.add("-p");
      all.add(EXECUTOR + String.join(",", usable));
    }
    org.openjdk.jmh.Main.main(all.toArray(String[]::new));
  }
}
