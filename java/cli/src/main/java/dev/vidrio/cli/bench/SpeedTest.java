package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.kernel.Plan;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/** Times prompts and generation of random tokens, as llama-bench does. */
final class SpeedTest implements AutoCloseable {
  private static final int BATCH = 512;

  /**
   * The result of a test.
   *
   * @param test its name in llama-bench, such as {@code pp512}
   * @param runs tokens per second of each run
   * @param workPerToken the minimal work of a token
   */
  record Result(String test, List<Double> runs, OpWork workPerToken) {
    double mean() {
      return runs.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    double deviation() {
      double mean = mean();
      double squares = runs.stream().mapToDouble(run -> (run - mean) * (run - mean)).sum();
      return runs.size() < 2 ? 0 : Math.sqrt(squares / (runs.size() - 1));
    }

    /** Returns the share of the machine's limiting peak. */
    Peaks.Share share(Peaks peaks) {
      return peaks.share(workPerToken, 1 / mean());
    }

    JsonObject toJson() {
      return new JsonObject()
          .with("test", test)
          .with("tokens_per_second", mean())
          .with("deviation", deviation())
          .with("runs", runs);
    }
  }

  private final Model model;
  private final SessionOptions options;
  private final Session session;
  private final int prompt;
  private final int tokens;
  private final int depth;
  private final int count;
  private final SplittableRandom random = new SplittableRandom(1);

  SpeedTest(Model model, SessionOptions options, int prompt, int tokens, int depth, int sequences) {
    this.model = model;
    this.options = options;
    this.prompt = prompt;
    this.tokens = tokens;
    this.depth = depth;
    this.count = sequences;
    long most = (long) depth + Math.max(1, Math.max(prompt, tokens));
    this.session =
        model.newSession(
            options
                .withContext(Math.clamp(most, 1, Integer.MAX_VALUE))
                .withBatch(Math.max(BATCH, sequences))
                .withSequences(sequences)
                .withLogits(sequences));
  }

  /** Measures prompt tokens per second, after {@code depth} tokens. */
  Result prompt(int repetitions) {
    List<Double> runs = new ArrayList<>();
    try (Sequence sequence = session.newSequence()) {
      feed(sequence, depth);
      for (int i = 0; i <= repetitions; i++) {
        cutBack(sequence);
        int[] ids = randomIds(prompt);
        long start = System.nanoTime();
        session.feed(sequence, ids);
        addUnlessFirst(runs, i, prompt, start);
      }
    }
    Plan plan = model.architecture().plan().in(options.arithmetic());
    return new Result("pp" + prompt + suffix(), runs, OpWork.promptToken(plan));
  }

  /** Measures generated tokens per second, summed over sequences. */
  Result generation(int repetitions) {
    List<Double> runs = new ArrayList<>();
    List<Sequence> sequences = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      sequences.add(session.newSequence());
      feed(sequences.get(i), depth);
    }
    for (int i = 0; i <= repetitions; i++) {
      sequences.forEach(this::cutBack);
      long start = System.nanoTime();
      for (int step = 0; step < tokens; step++) {
        step(sequences);
      }
      addUnlessFirst(runs, i, tokens * count, start);
    }
    sequences.forEach(Sequence::close);
    String batch = count == 1 ? "" : " x" + count;
    double positions = depth + (tokens + 1) / 2.0;
    double bytes =
        (double) model.architecture().bytesPerToken() / count
            + positions * model.architecture().kvShape().bytesPerPosition(options.kvType())
            + OpWork.stateBytes(model.architecture().kvShape());
    return new Result(
        "tg" + tokens + suffix() + batch, runs, new OpWork(bytes, 0, OpWork.Kind.F32));
  }

  /** Profiles a prompt chunk and a generated token by operation. */
  List<OpProfile.Line> profile(@Nullable Peaks peaks) {
    return OpProfile.measure(model, options, peaks, Math.max(1, Math.min(prompt, BATCH)), depth);
  }

  private void step(List<Sequence> sequences) {
    session.begin();
    for (Sequence sequence : sequences) {
      session.add(sequence, randomId(), true);
    }
    session.run();
  }

  /** Truncates to {@code depth} tokens, and reruns those with lost recurrent state. */
  private void cutBack(Sequence sequence) {
    feed(sequence, depth - sequence.truncate(depth));
  }

  private void feed(Sequence sequence, int length) {
    if (length > 0) {
      session.feed(sequence, randomIds(length));
    }
  }

  private static void addUnlessFirst(List<Double> runs, int i, int amount, long start) {
    double seconds = (System.nanoTime() - start) / 1e9;
    if (i > 0) {
      runs.add(amount / seconds);
    }
  }

  private String suffix() {
    return depth == 0 ? "" : " @ d" + depth;
  }

  private int[] randomIds(int length) {
    var ids = new int[length];
    for (int i = 0; i < length; i++) {
      ids[i] = randomId();
    }
    return ids;
  }

  private int randomId() {
    return random.nextInt(model.architecture().vocabulary());
  }

  @Override
  public void close() {
    session.close();
  }
}
