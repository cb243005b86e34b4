package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.CommandGroup;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SessionOption;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio bench}. */
@Command(
    name = "bench",
    description = {
      "Measures a model's speed, as llama-bench does, and relates it to the machine's peaks.",
      "pp: prompt tokens per second; tg: generated tokens per second, summed over sequences.",
      "-t 1,2,4 measures with each number of threads, and shows what scaling loses."
    })
public final class BenchCommand extends ModelCommand<BenchCommand.Found> implements CommandGroup {
  private static final int TOKENS = 128;

  @Mixin private SessionOption session = new SessionOption();

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "N",
      description = "Prompt tokens; 0: skip this test.")
  private int prompt = 512;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Tokens to generate; 0: skip this test. Default: 128, with an encoder 0.")
  private @Nullable Integer tokens;

  @Option(
      names = {"-d", "--depth"},
      paramLabel = "N",
      description = "Tokens already in the context, not measured.")
  private int depth;

  @Option(
      names = {"-b", "--batch"},
      paramLabel = "N",
      description = "Sequences generated together.")
  private int sequences = 1;

  @Option(
      names = {"-r", "--repetitions"},
      paramLabel = "N",
      description = "Runs of each test, after one warm-up run.")
  private int repetitions = 5;

  @Option(names = "--ops", description = "Show the time of each kind of operation.")
  private boolean ops;

  private List<Integer> threads = List.of();

  @Override
  public List<Class<?>> commands() {
    return List.of(ServeCommand.class);
  }

  /**
   * The measured speeds.
   *
   * @param peaks null if the executor is not native
   * @param profile empty unless requested
   * @param scaling empty unless several numbers of threads are given
   */
  record Found(
      @Nullable Peaks peaks,
      List<SpeedTest.Result> results,
      List<OpProfile.Line> profile,
      List<Scaling.Line> scaling) {}

  /** Packs the matrices at once, so that packing is not part of a measured run. */
  @Override
  protected Repacking repacking() {
    return Repacking.AT_ONCE;
  }

  @Override
  protected void check() {
    UsageException.requireAtLeast("-p", prompt, 0);
    if (tokens != null) {
      UsageException.requireAtLeast("-n", tokens, 0);
    }
    UsageException.requireAtLeast("-d", depth, 0);
    UsageException.requireAtLeast("-b", sequences, 1);
    UsageException.requireAtLeast("-r", repetitions, 1);
    threads = threadCounts();
    if (ops && threads.size() > 1) {
      throw new UsageException("--ops: cannot be combined with several numbers of -t");
    }
    if (ops && session.isAdapted()) {
      throw new UsageException("--ops: cannot be combined with --adapter");
    }
  }

  @Override
  protected Found run(Model opened) {
    Found found = measure(opened);
    if (threads.size() < 2) {
      return found;
    }
    List<Scaling.Point> points = new ArrayList<>();
    points.add(point(opened, found));
    for (int count : threads.subList(1, threads.size())) {
      try (Model other = open(count)) {
        points.add(point(other, measure(other)));
      }
    }
    return new Found(found.peaks, found.results, List.of(), Scaling.lines(points, sequences));
  }

  private Scaling.Point point(Model opened, Found found) {
    if (found.peaks == null) {
      throw new UsageException("several numbers of -t: require the native executor");
    }
    return Scaling.measure(opened, session.of(opened), found.peaks, sequences, found.results);
  }

  /** Returns the number of tokens to generate. */
  private int tokens(Model opened) {
    if (!opened.architecture().isEncoder()) {
      return tokens == null ? TOKENS : tokens;
    }
    String reason = ": must be 0 for an encoder, which runs each text at once";
    if (tokens != null && tokens > 0) {
      throw new UsageException("-n " + tokens + reason);
    }
    if (depth > 0) {
      throw new UsageException("-d " + depth + reason);
    }
    return 0;
  }

  private Found measure(Model opened) {
    int generated = tokens(opened);
    try (var bench =
        new SpeedTest(opened, session.of(opened), prompt, generated, depth, sequences)) {
      Peaks peaks =
          opened.executor() instanceof NativeExecutor executor ? Peaks.measure(executor) : null;
      List<SpeedTest.Result> results = new ArrayList<>();
      if (prompt > 0) {
        results.add(bench.prompt(repetitions));
      }
      if (generated > 0) {
        results.add(bench.generation(repetitions));
      }
      return new Found(peaks, results, ops ? bench.profile(peaks) : List.of(), List.of());
    }
  }

  @Override
  protected void print(Found found) {
    Executor executor = model().executor();
    System.out.println(model().name() + ", " + executor.name() + ", " + Machine.cpu());
    if (!found.scaling.isEmpty()) {
      Scaling.print(found.scaling);
      return;
    }
    String peaks = found.peaks == null ? "" : "; peaks: " + found.peaks;
    System.out.println(executor.workers() + " threads" + peaks);
    System.out.println();
    System.out.printf("%-14s %12s %10s  %s%n", "test", "tokens/s", "±", "of the machine's peak");
    for (SpeedTest.Result result : found.results) {
      System.out.printf(
          "%-14s %12.2f %10.2f  %s%n",
          result.test(),
          result.mean(),
          result.deviation(),
          found.peaks == null ? "" : result.share(found.peaks));
    }
    if (!found.profile.isEmpty()) {
      OpProfile.print(found.profile);
    }
  }

  @Override
  protected Object toJson(Found found) {
    JsonObject json =
        new JsonObject()
            .with("machine", Machine.toJson(model().executor(), found.peaks))
            .with("results", found.results.stream().map(SpeedTest.Result::toJson).toList());
    if (!found.profile.isEmpty()) {
      json.put("ops", found.profile.stream().map(OpProfile.Line::toJson).toList());
    }
    if (!found.scaling.isEmpty()) {
      json.put("scaling", found.scaling.stream().map(Scaling.Line::toJson).toList());
    }
    return json;
  }
}
