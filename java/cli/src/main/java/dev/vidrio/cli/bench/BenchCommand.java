package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.option.AdapterOption;
import dev.vidrio.cli.option.CommandGroup;
import dev.vidrio.cli.option.FastOption;
import dev.vidrio.cli.option.KvOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
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

/** {@code vidrio bench}. */
@Command(
    name = "bench",
    description = {
      "Measures a model's speed, as llama-bench does, and relates it to the machine's peaks.",
      "pp: prompt tokens per second; tg: generated tokens per second, summed" + " over sequences."
    })
public final class BenchCommand implements Callable<Integer>, CommandGroup {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private KvOption kv = new KvOption();
  @Mixin private FastOption fast = new FastOption();
  @Mixin private AdapterOption adapter = new AdapterOption();

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "N",
      description = "Prompt tokens; 0: skip this test. Default: ${DEFAULT-VALUE}.")
  private int prompt = 512;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Tokens to generate; 0: skip this test. Default: ${DEFAULT-VALUE}.")
  private int tokens = 128;

  @Option(
      names = {"-d", "--depth"},
      paramLabel = "N",
      description = "Tokens already in the context, not measured. Default: ${DEFAULT-VALUE}.")
  private int depth;

  @Option(
      names = {"-b", "--batch"},
      paramLabel = "N",
      description = "Sequences generated together. Default: ${DEFAULT-VALUE}.")
  private int sequences = 1;

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      description = "Runs of each test, after one warm-up run. Default: ${DEFAULT-VALUE}.")
  private int repetitions = 5;

  @Option(names = "--ops", description = "Show the time of each kind of operation.")
  private boolean ops;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Spec private CommandSpec command = CommandSpec.create();

  @Override
  public List<Class<?>> commands() {
    return List.of(ServeCommand.class);
  }

  @Override
  public Integer call() {
    require("-p", prompt, 0);
    require("-n", tokens, 0);
    require("-d", depth, 0);
    require("-b", sequences, 1);
    require("-r", repetitions, 1);
    if (ops && adapter.isPresent()) {
      throw new ParameterException(
          command.commandLine(), "--ops: cannot be combined with --adapter");
    }
    try (Model opened = model.open();
        var bench = new SpeedTest(opened, options(opened), prompt, tokens, depth, sequences)) {
      Peaks peaks = peaks(opened.executor());
      List<SpeedTest.Result> results = new ArrayList<>();
      if (prompt > 0) {
        results.add(bench.prompt(repetitions));
      }
      if (tokens > 0) {
        results.add(bench.generation(repetitions));
      }
      List<OpProfile.Line> profile = ops ? bench.profile(peaks) : List.of();
      if (json) {
        printJson(Machine.toJson(opened.executor(), peaks), results, profile);
      } else {
        print(opened, peaks, results, profile);
      }
    }
    return 0;
  }

  private SessionOptions options(Model opened) {
    return SessionOptions.DEFAULT
        .withKvType(kv.type())
        .withFast(fast.asked())
        .withAdaptation(adapter.open(opened));
  }

  private void require(String option, int value, int min) {
    if (value < min) {
      throw new ParameterException(
          command.commandLine(), option + " " + value + ": must be at least " + min);
    }
  }

  private static @Nullable Peaks peaks(Executor executor) {
    return executor instanceof NativeExecutor nativeExecutor ? Peaks.measure(nativeExecutor) : null;
  }

  private static void print(
      Model opened,
      @Nullable Peaks peaks,
      List<SpeedTest.Result> results,
      List<OpProfile.Line> profile) {
    Executor executor = opened.executor();
    System.out.println(opened.name() + ", " + executor.name() + ", " + Machine.cpu());
    System.out.println(
        executor.workers() + " threads" + (peaks == null ? "" : "; peaks: " + peaks));
    System.out.println();
    System.out.printf("%-14s %12s %10s  %s%n", "test", "tokens/s", "±", "of the machine's peak");
    for (SpeedTest.Result result : results) {
      System.out.printf(
          "%-14s %12.2f %10.2f  %s%n",
          result.test(),
          result.mean(),
          result.deviation(),
          peaks == null ? "" : result.share(peaks));
    }
    if (!profile.isEmpty()) {
      OpProfile.print(profile);
    }
  }

  private static void printJson(
      Map<String, Object> machine, List<SpeedTest.Result> results, List<OpProfile.Line> profile) {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("machine", machine);
    all.put("results", results.stream().map(SpeedTest.Result::toJson).toList());
    if (!profile.isEmpty()) {
      all.put("ops", profile.stream().map(OpProfile.Line::toJson).toList());
    }
    Json.print(all);
  }
}
