package dev.vidrio.kernel.java;

import static dev.vidrio.kernel.op.Op.ActivationKind.DECAY_COMPLEMENT;
import static dev.vidrio.kernel.op.Op.ActivationKind.RELU;
import static dev.vidrio.kernel.op.Op.ActivationKind.SIGMOID;
import static dev.vidrio.kernel.op.Op.ActivationKind.TANH;
import static dev.vidrio.kernel.op.Op.NormKind.RMS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;

/** Draws the parameters of a transformer and writes its plan. */
final class RandomTransformer {
  /** The vocabulary size. */
  static final int VOCABULARY = 67;

  /** The number of learned positions. */
  static final int POSITIONS = 800;

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

  RandomTransformer(Random random, Arena arena) {
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

  /**
   * Returns the cache layers: the second layer equals the first, differs from it, perhaps with
   * values that are elements of keys, or is the first. The last three belong to a convolution and
   * two recurrences.
   */
  private List<KvShape.Layer> caches() {
    var first = new KvShape.KeyValue(kvHeads, dH);
    var conv = random.nextBoolean() ? new KvShape.Rows(d) : new KvShape.Ring(d, taps());
    var states = states();
    var diagonal = new KvShape.Diagonal(1 + random.nextInt(80), 1 + random.nextInt(4));
    return switch (random.nextInt(3)) {
      case 0 -> List.of(first, first, conv, states, diagonal);
      case 1 -> List.of(first, different(1 + random.nextInt(2 * dH)), conv, states, diagonal);
      default -> List.of(first, conv, states, diagonal);
    };
  }

  private KvShape.KeyValue different(int dV) {
    return new KvShape.KeyValue(heads, dH + 2, dV, dV <= dH + 2 && random.nextBoolean());
  }

  /** Returns the number of tokens that a convolution covers. */
  private int taps() {
    return 1 + random.nextInt(5);
  }

  private KvShape.Recurrent states() {
    int keyHeads = 1 + random.nextInt(3);
    int width = 1 + random.nextInt(40);
    int groups = 1 + random.nextInt(2);
    return new KvShape.Recurrent(
        keyHeads, keyHeads * groups, width, 1 + random.nextInt(40), 1 + random.nextInt(4));
  }

  private <T> T pick(T[] values) {
    return values[random.nextInt(values.length)];
  }

  /** Returns a width of up to {@code blocks} blocks of 32, or one of 256. */
  private int width(int blocks) {
    return random.nextInt(3) == 0 ? 256 : 32 * (1 + random.nextInt(blocks));
  }

  private Weights matrix(int n, int k) {
    return Segments.packed(arena, rows(n, k));
  }

  /** Returns a matrix in row layout, of any type with blocks that divide k. */
  private Weights rows(int n, int k) {
    WeightType type = pick(TYPES);
    while (k % type.blockElements() != 0) {
      type = pick(TYPES);
    }
    return scaled(type, n, k);
  }

  /**
   * Returns weights that preserve the magnitude of activations, so that deep models stay finite.
   */
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
    Buffer embedded = embed();
    Buffer convolved = builder.add("mid", embedded, convolution(embedded));
    Buffer recurrent = builder.add("mid.recurrent", convolved, recurrence(convolved));
    Buffer x = builder.add("mid.diagonal", recurrent, diagonalRecurrence(recurrent));
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

  /** Appends a gated short convolution. */
  private Buffer convolution(Buffer x) {
    Buffer normalized = normalize("norm0", x);
    Buffer in = linear("gate_in", d, normalized);
    Buffer pre = builder.multiply("pre", linear("value", d, normalized), in);
    int layer = cache.layers().size() - 3;
    boolean isRing = cache.layers().get(layer) instanceof KvShape.Ring;
    int taps = isRing ? cache.slotted(layer).taps() : taps();
    Weights kernel = scaled(WeightType.F32, taps, d);
    SequenceOp.Part part = isRing ? SequenceOp.Part.VALUE : null;
    Buffer mid = builder.conv("z.conv", layer, part, kernel, pre);
    return linear("out", d, builder.multiply("post", linear("gate_out", d, normalized), mid));
  }

  /** Appends linear attention; its states are bounded, since they decay and keys have length 1. */
  private Buffer recurrence(Buffer x) {
    Buffer normalized = normalize("norm.recurrent", x);
    int layer = cache.layers().size() - 2;
    int heads = cache.recurrent(layer).heads();
    int dK = cache.recurrent(layer).dK();
    Buffer step = builder.activation("step", RELU, linear("step.pre", heads, normalized));
    Buffer strength = builder.activation("strength", RELU, linear("beta.pre", heads, normalized));
    Buffer keys = recurrent("recurrent.k", SequenceOp.Part.KEY, normalized);
    Buffer k = builder.headNorm("k.norm", RMS, dK, keys, EPSILON, null);
    Buffer z =
        builder.recurrence(
            "z.recurrent",
            layer,
            pick(SequenceOp.Update.values()),
            pick(SequenceOp.Grouping.values()),
            decays(heads),
            random.nextBoolean() ? null : vector(heads),
            new SequenceOp.Recurrence.Inputs<>(
                recurrent("recurrent.q", SequenceOp.Part.QUERY, normalized),
                builder.scale("k.unit", (float) (1 / Math.sqrt(dK)), k),
                recurrent("recurrent.v", SequenceOp.Part.VALUE, normalized),
                step,
                builder.activation("beta", TANH, strength)));
    return linear("out.recurrent", d, z);
  }

  /** Appends a recurrence of independent elements, which are bounded, since they decay. */
  private Buffer diagonalRecurrence(Buffer x) {
    Buffer normalized = normalize("norm.diagonal", x);
    int layer = cache.layers().size() - 1;
    KvShape.Slotted states = cache.slotted(layer);
    int width = states.width(SequenceOp.Part.VALUE);
    Buffer pre = linear("diagonal.pre", width, normalized);
    Weights kernel = scaled(WeightType.F32, states.taps(), width);
    Buffer value = builder.conv("diagonal.v", layer, SequenceOp.Part.VALUE, kernel, pre);
    Buffer step = builder.activation("diagonal.step", SIGMOID, linear("rate", width, normalized));
    Buffer decay = builder.scale("decay", -1, step);
    Buffer gate = builder.activation("complement", DECAY_COMPLEMENT, decay);
    return linear("out.diagonal", d, builder.diagonalRecurrence("h", layer, decay, gate, value));
  }

  private Weights decays(int heads) {
    Weights a = vector(heads);
    for (int i = 0; i < heads; i++) {
      a.data().setAtIndex(JAVA_FLOAT, i, -Math.abs(a.data().getAtIndex(JAVA_FLOAT, i)));
    }
    return a;
  }

  private Buffer recurrent(String name, SequenceOp.Part part, Buffer x) {
    int layer = cache.layers().size() - 2;
    int width = cache.recurrent(layer).width(part);
    Weights kernel = scaled(WeightType.F32, cache.recurrent(layer).taps(), width);
    return builder.conv(name, layer, part, kernel, linear(name + ".pre", width, x));
  }

  /** Appends a norm per head, with a shared gain or one per head. */
  private Buffer normalizeHeads(String name, int dH, Buffer x) {
    Weights gain = vector(random.nextBoolean() ? dH : x.width());
    return normalizedHeads ? builder.headNorm(name, norm, dH, x, EPSILON, gain) : x;
  }

  private Buffer attention(int layer, Buffer x) {
    Buffer normalized = normalize("norm1." + layer, x);
    int stored = Math.min(layer, cache.layers().size() - 4);
    int own = cache.keyValue(stored).dH();
    int valueWidth = cache.keyValue(stored).valueWidth();
    Buffer rotatedQ = rotated("q" + layer, own, linear("q" + layer, heads * own, normalized));
    if (stored == layer) {
      int width = cache.keyValue(layer).width();
      Buffer k = linear("k" + layer, width, normalized);
      Buffer v = linear("v" + layer, valueWidth, normalized);
      builder.kvStore(layer, rotated("k" + layer, own, k), v);
    }
    float scale = (float) (1 / Math.sqrt(own));
    Buffer z =
        random.nextInt(3) == 0
            ? builder.attention(
                "z" + layer,
                stored,
                scale,
                Window.ALL,
                0,
                null,
                new PositionBias.Linear(vector(heads)),
                rotatedQ)
            : builder.attention("z" + layer, stored, scale, window(), 0, null, null, rotatedQ);
    return linear("out" + layer, d, z);
  }

  private Window window() {
    int length = 1 + random.nextInt(40);
    return pick(
        new Window[] {
          Window.ALL, Window.sliding(length), Window.aligned(length), Window.WITHOUT_FIRST
        });
  }

  private Buffer rotated(String name, int dH, Buffer x) {
    return builder.rope("rot_" + name, rotation, dH, normalizeHeads("norm_" + name, dH, x));
  }

  private Buffer mixture(int layer, Buffer x) {
    int k = 1 + random.nextInt(3);
    var over = pick(ExpertOp.RouteOver.values());
    boolean near = over == ExpertOp.RouteOver.SPARSE_MIXER;
    boolean grouped = !near && random.nextInt(3) == 0;
    int count = grouped ? 3 * (k + 1) : k + random.nextInt(6);
    Buffer router = builder.matMul("router" + layer, matrix(count, d), x);
    var routes =
        builder.route(
            "experts" + layer,
            "weights" + layer,
            near ? ExpertOp.RouteScore.SOFTMAX : pick(ExpertOp.RouteScore.values()),
            over,
            near || random.nextBoolean() ? null : vector(count),
            grouped ? new ExpertOp.Groups(3, 2, pick(ExpertOp.GroupRank.values())) : null,
            k,
            router);
    Buffer pre = experts("pre" + layer, matrices(count, ffn, d), routes, x);
    Buffer up = experts("up" + layer, matrices(count, ffn, d), routes, x);
    Buffer post = builder.gated("post" + layer + ".gated", activation, pre, up);
    Buffer down = experts("down" + layer, matrices(count, d, ffn), routes, post);
    return builder.expertSum("sum" + layer, routes, down);
  }

  private Buffer experts(String name, List<Weights> matrices, PlanBuilder.Routes routes, Buffer x) {
    int width = matrices.size() * matrices.getFirst().n();
    return builder.expertMatMul(
        name, matrices, random.nextBoolean() ? vector(width) : null, routes, x);
  }

  /** Returns matrices of one type. */
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
