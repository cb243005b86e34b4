package dev.vidrio.cli.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.PositionsOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.ActivationFile;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vidrio lens cache}. */
@Command(
    name = "cache",
    description = {
      "Runs a text and keeps activations.",
      "Prints their sizes, or writes one tensor per hook point under its name," + " and `tokens`."
    })
final class CacheCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionsOption positions = new PositionsOption();

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      defaultValue = "*",
      description = "Hook points, separated by commas (see 'vidrio lens hooks').")
  private String hooks = "*";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Output file: FILE.safetensors or FILE.json.")
  private @Nullable Path output;

  @Option(names = "--json", description = "Print sizes and statistics as JSON.")
  private boolean json;

  @Spec private CommandSpec command = CommandSpec.create();

  CacheCommand() {}

  @Override
  public Integer call() throws IOException {
    Path target = output;
    if (target != null && !isSafetensors(target) && !isJson(target)) {
      throw new ParameterException(
          command.commandLine(), "-o " + target + ": must end in .safetensors or .json");
    }
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      Capture capture = positions.of(Capture.of(hooks), tokens.length);
      try (ActivationCache cache = Lens.of(opened).run(tokens, capture)) {
        if (target != null && isSafetensors(target)) {
          ActivationFile.write(cache, opened.name(), target);
        } else if (target != null) {
          Json.write(target, contents(opened, cache, true));
        }
        report(opened, cache, target);
      }
    }
    return 0;
  }

  private static boolean isSafetensors(Path file) {
    return file.toString().endsWith(".safetensors");
  }

  private static boolean isJson(Path file) {
    return file.toString().endsWith(".json");
  }

  private static Map<String, Object> contents(
      Model model, ActivationCache cache, boolean withValues) {
    Map<String, Object> hooks = new LinkedHashMap<>();
    for (HookPoint point : cache.points()) {
      Activation activation = cache.get(point);
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("shape", activation.shape());
      if (withValues) {
        entry.put("values", finite(activation.toArray()));
      } else {
        var statistics = Statistics.of(activation.data());
        entry.put("mean", statistics.mean());
        entry.put("rms", statistics.rms());
        entry.put("max_abs", statistics.greatest());
      }
      hooks.put(point.name(), entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("tokens", cache.tokens());
    result.put("from", cache.from());
    result.put("hooks", hooks);
    return result;
  }

  /** JSON has no infinities: masked scores are null. */
  private static List<@Nullable Float> finite(float[] values) {
    List<@Nullable Float> result = new ArrayList<>(values.length);
    for (float value : values) {
      result.add(Float.isFinite(value) ? value : null);
    }
    return result;
  }

  private void report(Model model, ActivationCache cache, @Nullable Path target) {
    if (json) {
      Json.print(contents(model, cache, false));
      return;
    }
    if (target != null) {
      System.out.println(target + ": " + cache.points().size() + " activations and the tokens");
      return;
    }
    System.out.printf("%-36s %-16s %10s %10s %10s%n", "hook", "shape", "mean", "rms", "max |x|");
    for (HookPoint point : cache.points()) {
      Activation activation = cache.get(point);
      var statistics = Statistics.of(activation.data());
      System.out.printf(
          "%-36s %-16s %10.4f %10.4f %10.4f%n",
          point.name(),
          activation.shape(),
          statistics.mean(),
          statistics.rms(),
          statistics.greatest());
    }
  }

  /** Of the finite values. */
  private record Statistics(double mean, double rms, double greatest) {
    static Statistics of(MemorySegment data) {
      double sum = 0;
      double squares = 0;
      double greatest = 0;
      long count = 0;
      for (long i = 0; i < data.byteSize() / Float.BYTES; i++) {
        float value = data.getAtIndex(JAVA_FLOAT, i);
        if (Float.isFinite(value)) {
          sum += value;
          squares += (double) value * value;
          greatest = Math.max(greatest, Math.abs(value));
          count++;
        }
      }
      return new Statistics(
          sum / Math.max(1, count), Math.sqrt(squares / Math.max(1, count)), greatest);
    }
  }
}
