package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.memory.LogitRows;
import dev.vidrio.lens.pass.BlockSession;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Runs many variants of one text, each with its own interventions, with the bits of one run per
 * variant but a fraction of the work. A variant starts at the first block and position that its
 * interventions touch, from the base run's residual stream and KV cache. It starts at position 0 in
 * models with recurrent states, since their earlier values are not kept, and at the embedding in
 * models with several residual streams (AltUp). Variants that start at the same block are sequences
 * of one batch.
 *
 * @param <R> what is read of a variant
 */
public final class Sweep<R> {
  /** Tokens per step, for texts up to this length. */
  private static final int BATCH = 512;

  /** Maximum bytes of KV cache, unless one variant needs more. */
  private static final long CACHE_BYTES = 512L << 20;

  /** The start of a variant that touches the embedding: before the first block. */
  private static final int EMBEDDING = -1;

  private final Lens lens;
  private final int[] tokens;
  private final List<Intervention> base;
  private final int positions;
  private final Function<MemorySegment, R> read;

  /**
   * A variant.
   *
   * @param start the first block that it touches
   * @param from the first position that it touches or that is measured, or 0
   */
  private record Variant(int index, List<Intervention> edits, int start, int from) {}

  private Sweep(
      Lens lens,
      int[] tokens,
      List<Intervention> base,
      int positions,
      Function<MemorySegment, R> read) {
    this.lens = lens.edited(List.of());
    this.tokens = tokens;
    this.base = Stream.concat(lens.edits().stream(), base.stream()).toList();
    this.positions = positions;
    this.read = read;
  }

  /**
   * Runs variants of a text.
   *
   * @param base interventions of all variants, applied before their own
   * @param variants the interventions of each variant; an empty list is the base run
   * @return the metric of each variant
   * @throws InvalidInputException if an intervention does not fit its point, or the model does not
   *     support the tokens
   */
  public static List<Double> run(
      Lens lens,
      int[] tokens,
      List<Intervention> base,
      List<List<Intervention>> variants,
      Metric metric) {
    metric.requirePositions(tokens);
    return run(lens, tokens, base, variants, metric.positions(), metric::of);
  }

  /**
   * Runs variants of a text and reads the predictions after its last tokens, such as those of a
   * whole answer.
   *
   * @param <R> what is read of a variant
   * @param base interventions of all variants, applied before their own
   * @param variants the interventions of each variant; an empty list is the base run
   * @param positions the number of last tokens after which logits are read
   * @param read reads the logits f32 [positions, V], valid during the call
   * @return what was read of each variant
   * @throws InvalidInputException if an intervention does not fit its point, the model does not
   *     support the tokens, or there are fewer tokens than positions
   */
  public static <R> List<R> run(
      Lens lens,
      int[] tokens,
      List<Intervention> base,
      List<List<Intervention>> variants,
      int positions,
      Function<MemorySegment, R> read) {
    Preconditions.requireTokens(lens.model(), tokens);
    Preconditions.requireRange("positions of logits", positions, 1, tokens.length);
    return new Sweep<>(lens, tokens, base, positions, read).run(variants);
  }

  private List<R> run(List<List<Intervention>> edits) {
    List<Variant> variants =
        IntStream.range(0, edits.size()).mapToObj(i -> variant(i, edits.get(i))).toList();
    List<Optional<R>> results =
        new ArrayList<>(Collections.nCopies(edits.size(), Optional.empty()));
    try (ActivationCache inputs =
            lens.run(tokens, Capture.of("blocks.*." + HookSite.RESID_PRE.suffix()), base);
        var runner = new Runner(variants)) {
      for (List<Variant> step : steps(variants, runner)) {
        runner.run(step, inputs, results);
      }
    }
    return results.stream().map(Optional::orElseThrow).toList();
  }

  private Variant variant(int index, List<Intervention> edits) {
    for (Intervention edit : edits) {
      String field = "edit of " + edit.point();
      String position = "position " + edit.from();
      Preconditions.require(
          edit.sequence() == null, field, "", "must not select a sequence in a sweep");
      Preconditions.require(
          edit.from() < tokens.length, field, position, "there are " + tokens.length);
    }
    return new Variant(index, edits, start(edits), from(edits));
  }

  private int from(List<Intervention> edits) {
    return lens.model().architecture().kvShape().hasStates()
        ? 0
        : edits.stream().mapToInt(Intervention::from).reduce(tokens.length - positions, Math::min);
  }

  /** Returns the last block from which a run includes all that the interventions change. */
  private int start(List<Intervention> edits) {
    if (!Preconditions.hasOneStream(lens.model())) {
      return EMBEDDING;
    }
    int start = edits.stream().mapToInt(this::start).min().orElse(lastLayer());
    return start == EMBEDDING ? EMBEDDING : entry(start);
  }

  /**
   * Returns the last layer, up to one, from which no layer reads keys and values of earlier layers,
   * so that a run can start from the residual stream alone.
   */
  private int entry(int layer) {
    HookMap hooks = HookMap.of(lens.model());
    int entry = layer;
    for (int l = lastLayer(); l >= entry; l--) {
      entry = Math.min(entry, hooks.keysOf(l));
    }
    return entry;
  }

  private int lastLayer() {
    return lens.model().architecture().layers() - 1;
  }

  /** Returns the block with the input that an intervention leaves unchanged. */
  private int start(Intervention edit) {
    return switch (edit.point().site()) {
      case EMBED, POS_EMBED -> EMBEDDING;
      default -> edit.point().site().inBlock() ? edit.point().layer() : lastLayer();
    };
  }

  /**
   * Groups the variants that run together. In descending order of positions, a sequence keeps the
   * keys and values before each variant: no later variant needs those that one overwrites.
   */
  private List<List<Variant>> steps(List<Variant> variants, Runner runner) {
    Map<Integer, List<List<Variant>>> byStart = new TreeMap<>();
    variants.stream()
        .sorted(Comparator.comparingInt(Variant::from).reversed())
        .forEach(
            variant -> {
              List<List<Variant>> steps =
                  byStart.computeIfAbsent(variant.start, ignored -> new ArrayList<>());
              if (steps.isEmpty() || !runner.holds(steps.getLast(), variant)) {
                steps.add(new ArrayList<>());
              }
              steps.getLast().add(variant);
            });
    int most = byStart.values().stream().mapToInt(List::size).max().orElse(0);
    return IntStream.range(0, most)
        .boxed()
        .flatMap(k -> byStart.values().stream().filter(s -> k < s.size()).map(s -> s.get(k)))
        .toList();
  }

  /** A session with sequences that hold the base run up to some position. */
  private final class Runner implements AutoCloseable {
    final int[] intact;
    final BlockSession blocks;
    final Session session;
    final List<Sequence> sequences;

    Runner(List<Variant> variants) {
      Model model = lens.model();
      KvShape shape = model.architecture().kvShape();
      int kvBlocks = KvCache.blocksFor(tokens.length);
      long bytes = KvCache.bytes(shape, KvType.F32, kvBlocks) + shape.bytesPerSequence();
      int batch = Math.max(BATCH, tokens.length);
      int together = Math.max(1, mostEqual(variants, Variant::start));
      bytes += (positions - 1L) * model.architecture().vocabulary() * Float.BYTES;
      int most = Math.min(Math.max(1, batch / positions), together);
      int count = Math.clamp(CACHE_BYTES / bytes, 1, most);
      List<HookPoint> points =
          Stream.concat(base.stream(), variants.stream().flatMap(v -> v.edits.stream()))
              .map(Intervention::point)
              .distinct()
              .toList();
      int edits =
          variants.stream().mapToInt(v -> mostEqual(v.edits, Intervention::point)).max().orElse(0);
      int capacity = Math.max(1, Math.addExact(base.size(), Math.multiplyExact(count, edits)));
      int logits = Math.multiplyExact(count, positions);
      SessionOptions options =
          lens.adapted(SessionOptions.exact(tokens.length, batch, count, logits));
      this.blocks = new BlockSession(model, options, points, capacity);
      this.session = blocks.session();
      this.sequences = blocks.sequences();
      this.intact = new int[count];
    }

    /** Returns the maximum number of elements with the same property. */
    private static <T> int mostEqual(List<T> all, Function<T, Object> property) {
      return all.stream()
          .collect(Collectors.groupingBy(property, Collectors.summingInt(each -> 1)))
          .values()
          .stream()
          .max(Comparator.naturalOrder())
          .orElse(0);
    }

    boolean holds(List<Variant> step, Variant another) {
      int taken = step.stream().mapToInt(variant -> tokens.length - variant.from).sum();
      return step.size() < sequences.size()
          && taken + tokens.length - another.from <= session.limits().tokens();
    }

    void run(List<Variant> step, ActivationCache inputs, List<Optional<R>> results) {
      Interruption.check();
      fill(step);
      int start = step.getFirst().start;
      List<Intervention> edits = new ArrayList<>(baseEdits(start));
      session.begin();
      for (int i = 0; i < step.size(); i++) {
        Variant variant = step.get(i);
        Sequence sequence = sequences.get(i);
        variant.edits.forEach(edit -> edits.add(edit.in(sequence)));
        sequence.truncate(variant.from);
        for (int p = variant.from; p < tokens.length; p++) {
          session.add(sequence, tokens[p], p >= tokens.length - positions);
        }
        intact[i] = Math.min(intact[i], variant.from);
      }
      blocks.tables().set(edits);
      blocks.tables().assign(sequences.subList(0, step.size()));
      if (start == EMBEDDING) {
        session.run();
      } else {
        Activation input = inputs.get(HookSite.RESID_PRE, start);
        blocks.run(start, blocks.end(), () -> enter(step, start, input));
      }
      for (int i = 0; i < step.size(); i++) {
        MemorySegment logits = LogitRows.of(session, i * positions, positions);
        results.set(step.get(i).index, Optional.of(read.apply(logits)));
      }
    }

    /**
     * Returns the interventions of the base run that a step applies; its input includes those
     * before its start.
     */
    private List<Intervention> baseEdits(int start) {
      boolean tokens = start != EMBEDDING && blocks.readsTokens(start);
      return base.stream()
          .filter(edit -> start(edit) >= start || (tokens && start(edit) == EMBEDDING))
          .filter(edit -> edit.point().site() != HookSite.RESID_PRE || start(edit) > start)
          .toList();
    }

    /** Writes the input of a block. */
    private void enter(List<Variant> step, int layer, Activation input) {
      MemorySegment data = session.data(blocks.input(layer));
      int d = blocks.input(layer).width();
      long row = 0;
      for (Variant variant : step) {
        long elements = (long) (tokens.length - variant.from) * d;
        MemorySegment.copy(
            input.data(),
            JAVA_FLOAT,
            (long) variant.from * d * Float.BYTES,
            data,
            JAVA_FLOAT,
            row * d * Float.BYTES,
            elements);
        row += tokens.length - variant.from;
      }
    }

    /** Runs the base run in each sequence up to the start of its variant, where it is missing. */
    private void fill(List<Variant> step) {
      List<Intervention> edits = baseEdits(EMBEDDING);
      boolean missing = IntStream.range(0, step.size()).anyMatch(i -> intact[i] < step.get(i).from);
      if (missing) {
        blocks.tables().set(edits);
      }
      while (missing) {
        missing = false;
        List<Sequence> filled = new ArrayList<>();
        session.begin();
        int free = session.limits().tokens();
        for (int i = 0; i < step.size(); i++) {
          int end = Math.min(step.get(i).from, intact[i] + free);
          if (intact[i] < end) {
            free -= end - intact[i];
            sequences.get(i).truncate(intact[i]);
            filled.add(sequences.get(i));
            for (; intact[i] < end; intact[i]++) {
              session.add(sequences.get(i), tokens[intact[i]], false);
            }
          }
          missing |= intact[i] < step.get(i).from;
        }
        blocks.tables().assign(filled);
        session.run();
      }
    }

    @Override
    public void close() {
      blocks.close();
    }
  }
}
