package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Facts of the machine and of an executor on it. */
public final class Machine {
  private Machine() {}

  /** Returns the processor's name, or its architecture if the name is unknown. */
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

  /** Describes how products in bf16 are computed, and what they are good for here. */
  public static String bf16(Isa isa) {
    return isa.bf16Instruction()
        + (isa.prefersBf16()
            ? ": faster prompts than int8, slower generation, more accurate (--arithmetic bf16)"
            : ": slower than int8, but more accurate (--arithmetic bf16)");
  }

  /** Returns the machine, the executor, and its measured peaks. */
  public static JsonObject toJson(Executor executor, @Nullable Peaks peaks) {
    JsonObject machine =
        new JsonObject()
            .with("cpu", cpu())
            .with("executor", executor.name())
            .with("threads", executor.workers());
    if (peaks != null) {
      machine.putAll(peaks.toJson());
    }
    return machine;
  }

  /** Returns the first line of a system file, or the fallback. */
  public static String firstLine(String path, String fallback) {
    try (Stream<String> lines = Files.lines(Path.of(path))) {
      return lines.findFirst().orElse(fallback).strip();
    } catch (IOException e) {
      return fallback;
    }
  }
}
