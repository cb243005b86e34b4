package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;

/** Random small transformers, and batches for them, to compare executors. */
public final class PlanFixtures {
  /** The method that gives the seeds of random transformers, more with the profile "exhaustive". */
  public static final String SEEDS = "dev.vidrio.kernel.java.PlanFixtures#seeds";

  private static final int SEQUENCES = 4;

  private PlanFixtures() {}

  /** Returns the seeds. */
  public static List<Long> seeds() {
    return LongStream.rangeClosed(1, Boolean.getBoolean("vidrio.test.exhaustive") ? 8 : 2)
        .boxed()
        .toList();
  }

  /** Returns the best instruction set, or all usable ones with the profile "full". */
  static List<Isa> instructionSets() {
    return Boolean.getBoolean("vidrio.test.full") ? Isa.usableHere() : List.of(Isa.pick());
  }

  /**
   * A token of a step.
   *
   * @param sequence an arbitrary number of the sequence
   */
  public record Token(int sequence, int position, int token, boolean wantsLogits) {}

  /**
   * Returns a random transformer with types, widths, norms, positions, activations, biases and
   * scales that follow from the seed. Its outputs are {@code logits} with their top-k, and {@code
   * tap} before the gather.
   *
   * @param arena holds the weights
   */
  public static Plan transformer(long seed, Arena arena) {
    return new RandomTransformer(new Random(seed), arena).plan();
  }

  /** Returns the plan with every activation as an output. */
  public static Plan withAllOutputs(Plan plan) {
    Set<Buffer> all = new HashSet<>();
    for (Op op : plan.ops()) {
      for (Operand operand : op.writes()) {
        if (operand instanceof Buffer buffer) {
          all.add(buffer);
        }
      }
    }
    return new Plan(plan.ops(), plan.kv(), all);
  }

  /**
   * Returns limits of {@code tokens} per step and {@code positions} per sequence, at most {@value
   * RandomTransformer#POSITIONS}.
   */
  public static Limits limits(int tokens, int positions) {
    return new Limits(tokens, tokens, SEQUENCES, positions, RandomTransformer.VOCABULARY);
  }

  /**
   * Returns steps that run all tokens of several sequences in random chunks, interleaved.
   *
   * @param lengths positions of each sequence, at most {@value #SEQUENCES} of them
   * @param limit maximum tokens per step
   */
  public static List<List<Token>> steps(long seed, int limit, int... lengths) {
    Random random = new Random(seed);
    int[] next = new int[lengths.length];
    List<List<Token>> steps = new ArrayList<>();
    while (!Arrays.equals(next, lengths)) {
      List<Token> step = new ArrayList<>();
      for (int s = 0; s < lengths.length; s++) {
        int count = random.nextInt(Math.min(limit - step.size(), lengths[s] - next[s]) + 1);
        for (int i = 0; i < count; i++) {
          step.add(token(seed, s, next[s]++, random.nextInt(3) == 0));
        }
      }
      if (!step.isEmpty()) {
        steps.add(step);
      }
    }
    return steps;
  }

  /** Returns the token at a position, which depends on the seed but not on the steps. */
  private static Token token(long seed, int sequence, int position, boolean wantsLogits) {
    int token =
        new Random(seed * 31 + sequence * 1009L + position).nextInt(RandomTransformer.VOCABULARY);
    return new Token(sequence, position, token, wantsLogits);
  }

  /**
   * Runs the steps on a new cache. Sequences acquire its blocks in random order.
   *
   * @return the bits of each output's rows, by name, per step
   */
  public static List<Map<String, int[]>> run(
      Executor executor, Plan plan, Limits limits, List<List<Token>> steps) {
    return run(Executor::prepare, executor, plan, limits, steps);
  }

  /** Prepares a plan. */
  interface Preparation {
    ExecutablePlan prepare(Executor executor, Plan plan, Limits limits, KvCache cache);
  }

  static List<Map<String, int[]>> run(
      Preparation preparation,
      Executor executor,
      Plan plan,
      Limits limits,
      List<List<Token>> steps) {
    List<Map<String, int[]>> results = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      int blocks = SEQUENCES * limits.blocksPerSequence();
      KvCache cache = new KvCache(executor, plan.kv(), blocks, arena);
      List<Integer> shuffled = new ArrayList<>();
      for (int i = 0; i < blocks; i++) {
        shuffled.add(cache.acquire());
      }
      Collections.shuffle(shuffled, new Random(blocks));
      Batch batch = new Batch(limits, arena);
      try (ExecutablePlan executable = preparation.prepare(executor, plan, limits, cache)) {
        for (List<Token> step : steps) {
          fill(batch, step, shuffled);
          executable.run(batch);
          results.add(outputs(executable, batch));
        }
      }
    }
    return results;
  }

  private static void fill(Batch batch, List<Token> step, List<Integer> blocks) {
    batch.clear();
    int perSequence = batch.limits().blocksPerSequence();
    Map<Integer, Integer> index = new HashMap<>();
    for (Token token : step) {
      int first = token.sequence * perSequence;
      int[] own =
          blocks.subList(first, first + perSequence).stream().mapToInt(Integer::intValue).toArray();
      int sequence =
          index.computeIfAbsent(token.sequence, s -> batch.addSequence(own, perSequence, s));
      batch.add(token.token, token.position, sequence, token.wantsLogits);
    }
  }

  private static Map<String, int[]> outputs(ExecutablePlan executable, Batch batch) {
    Map<String, int[]> result = new HashMap<>();
    for (Buffer buffer : executable.plan().outputs()) {
      MemorySegment data = executable.data(buffer);
      int[] bits = new int[batch.rows(buffer.rows()) * buffer.width()];
      for (int i = 0; i < bits.length; i++) {
        bits[i] = Float.floatToIntBits(data.getAtIndex(JAVA_FLOAT, i));
      }
      result.put(buffer.name(), bits);
    }
    return result;
  }

  /** Returns the names of the outputs in the order in which the plan computes them. */
  public static List<String> outputNames(Plan plan) {
    List<String> written =
        plan.ops().stream().flatMap(op -> op.writes().stream()).map(o -> o.name()).toList();
    return plan.outputs().stream()
        .map(Buffer::name)
        .sorted(Comparator.comparingInt(written::indexOf))
        .toList();
  }
}
