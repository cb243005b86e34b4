package dev.vidrio.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** What the operating system says of the machine. */
public final class Machine {
  private Machine() {}

  /** The processor's name, or its architecture where the system does not tell. */
  public static String cpu() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    } catch (IOException e) {
      return System.getProperty("os.arch");
    }
  }

  /** The first line of a file of the system, or the fallback. */
  public static String firstLine(String path, String fallback) {
    try (Stream<String> lines = Files.lines(Path.of(path))) {
      return lines.findFirst().orElse(fallback).strip();
    } catch (IOException e) {
      return fallback;
    }
  }
}
