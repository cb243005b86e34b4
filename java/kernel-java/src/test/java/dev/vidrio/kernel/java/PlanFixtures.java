package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
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
import java.util.stream.DoubleStream;

/** Random small transformers and batches for them, to compare executors with. */
public final class PlanFixtures {
  private static final int VOCABULARY = 67;
  private static final int SEQUENCES = 4;
  private static final int POSITIONS = 800;

  private PlanFixtures() {}

  /**
   * A token of a step.
   *
   * @param sequence any number that names the sequence
   */
  public record Token(int sequence, int position, int token, boolean wantsLogits) {}

  /**
   * A random transformer: its types, widths, norms, positions, activation, biases and scales follow
   * from the seed. Its outputs are {@code logits} with the greatest of them, and {@code tap} before
   * the rows that want logits are taken.
   *
   * @param arena holds the weights
   */
  public static Plan transformer(long seed, Arena arena) {
    return new Transformer(new Random(seed), arena).plan();
  }

  /** The same plan with every activation as an output. */
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
   * Room for {@code tokens} per step and {@code positions} per sequence, at most {@value
   * #POSITIONS}.
   */
  public static Limits limits(int tokens, int positions) {
    return new Limits(tokens, tokens, SEQUENCES, positions, VOCABULARY);
  }

  /**
   * Steps that feed all tokens of several sequences in random pieces, several sequences at once.
   *
   * @param lengths positions of each sequence, at most {@value #SEQUENCES} of them
   * @param limit tokens per step
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

  /** The token of a place: the same for the same seed, however the steps are cut. */
  private static Token token(long seed, int sequence, int position, boolean wantsLogits) {
    int token = new Random(seed * 31 + sequence * 1009L + position).nextInt(VOCABULARY);
    return new Token(sequence, position, token, wantsLogits);
  }

  /**
   * Runs the steps on a fresh cache whose blocks the sequences take in random order.
   *
   * @return per step the bits of each output's rows, by name
   */
  public static List<Map<String, int[]>> run(
      Executor executor, Plan plan, Limits limits, List<List<Token>> steps) {
    return run(Executor::prepare, executor, plan, limits, steps);
  }

  /** Makes a plan ready to run. */
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
          index.computeIfAbsent(token.sequence, s -> batch.addSequence(own, perSequence));
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

  /** The outputs' names in the order in which the plan computes them. */
  public static List<String> outputNames(Plan plan) {
    List<String> written =
        plan.ops().stream().flatMap(op -> op.writes().stream()).map(o -> o.name()).toList();
    return plan.outputs().stream()
        .map(Buffer::name)
        .sorted(Comparator.comparingInt(written::indexOf))
        .toList();
  }

  /** Draws the numbers of a transformer and writes its plan. */
  private static final class Transformer {
    private static final WeightType[] TYPES = WeightType.values();
    private static final float EPSILON = 1e-5f;

    private final Random random;
    private final Arena arena;
    private final int heads;
    private final int kvHeads;
    private final int dH;
    private final int d;
    private final int ffn;
    private final Op.NormKind norm;
    private final boolean biased;
    private final boolean gated;
    private final boolean scaled;
    private final boolean normalizedHeads;
    private final boolean mixture;
    private final Op.ActivationKind activation;
    private final Rotation rotation;
    private final KvShape cache;
    private final PlanBuilder builder;

    Transformer(Random random, Arena arena) {
      this.random = random;
      this.arena = arena;
      this.kvHeads = 1 + random.nextInt(3);
      this.heads = kvHeads * (1 + random.nextInt(5));
      this.dH = random.nextBoolean() ? 64 : 2 * (3 + random.nextInt(38));
      this.d = width(5);
      this.ffn = width(7);
      this.norm = pick(Op.NormKind.values());
      this.biased = random.nextBoolean();
      this.gated = random.nextBoolean();
      this.scaled = random.nextBoolean();
      this.normalizedHeads = random.nextBoolean();
      this.mixture = random.nextInt(3) == 0;
      this.activation = pick(Op.ActivationKind.values());
      int rotated = random.nextBoolean() ? dH / 2 : dH / 2 - 1;
      this.rotation =
          new Rotation(
              pick(Rotation.Pairs.values()),
              DoubleStream.iterate(1, theta -> theta * 0.7).limit(rotated).boxed().toList(),
              1);
      this.cache = new KvShape(caches());
      this.builder = new PlanBuilder(cache);
    }

    /** The second layer is like the first, or differs from it, or reads what the first stored. */
    private List<KvShape.Layer> caches() {
      var first = new KvShape.Layer(kvHeads, dH);
      return switch (random.nextInt(3)) {
        case 0 -> List.of(first, first);
        case 1 -> List.of(first, new KvShape.Layer(heads, dH + 2));
        default -> List.of(first);
      };
    }

    private <T> T pick(T[] values) {
      return values[random.nextInt(values.length)];
    }

    /** Blocks of 32, up to so many, or one of 256. */
    private int width(int blocks) {
      return random.nextInt(3) == 0 ? 256 : 32 * (1 + random.nextInt(blocks));
    }

    private Weights matrix(int n, int k) {
      return Segments.packed(arena, rows(n, k));
    }

    /** A matrix in rows of any type that divides them. */
    private Weights rows(int n, int k) {
      WeightType type = pick(TYPES);
      while (k % type.blockElements() != 0) {
        type = pick(TYPES);
      }
      return scaled(type, n, k);
    }

    /** Weights that keep the size of what they multiply, so that many layers stay finite. */
    private Weights scaled(WeightType type, int n, int k) {
      Weights w = Segments.matrix(arena, type, n, k, random);
      if (type == WeightType.F32) {
        for (int i = 0; i < n * k; i++) {
          float value = w.data().getAtIndex(JAVA_FLOAT, i);
          w.data().setAtIndex(JAVA_FLOAT, i, value / (float) Math.sqrt(k));
        }
      }
      return w;
    }

    private Weights vector(int width) {
      return Segments.vector(arena, width, random);
    }

    private Buffer linear(String name, int n, Buffer x) {
      return builder.linear(name, matrix(n, x.width()), biased ? vector(n) : null, x);
    }

    private Buffer normalize(String name, Buffer x) {
      return builder.norm(
          name,
          norm,
          x,
          EPSILON,
          random.nextInt(4) == 0 ? null : vector(d),
          biased ? vector(d) : null);
    }

    Plan plan() {
      Buffer x = embed();
      for (int layer = 0; layer < 2; layer++) {
        x = builder.add("mid" + layer, x, multiply("attention", layer, attention(layer, x)));
        x = builder.add("post" + layer, x, multiply("ffn", layer, feedForward(layer, x)));
      }
      Buffer last = builder.gather("last", builder.output(normalize("tap", x)));
      Buffer logits = builder.matMul("logits", matrix(VOCABULARY, d), last);
      Buffer output = builder.output(scaled ? builder.softCap("capped", 3, logits) : logits);
      return builder.build().then(topK(output));
    }

    private static Op.TopK topK(Buffer logits) {
      int k = 9;
      return new Op.TopK(
          logits,
          new Buffer("values", Rows.LOGITS, k),
          new Buffer("ids", Rows.LOGITS, k),
          new Buffer("sums", Rows.LOGITS, 2));
    }

    private Buffer embed() {
      Buffer x = builder.embed("embed", rows(VOCABULARY, d));
      if (random.nextBoolean()) {
        return x;
      }
      int offset = random.nextInt(3);
      Buffer positions = builder.embedPositions("positions", rows(POSITIONS + offset, d), offset);
      return builder.add("sum", x, positions);
    }

    private Buffer multiply(String name, int layer, Buffer x) {
      return scaled ? builder.scale(name + ".scaled" + layer, 0.22f, x) : x;
    }

    /** A norm of each head: by one gain, or a gain of each. */
    private Buffer normalizeHeads(String name, int dH, Buffer x) {
      Weights gain = vector(random.nextBoolean() ? dH : x.width());
      return normalizedHeads ? builder.headNorm(name, norm, dH, x, EPSILON, gain) : x;
    }

    private Buffer attention(int layer, Buffer x) {
      Buffer normalized = normalize("norm1." + layer, x);
      int stored = Math.min(layer, cache.layers().size() - 1);
      int own = cache.layer(stored).dH();
      Buffer rotatedQ = rotated("q" + layer, own, linear("q" + layer, heads * own, normalized));
      if (stored == layer) {
        int width = cache.layer(layer).width();
        Buffer k = linear("k" + layer, width, normalized);
        Buffer v = linear("v" + layer, width, normalized);
        builder.kvStore(layer, rotated("k" + layer, own, k), v);
      }
      float scale = (float) (1 / Math.sqrt(own));
      Buffer z =
          random.nextInt(3) == 0
              ? builder.alibiAttention("z" + layer, stored, scale, vector(heads), rotatedQ)
              : builder.attention("z" + layer, stored, scale, rotatedQ);
      return linear("out" + layer, d, z);
    }

    private Buffer rotated(String name, int dH, Buffer x) {
      return builder.rope("rot_" + name, rotation, dH, normalizeHeads("norm_" + name, dH, x));
    }

    private Buffer mixture(int layer, Buffer x) {
      int k = 1 + random.nextInt(3);
      int count = k + random.nextInt(6);
      Buffer router = builder.matMul("router" + layer, matrix(count, d), x);
      var routes =
          builder.route(
              "experts" + layer,
              "weights" + layer,
              pick(ExpertOp.RouteScore.values()),
              pick(ExpertOp.RouteOver.values()),
              random.nextBoolean() ? vector(count) : null,
              k,
              router);
      Buffer pre = experts("pre" + layer, matrices(count, ffn, d), routes, x);
      Buffer up = experts("up" + layer, matrices(count, ffn, d), routes, x);
      Buffer post = builder.gated("post" + layer + ".gated", activation, pre, up);
      Buffer down = experts("down" + layer, matrices(count, d, ffn), routes, post);
      return builder.expertSum("sum" + layer, routes, down);
    }

    private Buffer experts(
        String name, List<Weights> matrices, PlanBuilder.Routes routes, Buffer x) {
      int width = matrices.size() * matrices.getFirst().n();
      return builder.expertMatMul(
          name, matrices, random.nextBoolean() ? vector(width) : null, routes, x);
    }

    /** Matrices of one type. */
    private List<Weights> matrices(int count, int n, int k) {
      Weights first = rows(n, k);
      List<Weights> matrices = new ArrayList<>(List.of(Segments.packed(arena, first)));
      while (matrices.size() < count) {
        matrices.add(Segments.packed(arena, scaled(first.type(), n, k)));
      }
      return matrices;
    }

    private Buffer feedForward(int layer, Buffer x) {
      Buffer normalized = normalize("norm2." + layer, x);
      if (mixture) {
        return mixture(layer, normalized);
      }
      Buffer pre = linear("pre" + layer, ffn, normalized);
      Buffer post =
          gated
              ? builder.gated(
                  "post" + layer + ".gated", activation, pre, linear("up" + layer, ffn, normalized))
              : builder.activation("act" + layer, activation, pre);
      return linear("down" + layer, d, post);
    }
  }
}
