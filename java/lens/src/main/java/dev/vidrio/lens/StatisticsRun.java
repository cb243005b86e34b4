package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.lens.pass.TapInsertion;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Runs texts with a plan that gathers {@link ActivationStatistics} in the forward pass. */
final class StatisticsRun implements AutoCloseable {
  /** Tokens per step. */
  private static final int BATCH = 512;

  /** Maximum bytes of a step's logits, if they are gathered. */
  private static final long LOGIT_BYTES = 64L << 20;

  private final Arena arena = Arena.ofShared();
  private final Model model;
  private final int tokens;
  private final ActivationStatistics.Options options;
  private final int window;
  private final Map<HookPoint, Buffer> points = new LinkedHashMap<>();
  private final Map<Buffer, Gathered> gathered = new LinkedHashMap<>();
  private final boolean logits;
  private final Session session;

  /** The targets of an activation's statistics, and the operations that fill them. */
  private record Gathered(
      List<Op> ops,
      ColumnStatistics columns,
      @Nullable TapTarget rms,
      @Nullable TapTarget ids,
      @Nullable TapTarget values,
      List<TapTarget> targets) {}

  StatisticsRun(Lens lens, int tokens, String hooks, ActivationStatistics.Options options) {
    lens.requireUnedited("statistics of activations");
    this.model = lens.model();
    this.tokens = tokens;
    this.options = options;
    int context = model.architecture().contextLength();
    int most = options.window() == 0 ? SessionOptions.DEFAULT_CONTEXT : options.window();
    this.window = Math.min(Math.min(most, context), tokens);
    Plan plan = model.architecture().plan(window);
    var map = new HookMap(plan, model.architecture().layers());
    try {
      for (HookPoint point : lens.points(hooks)) {
        if (map.source(point) instanceof HookSource.Written(Buffer x) && map.editable(point)) {
          points.put(point, x);
          gathered.computeIfAbsent(x, this::gather);
        }
      }
      Preconditions.require(
          !points.isEmpty(), "hook", hooks, "statistics are not supported for derived activations");
      this.logits = gathered.keySet().stream().anyMatch(x -> x.rows() == Rows.LOGITS);
      Plan gathering = new TapInsertion(gathered::containsKey, this::ops).apply(plan);
      int rows = Math.min(BATCH, window);
      int fitting = Math.clamp(LOGIT_BYTES / 4 / model.architecture().vocabulary(), 1, rows);
      var room = SessionOptions.exact(window, logits ? fitting : rows, 1, logits ? fitting : 1);
      this.session = model.newSession(room, gathering);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Prepares the statistics of an activation; its norm is √width times the divisor of an RMS norm.
   */
  private Gathered gather(Buffer x) {
    int width = x.width();
    MemorySegment sums = allocate(ColumnStatistics.bytes(width, 1));
    var columns = new ColumnStatistics(width, 1, 1, sums, arena);
    columns.sequence(0, 0);
    List<Op> ops = new ArrayList<>();
    List<TapTarget> targets = new ArrayList<>();
    ops.add(new HookOp.Accumulate(x, columns));
    TapTarget norms = null;
    if (options.norms()) {
      Buffer rms = beside(x, "rms", 1);
      Buffer unit = beside(x, "unit", width);
      ops.add(new Op.Norm(Op.NormKind.RMS, 0, 1, x, null, null, unit, rms));
      norms = tap(rms, ops, targets);
    }
    TapTarget topIds = null;
    TapTarget topValues = null;
    if (k(x) > 0) {
      Buffer values = beside(x, "top", k(x));
      Buffer ids = beside(x, "top.columns", k(x));
      ops.add(new Op.TopK(x, values, ids, beside(x, "top.sums", 2)));
      topIds = tap(ids, ops, targets);
      topValues = tap(values, ops, targets);
    }
    return new Gathered(ops, columns, norms, topIds, topValues, targets);
  }

  private int k(Buffer x) {
    return Math.min(options.top(), x.width());
  }

  private TapTarget tap(Buffer x, List<Op> ops, List<TapTarget> targets) {
    MemorySegment data = allocate(TapTarget.bytes(TapType.F32, x.width(), tokens));
    var target = new TapTarget(TapType.F32, x.width(), tokens, 1, data, arena);
    ops.add(new HookOp.Tap(x, target));
    targets.add(target);
    return target;
  }

  private MemorySegment allocate(long bytes) {
    return model.executor().allocate(bytes, arena);
  }

  private List<Op> ops(Buffer x) {
    return Objects.requireNonNull(gathered.get(x)).ops;
  }

  private static Buffer beside(Buffer x, String name, int width) {
    return new Buffer(x.name() + "." + name, x.rows(), width);
  }

  /** Runs the text, window by window. */
  void feed(int[] text) {
    Sequence sequence = session.newSequence();
    for (int begin = 0; begin < text.length; begin += window) {
      int end = Math.min(begin + window, text.length);
      long base = begin;
      int length = end - begin;
      gathered.values().stream()
          .flatMap(g -> g.targets.stream())
          .forEach(
              target -> {
                target.sequence(0, -1);
                target.positions(0, length);
                target.sequence(0, base);
              });
      sequence.truncate(0);
      for (int i = begin; i < end; ) {
        session.begin();
        int stop = Math.min(end, i + session.limits().tokens());
        for (; i < stop; i++) {
          session.add(sequence, text[i], logits);
        }
        Interruption.check();
        session.run();
      }
    }
  }

  ActivationStatistics result() {
    List<PointStatistics> results = new ArrayList<>();
    points.forEach(
        (point, x) -> {
          Gathered from = Objects.requireNonNull(gathered.get(x));
          results.add(result(point, from, x));
        });
    long bytes =
        gathered.values().stream()
            .mapToLong(
                g ->
                    g.columns.sums().byteSize()
                        + g.columns.bounds().byteSize()
                        + g.targets.stream().mapToLong(t -> t.data().byteSize()).sum())
            .sum();
    return new ActivationStatistics(results, bytes);
  }

  private PointStatistics result(HookPoint point, Gathered from, Buffer x) {
    float[] norms = floats(from.rms);
    for (int i = 0; i < norms.length; i++) {
      norms[i] = (float) (norms[i] * Math.sqrt(x.width()));
    }
    int[] ids = from.ids == null ? new int[0] : from.ids.data().toArray(JAVA_INT);
    return new PointStatistics(point, tokens, from.columns, norms, k(x), ids, floats(from.values));
  }

  private static float[] floats(@Nullable TapTarget target) {
    return target == null ? new float[0] : target.data().toArray(JAVA_FLOAT);
  }

  @Override
  public void close() {
    session.close();
    arena.close();
  }
}
