package dev.vidrio.kernel.ffm;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Runs programs of tests that need their own process. */
final class Program {
  private Program() {}

  /**
   * Runs a program with the class path of this process.
   *
   * @param cache the directory to which libraries are extracted
   * @param arguments arguments of the program
   * @param options options of the JVM
   * @return the output
   */
  static String run(Path cache, Class<?> program, List<String> arguments, String... options)
      throws IOException {
    String path =
        System.getProperty("jdk.module.path", "")
            + File.pathSeparator
            + System.getProperty("java.class.path");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", path, program.getName()));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("VIDRIO_HOME", cache.toString());
    Process process = builder.start();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }
}
