package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Units;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.PrecisionOption;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.ffm.Probe;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio size}. */
@Command(
    name = "size",
    description = {
      "Predicts memory, speed and users of a model on a machine, from counts of its plan.",
      "Without --bandwidth, the peaks of this machine are measured."
    })
public final class SizeCommand extends ModelCommand<SizeCommand.Found> {
  private static final int CHUNK = 512;
  private static final int MAX_USERS = 1024;

  @Mixin private PrecisionOption precision = new PrecisionOption();

  @Option(
      names = "--cores",
      paramLabel = "N",
      description = "Cores of the machine. Default: the threads of -t.")
  private @Nullable Integer cores;

  @Option(
      names = "--nodes",
      paramLabel = "N",
      description =
          "NUMA nodes of the machine. Default: 1 with --cores, else those of the threads.")
  private @Nullable Integer nodes;

  @Option(
      names = "--bandwidth",
      paramLabel = "GB/s",
      description = "Read bandwidth of all cores. Default: measured with the threads of -t.")
  private @Nullable Double bandwidth;

  @Option(
      names = "--int8",
      paramLabel = "Gop/s",
      description = "int8 peak of one core. Default: measured.")
  private @Nullable Double int8;

  @Option(
      names = "--f32",
      paramLabel = "Gop/s",
      description = "f32 peak of one core. Default: measured.")
  private @Nullable Double f32;

  @Option(
      names = "--bf16",
      paramLabel = "Gop/s",
      description = "bf16 peak of one core. Default: that of --f32 if given, else measured.")
  private @Nullable Double bf16;

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "N",
      description = "Tokens of a prompt.")
  private int prompt = 512;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Tokens of a user's context. Default: the prompt and 128 more.")
  private @Nullable Integer context;

  @Option(
      names = "--rate",
      paramLabel = "N",
      description = "Tokens per second that each user needs.")
  private double rate = 10;

  @Option(
      names = "--memory",
      paramLabel = "GB",
      description = "Memory of the machine; it limits the number of users.")
  private @Nullable Double memory;

  /**
   * The generation of a number of users together.
   *
   * @param tokensPerSecond summed over users
   */
  record Generation(int users, double tokensPerSecond) {
    double perUser() {
      return tokensPerSecond / users;
    }

    JsonObject toJson() {
      return new JsonObject()
          .with("users", users)
          .with("tokens_per_second", tokensPerSecond)
          .with("tokens_per_second_per_user", perUser());
    }
  }

  /**
   * The prediction.
   *
   * @param weightBytes weights in memory
   * @param userBytes keys, values and states of a user
   * @param promptRate prompt tokens per second
   * @param remoteBytes bytes of a token that NUMA nodes read from each other
   * @param users the maximum number of users with the rate that each needs; 0 if one has less
   */
  record Found(
      int cores,
      int nodes,
      Peaks peaks,
      long weightBytes,
      long userBytes,
      double promptRate,
      double ceiling,
      double remoteBytes,
      List<Generation> generation,
      int users) {}

  @Override
  protected void check() {
    UsageException.requireAtLeast("-p", prompt, 1);
    if (cores != null) {
      UsageException.requireAtLeast("--cores", cores, 1);
    }
    if (nodes != null) {
      UsageException.requireAtLeast("--nodes", nodes, 1);
    }
    if (context != null) {
      UsageException.requireAtLeast("-c", context, 1);
    }
    requirePositive("--bandwidth", bandwidth);
    requirePositive("--int8", int8);
    requirePositive("--f32", f32);
    requirePositive("--memory", memory);
    requirePositive("--rate", rate);
  }

  private static void requirePositive(String option, @Nullable Double value) {
    if (value != null && !(value > 0 && value < 1e12)) {
      throw new UsageException(option + " " + value + ": must be positive");
    }
  }

  private int positions() {
    return context == null ? prompt + 128 : context;
  }

  @Override
  protected Found run(Model opened) {
    if (!(opened.executor() instanceof NativeExecutor executor)) {
      throw new UsageException("size: requires the native executor");
    }
    int workers = cores == null ? executor.workers() : cores;
    int divided = nodes(executor, workers);
    Peaks peaks = peaks(executor, workers, opened.architecture().bytesPerToken());
    Plan plan = new GatherHoisting().apply(opened.architecture().plan().in(precision.arithmetic()));
    var limits = new Limits(1, 1, 1, 1, opened.architecture().vocabulary());
    try (Arena arena = Arena.ofShared()) {
      var cache = new KvCache(executor, plan.kv(), precision.kvType(), 1, 1, arena);
      try (ExecutablePlan prepared = executor.prepare(plan, limits, cache)) {
        int decoders = cores == null ? executor.decodeWorkers() : cores;
        var time = new StepTime(prepared, precision.kvType(), peaks, decoders, divided);
        double ceiling = NativeExecutor.balance(prepared, 1, decoders, divided).efficiency();
        return predict(plan, time, workers, ceiling);
      }
    }
  }

  private int nodes(NativeExecutor executor, int workers) {
    if (nodes == null) {
      return cores == null ? executor.nodes() : 1;
    }
    int most = Math.min(workers, NativeExecutor.MAX_NODES);
    if (nodes > most) {
      throw new UsageException("--nodes " + nodes + ": must be between 1 and " + most);
    }
    return nodes;
  }

  /**
   * Returns the given peaks, and for others those of this machine, in proportion to cores.
   *
   * @param bytes the size of the memory that a token reads; caches may hold a part of it
   */
  private Peaks peaks(NativeExecutor executor, int workers, long bytes) {
    if (bandwidth != null && int8 != null && f32 != null) {
      return new Peaks(
          1e9 * bandwidth,
          1e9 * f32 * workers,
          1e9 * int8 * workers,
          1e9 * (bf16 == null ? f32 : bf16) * workers);
    }
    if (bandwidth == null && workers != executor.workers()) {
      throw new UsageException(
          "--cores "
              + workers
              + ": requires --bandwidth, since this machine's is measured with "
              + executor.workers()
              + " threads");
    }
    Peaks measured = Peaks.measure(executor);
    double scale = (double) workers / executor.workers();
    Double bf16Core = bf16 == null ? f32 : bf16;
    return new Peaks(
        bandwidth == null ? Probe.reads(executor, bytes, Peaks.PROBE_SECONDS) : 1e9 * bandwidth,
        f32 == null ? scale * measured.f32() : 1e9 * f32 * workers,
        int8 == null ? scale * measured.int8() : 1e9 * int8 * workers,
        bf16Core == null ? scale * measured.bf16() : 1e9 * bf16Core * workers);
  }

  private Found predict(Plan plan, StepTime time, int workers, double ceiling) {
    long weights =
        plan.ops().stream()
            .flatMap(SizeCommand::matrices)
            .distinct()
            .mapToLong(Weights::bytes)
            .sum();
    KvShape kv = plan.kv();
    long user =
        (long) KvCache.blocksFor(positions())
                * KvCache.BLOCK
                * kv.bytesPerPosition(precision.kvType())
            + kv.bytesPerSequence();
    List<Generation> generation = new ArrayList<>();
    int users = 0;
    for (int n = 1; n <= MAX_USERS && fits(weights + n * user); n *= 2) {
      var speed = new Generation(n, n / time.generation(n, positions() - 1));
      if (n > 1 && speed.perUser() < rate) {
        users = users == 0 ? 0 : bisect(time, users, n, weights, user);
        break;
      }
      users = speed.perUser() >= rate ? n : 0;
      generation.add(speed);
    }
    return new Found(
        workers,
        time.nodes(),
        time.peaks(),
        weights,
        user,
        promptRate(time),
        ceiling,
        time.remoteBytes(positions() - 1),
        generation,
        users);
  }

  /** Returns the largest number of users in [enough, tooMany) that have the rate. */
  private int bisect(StepTime time, int enough, int tooMany, long weights, long user) {
    int low = enough;
    int high = tooMany;
    while (high - low > 1) {
      int middle = (low + high) / 2;
      boolean serves =
          1 / time.generation(middle, positions() - 1) >= rate && fits(weights + middle * user);
      low = serves ? middle : low;
      high = serves ? high : middle;
    }
    return low;
  }

  private boolean fits(long bytes) {
    return memory == null || bytes <= 1e9 * memory;
  }

  private double promptRate(StepTime time) {
    double seconds = 0;
    for (int at = 0; at < prompt; at += CHUNK) {
      seconds += time.prompt(Math.min(CHUNK, prompt - at), at);
    }
    return prompt / seconds;
  }

  private static Stream<Weights> matrices(Op op) {
    return switch (op) {
      case Op.Embed embedding -> Stream.of(embedding.table());
      case Op.MatMul product -> Stream.of(product.weights());
      case ExpertOp.ExpertMatMul product -> product.matrices().stream();
      default -> Stream.empty();
    };
  }

  @Override
  protected void print(Found found) {
    System.out.printf("%s on %d cores; peaks: %s%n%n", modelName(), found.cores, found.peaks);
    System.out.printf("%-26s %s%n", "weights", Units.bytes(found.weightBytes));
    System.out.printf(
        "%-26s %s%n", "a user of " + positions() + " tokens", Units.bytes(found.userBytes));
    System.out.printf("%-26s %.0f tokens/s%n", "prompt of " + prompt, found.promptRate);
    System.out.printf("%-26s %.0f %%%n", "balance of a token", 100 * found.ceiling);
    if (found.nodes > 1) {
      System.out.printf(
          "%-26s %s of a token%n",
          "between " + found.nodes + " nodes", Units.bytes(Math.round(found.remoteBytes)));
    }
    System.out.println();
    System.out.printf("%8s %12s %12s%n", "users", "tokens/s", "per user");
    for (Generation row : found.generation) {
      System.out.printf("%8d %12.1f %12.1f%n", row.users, row.tokensPerSecond, row.perUser());
    }
    System.out.printf(
        "%n%d users with at least %.0f tokens/s each: %.1f per core%n",
        found.users, rate, (double) found.users / found.cores);
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object
        .with("cores", found.cores)
        .with("nodes", found.nodes)
        .with("peaks", found.peaks.toJson())
        .with("weight_bytes", found.weightBytes)
        .with("user_bytes", found.userBytes)
        .with("context", positions())
        .with("prompt_tokens_per_second", found.promptRate)
        .with("balance", found.ceiling)
        .with("remote_bytes_per_token", found.remoteBytes)
        .with("generation", found.generation.stream().map(Generation::toJson).toList())
        .with("users", found.users)
        .with("users_per_core", (double) found.users / found.cores);
  }
}
