package dev.vidrio.lens.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A session with interventions. Its steps may start at the input of a block. */
public final class BlockSession implements AutoCloseable {
  private final HookMap hooks;
  private final EditTables tables;
  private final Plan plan;
  private final List<Op> ops;
  private final Session session;
  private final List<Sequence> sequences;

  /**
   * Opens a session.
   *
   * @param points the points of interventions
   * @param capacity maximum number of interventions at a point
   */
  public BlockSession(Model model, SessionOptions options, List<HookPoint> points, int capacity) {
    Plan unedited = model.architecture().plan(options.context());
    this.hooks = new HookMap(unedited, model.architecture().layers());
    this.tables = new EditTables(hooks, options.context(), points, capacity, List.of());
    try {
      this.plan = new EditInsertion(hooks, tables).apply(unedited);
      this.ops = plan.ops();
      this.session = model.newSession(options, plan);
    } catch (Throwable e) {
      tables.close();
      throw e;
    }
    this.sequences = Stream.generate(session::newSequence).limit(options.sequences()).toList();
  }

  /** Returns the session. */
  public Session session() {
    return session;
  }

  /** Returns all sequences of the session. */
  public List<Sequence> sequences() {
    return sequences;
  }

  /** Returns the interventions. */
  public EditTables tables() {
    return tables;
  }

  /** Returns the input of a block, before its edits. */
  public Buffer input(int layer) {
    HookPoint point = new HookPoint(HookSite.RESID_PRE, layer);
    if (tables.tables().containsKey(point)
        && ops.get(tables.operation(point, plan)) instanceof HookOp.Edit edit) {
      return edit.x();
    }
    return hooks.buffer(point);
  }

  /**
   * Runs a step from the input of a block. Other inputs of blocks that depend on the tokens only
   * are computed first.
   *
   * @param end the index after the last operation
   * @param fill writes the values of {@link #input}
   * @throws IllegalStateException if the operations read other activations of earlier blocks
   */
  public void run(int layer, int end, Runnable fill) {
    if (readsTokens(layer)) {
      session.run(0, begin(0));
    }
    fill.run();
    session.run(begin(layer), end);
  }

  /**
   * Returns whether a block, or one after it, reads inputs that depend on the tokens, besides the
   * residual stream.
   *
   * @throws IllegalStateException if it reads an activation of an earlier block other than the
   *     residual stream
   */
  public boolean readsTokens(int layer) {
    Set<Operand> ofTokens = written(0, begin(0));
    Set<Operand> ofBlocks = written(begin(0), begin(layer));
    ofTokens.remove(input(layer));
    ofBlocks.remove(input(layer));
    boolean reads = false;
    for (Op op : ops.subList(begin(layer), ops.size())) {
      for (Operand operand : op.reads()) {
        if (ofBlocks.contains(operand)) {
          throw new IllegalStateException(
              "block " + layer + " also reads " + operand.name() + ", from before it");
        }
        reads |= ofTokens.contains(operand);
      }
    }
    return reads;
  }

  private Set<Operand> written(int begin, int end) {
    Set<Operand> written = new HashSet<>();
    ops.subList(begin, end).forEach(op -> written.addAll(op.writes()));
    return written;
  }

  /** Returns the index of the first operation of a block. */
  private int begin(int layer) {
    return firstReader(input(layer));
  }

  /**
   * Returns the index after the last operation of a block: that of the first reader of its output.
   */
  public int end(int layer) {
    return firstReader(output(layer));
  }

  /** Returns the output of a block. */
  public Buffer output(int layer) {
    return hooks.buffer(new HookPoint(HookSite.RESID_POST, layer));
  }

  private int firstReader(Buffer x) {
    return IntStream.range(0, ops.size())
        .filter(i -> ops.get(i).reads().contains(x))
        .findFirst()
        .orElseThrow();
  }

  /** Returns the number of operations. */
  public int end() {
    return ops.size();
  }

  @Override
  public void close() {
    session.close();
    tables.close();
  }
}
