package dev.vidrio.fuzz.plan;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Access;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.kernel.pass.GradientRules;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * Writes a random plan from a seed: random operations, with inputs that are mostly results of
 * earlier ones. A third of the plans use few kinds of operations, so that these meet often; a
 * fourth have a backward pass. One plan of {@value #LARGE} has matrices and positions of any size,
 * and a cache with all layers; in the others, operations are small, so that many plans run.
 */
final class CaseGenerator {
  private static final int LARGE = 16;

  /** The elements of an operation's matrices and a row of its activations, unless it is large. */
  private static final long SMALL = 4096;

  private static final int[] TOKENS = {1, 2, 2, 3, 4, 5, 8, 17, 33, 40};
  private static final int[] SMALL_TOKENS = {1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 8, 17, 18};
  private static final int[] POSITIONS = {4, 8, 16, 40, 64, 70, 130, 300};
  private static final int[] SMALL_POSITIONS = {4, 8, 16, 16, 40, 40, 64, 70};
  private static final int MAX_OPS = 14;

  private static final List<KvType> KV_TYPES = List.of(KvType.values());
  private static final List<GradientRules> RULES =
      List.of(
          GradientRules.EXACT, GradientRules.ATTN_LRP, GradientRules.CP_LRP, GradientRules.FROZEN);

  private final Examples examples;

  CaseGenerator(Examples examples) {
    this.examples = examples;
  }

  /**
   * Returns the case of a seed.
   *
   * @param mutate if true, one operation is changed at random, so that the plan may be invalid
   * @param arena holds its memory
   * @throws IllegalArgumentException if {@code mutate} makes the plan invalid
   */
  PlanCase generate(long seed, boolean mutate, Arena arena) {
    return new Generation(seed, arena).plan(mutate);
  }

  private final class Generation {
    private final long seed;
    private final SplittableRandom random;
    private final Arena arena;
    private final boolean large;
    private final Limits limits;
    private final Workshop workshop;

    /** Makes operations to find out whether their sizes fit. */
    private final Workshop trial;

    private final int shapeIndex;
    private final KvShape shape;
    private final List<Class<? extends Op>> kinds;
    private final Examples.Change change;
    private final List<Op> ops = new ArrayList<>();
    private final List<Operand> written = new ArrayList<>();
    private int names;

    Generation(long seed, Arena arena) {
      this.seed = seed;
      this.random = new SplittableRandom(seed);
      this.arena = arena;
      this.large = random.nextInt(LARGE) == 0;
      this.limits = limits();
      this.workshop = new Workshop(arena, limits, random.split(), false);
      this.trial = new Workshop(arena, limits, random.split(), true);
      this.shapeIndex = random.nextInt(examples.shapes());
      this.shape = examples.shape(shapeIndex);
      this.kinds = kinds();
      this.change =
          new Examples.Change(
              new Drawing(
                  random,
                  examples.sizes(shapeIndex),
                  other -> {
                    List<Spec.OfRecord> known = examples.of(other, shapeIndex);
                    return known.get(random.nextInt(known.size()));
                  }));
    }

    private Limits limits() {
      int tokens = pick(large ? TOKENS : SMALL_TOKENS);
      int positions = pick(large ? POSITIONS : SMALL_POSITIONS);
      return new Limits(
          tokens,
          1 + random.nextInt(tokens),
          1 + random.nextInt(3),
          positions,
          1 + random.nextInt(8));
    }

    private int pick(int[] numbers) {
      return numbers[random.nextInt(numbers.length)];
    }

    private List<Class<? extends Op>> kinds() {
      List<Class<? extends Op>> all = examples.classes();
      if (random.nextInt(3) > 0) {
        return all;
      }
      List<Class<? extends Op>> few = new ArrayList<>();
      for (int i = 0; i < 5; i++) {
        few.add(all.get(random.nextInt(all.size())));
      }
      return few;
    }

    PlanCase plan(boolean mutate) {
      int count = 1 + random.nextInt(MAX_OPS);
      int mutated = mutate ? random.nextInt(count) : -1;
      for (int i = 0; i < count; i++) {
        append(i == mutated);
      }
      Plan plan = new Plan(ops, large ? shape : used(), outputs());
      List<PlanCase.Equivalent> equivalents = new ArrayList<>();
      Plan hoisted = new GatherHoisting().apply(plan);
      if (!hoisted.equals(plan)) {
        equivalents.add(new PlanCase.Equivalent("GatherHoisting", hoisted, new GatherHoisting()));
      }
      if (random.nextInt(4) == 0) {
        plan = differentiated(plan, equivalents);
      }
      KvType type = KV_TYPES.get(random.nextInt(KV_TYPES.size()));
      return new PlanCase(
          seed,
          plan,
          equivalents,
          limits,
          plan.kv().fits(type) ? type : KvType.F32,
          steps(plan),
          workshop);
    }

    /** Returns the shape of the cache with layers of one element for those that are not used. */
    private KvShape used() {
      Set<Integer> layers = new HashSet<>();
      ops.forEach(op -> op.cacheAccesses().forEach(access -> layers.add(access.layer())));
      List<KvShape.Layer> kept = new ArrayList<>();
      for (int layer = 0; layer < shape.layers().size(); layer++) {
        kept.add(layers.contains(layer) ? shape.layers().get(layer) : new KvShape.Rows(1));
      }
      return new KvShape(kept);
    }

    private Set<Buffer> outputs() {
      Set<Buffer> outputs = new HashSet<>();
      for (Operand each : written) {
        if (each instanceof Buffer buffer && random.nextInt(3) == 0) {
          outputs.add(buffer);
        }
      }
      if (written.getLast() instanceof Buffer last) {
        outputs.add(last);
      }
      return outputs;
    }

    /** Appends a random operation, unless its changes do not fit. */
    private void append(boolean mutated) {
      Class<? extends Op> kind = kinds.get(random.nextInt(kinds.size()));
      List<Spec.OfRecord> known =
          large ? examples.of(kind, shapeIndex) : examples.small(kind, shapeIndex, SMALL);
      if (known.isEmpty()) {
        return; // none fits this shape of the cache
      }
      Spec.OfRecord best = known.get(random.nextInt(known.size()));
      int matches = matches(best);
      for (int i = 0; i < 3; i++) {
        Spec.OfRecord other = known.get(random.nextInt(known.size()));
        if (matches(other) > matches) {
          best = other;
          matches = matches(other);
        }
      }
      if (mutated) {
        connect(workshop.op(change.of(change.of(best))));
        return;
      }
      Spec.OfRecord spec = changed(best, change.retyped(best));
      for (int i = random.nextInt(3); i > 0; i--) {
        spec = changed(spec, random.nextBoolean() ? change.renamed(best) : change.of(best));
      }
      connect(workshop.op(spec));
    }

    /** Returns the number of operands that results have the shape of. */
    private int matches(Spec.OfRecord spec) {
      int count = 0;
      for (Spec each : spec.components()) {
        if (each instanceof Spec.OfOperand operand
            && written.stream().anyMatch(y -> isLike(operand, y))) {
          count++;
        }
      }
      return count;
    }

    private static boolean isLike(Spec.OfOperand spec, Operand y) {
      return spec.width() == y.width()
          && spec.rows() == y.rows()
          && spec.quantized() != y instanceof Buffer;
    }

    /** Returns a changed example, or the given one if it does not fit. */
    private Spec.OfRecord changed(Spec.OfRecord spec, Spec.OfRecord other) {
      if (!large && other.elements() > SMALL) {
        return spec;
      }
      try {
        return Examples.fits(trial.op(other), shape) ? other : spec;
      } catch (IllegalArgumentException e) {
        return spec;
      }
    }

    /** Appends an operation over results of earlier ones, and sources of other inputs. */
    private void connect(Op placeholders) {
      Op op = placeholders;
      if (op instanceof Op.Embed embed) {
        op = fitted(embed);
      }
      Map<Operand, Operand> names = new HashMap<>();
      for (Operand y : op.writes()) {
        if (names.put(y, y.like(name())) != null) {
          throw new IllegalArgumentException("written twice");
        }
      }
      for (Operand x : op.reads()) {
        names.computeIfAbsent(x, this::input);
      }
      Op connected = op.withOperands(x -> names.getOrDefault(x, x));
      add(connected);
    }

    /** Returns an embedding with a table for all tokens and positions of the limits. */
    private Op.Embed fitted(Op.Embed e) {
      long rows = e.rowsNeeded(limits.vocabulary(), limits.positions());
      int n = (int) Math.max(rows, e.table().n());
      return new Op.Embed(
          Matrices.of(
              e.table().type(),
              e.table().layout(),
              n,
              e.table().k(),
              random.nextInt(Matrices.VARIANTS)),
          e.index(),
          e.offset(),
          e.skip(),
          e.y());
    }

    private void add(Op op) {
      ops.add(op);
      written.addAll(op.writes());
    }

    private String name() {
      return "b" + names++;
    }

    private Operand input(Operand x) {
      List<Operand> candidates =
          written.stream().filter(y -> y.like("").equals(x.like(""))).toList();
      if (!candidates.isEmpty() && random.nextInt(8) > 0) {
        return candidates.get(random.nextInt(candidates.size()));
      }
      Operand y = x.like(name());
      Sources.of(y, limits, random.nextInt(Matrices.VARIANTS)).forEach(this::add);
      return y;
    }

    /** Returns the plan with a backward pass, if gradients reach an activation. */
    private Plan differentiated(Plan plan, List<PlanCase.Equivalent> equivalents) {
      List<Buffer> buffers =
          written.stream().filter(Buffer.class::isInstance).map(Buffer.class::cast).toList();
      for (int i = 0; i < 4; i++) {
        Buffer last = buffers.get(buffers.size() - 1 - random.nextInt(Math.min(4, buffers.size())));
        Buffer wanted = buffers.get(random.nextInt(buffers.size()));
        Map<Buffer, MemorySegment> seeds = new LinkedHashMap<>(Map.of(last, seeds(last)));
        GradientRules rules = RULES.get(random.nextInt(RULES.size()));
        var differentiation = new Differentiation(seeds, Set.of(wanted), rules);
        try {
          Plan gradient = differentiation.apply(plan);
          equivalents.clear();
          if (keepsCache(plan)) {
            Plan recomputed = differentiation.recomputing(Set.of()).apply(plan);
            equivalents.add(new PlanCase.Equivalent("Recomputation", recomputed, null));
          }
          return gradient;
        } catch (IllegalArgumentException e) {
          // No gradient flows from this result to this activation: draw others.
        }
      }
      return plan;
    }

    /** Returns whether operations that run again find the cache as they left it. */
    private static boolean keepsCache(Plan plan) {
      Set<Object> used = new HashSet<>();
      for (Op op : plan.ops()) {
        Set<Object> memory = new HashSet<>();
        for (Access.OfCache access : op.cacheAccesses()) {
          if (access.mode() == Access.Mode.WRITE && used.contains(access.memory())) {
            return false;
          }
          memory.add(access.memory());
        }
        used.addAll(memory);
      }
      return true;
    }

    private MemorySegment seeds(Buffer x) {
      long count = (long) x.width() * Math.max(limits.tokens(), limits.logits());
      MemorySegment memory = arena.allocate(count * Float.BYTES, 64);
      for (long i = 0; i < count; i++) {
        memory.setAtIndex(JAVA_FLOAT, i, Matrices.value(random, false));
      }
      return memory;
    }

    /** Returns up to four steps, in which sequences advance by random counts. */
    private List<List<PlanCase.Token>> steps(Plan plan) {
      int positions = Math.min(limits.positions(), plan.positions());
      int[] next = new int[limits.sequences()];
      if (random.nextInt(3) == 0) {
        for (int s = 0; s < next.length; s++) {
          next[s] = random.nextInt(positions);
        }
      }
      List<List<PlanCase.Token>> steps = new ArrayList<>();
      for (int i = 1 + random.nextInt(4); i > 0; i--) {
        List<PlanCase.Token> step = step(plan, positions, next);
        if (!step.isEmpty()) {
          steps.add(step);
        }
      }
      return steps.isEmpty() ? List.of(List.of(new PlanCase.Token(0, 0, 0, 0, true))) : steps;
    }

    private List<PlanCase.Token> step(Plan plan, int positions, int[] next) {
      List<PlanCase.Token> step = new ArrayList<>();
      int logits = 0;
      int room = random.nextInt(3) == 0 ? Math.min(2, limits.tokens()) : limits.tokens();
      for (int s = 0; s < next.length; s++) {
        int most = Math.min(room - step.size(), positions - next[s]);
        int count = random.nextBoolean() ? most : random.nextInt(most + 1);
        for (int i = 0; i < count; i++) {
          boolean wants = logits < limits.logits() && random.nextInt(3) == 0;
          logits += wants ? 1 : 0;
          int token = random.nextInt(limits.vocabulary());
          int type = random.nextInt(Math.max(1, plan.types()));
          step.add(new PlanCase.Token(s, next[s]++, token, type, wants));
        }
      }
      return step;
    }
  }
}
