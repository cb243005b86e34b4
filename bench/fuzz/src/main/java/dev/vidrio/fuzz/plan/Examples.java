package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.op.Access;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Valid examples of each operation, found by search: components are drawn by their types and
 * changed one at a time, and a change is kept unless the constructor of the record then fails at an
 * earlier check. The records are thus the only declaration of what operations exist and which
 * operands fit. Examples depend on nothing else, so that a seed gives the same plan everywhere.
 *
 * <p>Operations over the cache fit one of several shapes of the cache, which a plan chooses.
 */
final class Examples {
  /** The number of shapes of the cache that long runs use. */
  static final int SHAPES = 3;

  /** Limits that the examples are made for; plans have others. */
  static final Limits LIMITS = new Limits(1, 1, 2, 8, 4);

  private static final int COUNT = 12;
  private static final int COUNT_OVER_CACHE = 4;
  private static final int RESTART = 4000;
  private static final int GIVE_UP = 15_000;

  private static final double VALID = 1e6;

  private final Map<Object, List<Access.OfCache>> fitting = new HashMap<>();
  private final List<Class<? extends Op>> classes = classes(Op.class);
  private final List<KvShape> shapes = new ArrayList<>();
  private final Map<Class<?>, List<Spec.OfRecord>> anywhere = new HashMap<>();
  private final List<Map<Class<?>, List<Spec.OfRecord>>> overCache = new ArrayList<>();
  private final Map<Object, List<Spec.OfRecord>> small = new HashMap<>();

  /**
   * Prepares the search, which takes place when examples are needed.
   *
   * @param count number of shapes of the cache
   */
  Examples(int count) {
    var random = new SplittableRandom(33);
    for (int i = 0; i < count; i++) {
      shapes.add(shape(random));
      overCache.add(new HashMap<>());
    }
  }

  private static KvShape shape(SplittableRandom random) {
    int heads = 1 + random.nextInt(3);
    int dH = random.nextInt(3) == 0 ? 32 : 1 + random.nextInt(random.nextInt(3) == 0 ? 130 : 20);
    var first = new KvShape.KeyValue(heads, dH);
    var second =
        new KvShape.KeyValue(1 + random.nextInt(3), 1 + random.nextInt(20), 1 + random.nextInt(40));
    int keyHeads = 1 + random.nextInt(2);
    int taps = 1 + random.nextInt(4);
    var states =
        new KvShape.Recurrent(
            keyHeads,
            keyHeads * (1 + random.nextInt(2)),
            1 + random.nextInt(20),
            1 + random.nextInt(20),
            taps);
    return new KvShape(
        List.of(
            first,
            random.nextBoolean() ? first : second,
            new KvShape.Rows(1 + random.nextInt(40)),
            new KvShape.Ring(1 + random.nextInt(40), taps),
            states,
            new KvShape.Diagonal(1 + random.nextInt(40), taps)));
  }

  /** Returns the classes of all operations, in the order of their names. */
  List<Class<? extends Op>> classes() {
    return classes;
  }

  private static List<Class<? extends Op>> classes(Class<?> sealed) {
    List<Class<? extends Op>> found = new ArrayList<>();
    for (Class<?> each : sealed.getPermittedSubclasses()) {
      if (each.isRecord()) {
        found.add(each.asSubclass(Op.class));
      } else {
        found.addAll(classes(each));
      }
    }
    found.sort(Comparator.comparing(Class::getName));
    return found;
  }

  /** Returns the number of shapes of the cache. */
  int shapes() {
    return shapes.size();
  }

  /** Returns a shape of the cache. */
  KvShape shape(int i) {
    return shapes.get(i);
  }

  /** Returns the numbers of heads, widths and products of both of the layers of a shape. */
  List<Integer> sizes(int shape) {
    Set<Integer> sizes = new TreeSet<>();
    shapes.get(shape).layers().forEach(layer -> sizes.addAll(products(layer)));
    return new ArrayList<>(sizes);
  }

  /** Returns the integers of a record, and products of two of them. */
  private static List<Integer> products(Object record) {
    List<Integer> own = integers(record);
    List<Integer> all = new ArrayList<>(own);
    own.forEach(one -> own.forEach(other -> all.add(one * other)));
    return all;
  }

  private static List<Integer> integers(Object record) {
    List<Integer> found = new ArrayList<>();
    for (RecordComponent component : Records.components(record.getClass())) {
      if (Records.value(component, record) instanceof Integer number) {
        found.add(number);
      }
    }
    return found;
  }

  /**
   * Returns an operation with a size changed for a layer of the cache that it does not fit.
   *
   * @param spec a valid operation
   */
  private Spec.OfRecord fitted(
      Spec.OfRecord spec, Workshop workshop, int shape, SplittableRandom random) {
    List<Access.OfCache> misfits =
        workshop.op(spec).cacheAccesses().stream()
            .filter(each -> !shapes.get(shape).supports(each))
            .toList();
    Access.OfCache access = misfits.get(random.nextInt(misfits.size()));
    List<Access.OfCache> fitting = fitting(access, shape);
    if (fitting.isEmpty()) {
      return spec;
    }
    Access.OfCache wanted = fitting.get(random.nextInt(fitting.size()));
    Map<Integer, Integer> sizes = new HashMap<>(Map.of(access.layer(), wanted.layer()));
    List<Integer> from = integers(access.part());
    for (int i = 0; i < from.size(); i++) {
      sizes.put(from.get(i), integers(wanted.part()).get(i));
    }
    boolean everywhere = random.nextBoolean();
    return (Spec.OfRecord)
        spec.withSizes(
            spec.sizes().stream()
                .map(
                    size ->
                        everywhere || random.nextBoolean() ? sizes.getOrDefault(size, size) : size)
                .toList());
  }

  /**
   * Returns a valid operation in which fewer sizes are equal: those that need not be. {@link
   * #fitted} can then tell them apart.
   */
  private Spec.OfRecord split(Spec.OfRecord spec, Workshop workshop, int shape, Drawing drawing) {
    SplittableRandom random = drawing.random();
    List<Integer> sizes = spec.sizes();
    int one = random.nextInt(sizes.size());
    int to = drawing.size();
    Set<Integer> changed = new HashSet<>();
    for (int i = 0; i < sizes.size(); i++) {
      if (sizes.get(i).equals(sizes.get(one))) {
        changed.add(i);
      }
    }
    double progress = progress(spec, workshop, shape);
    Spec.OfRecord best = spec;
    for (int i = 0; i < 20; i++) {
      Set<Integer> fewer = new HashSet<>(changed);
      if (i > 0) {
        fewer.removeIf(each -> each != one && random.nextBoolean());
      }
      List<Integer> others = new ArrayList<>(sizes);
      fewer.forEach(each -> others.set(each, to));
      var other = (Spec.OfRecord) spec.withSizes(others);
      if (progress(other, workshop, shape) >= progress) {
        changed = fewer;
        best = other;
      }
    }
    return best;
  }

  /** Returns accesses with other layers and numbers that fit a shape. */
  private List<Access.OfCache> fitting(Access.OfCache access, int shape) {
    Access.CachePart any = with(access.part(), Collections.nCopies(8, 1));
    return fitting.computeIfAbsent(List.of(any, shape), key -> findFitting(access, shape));
  }

  private List<Access.OfCache> findFitting(Access.OfCache access, int shape) {
    KvShape cache = shapes.get(shape);
    List<Access.OfCache> found = new ArrayList<>();
    for (int layer = 0; layer < cache.layers().size(); layer++) {
      List<Integer> numbers = products(cache.layers().get(layer)).stream().distinct().toList();
      int count = integers(access.part()).size();
      for (int i = 0; i < Math.pow(numbers.size(), count); i++) {
        List<Integer> chosen = new ArrayList<>();
        for (int rest = i; chosen.size() < count; rest /= numbers.size()) {
          chosen.add(numbers.get(rest % numbers.size()));
        }
        var other = new Access.OfCache(layer, access.mode(), with(access.part(), chosen));
        if (cache.supports(other)) {
          found.add(other);
        }
      }
    }
    return found;
  }

  /** Returns a part of the cache with other numbers. */
  private static Access.CachePart with(Access.CachePart part, List<Integer> numbers) {
    Iterator<Integer> next = numbers.iterator();
    return (Access.CachePart)
        Records.create(
            part.getClass(),
            Stream.of(Records.components(part.getClass()))
                .map(each -> each.getType() == int.class ? next.next() : Records.value(each, part))
                .toArray());
  }

  /** Returns examples of an operation, which fit a shape of the cache if they use it. */
  List<Spec.OfRecord> of(Class<?> type, int shape) {
    List<Spec.OfRecord> found = anywhere.get(type);
    if (found == null) {
      found = overCache.get(shape).get(type);
    }
    return found == null ? find(type, shape) : found;
  }

  /** Returns the examples of at most a number of elements, or else the smallest one. */
  List<Spec.OfRecord> small(Class<?> type, int shape, long elements) {
    return small.computeIfAbsent(
        List.of(type, shape, elements), key -> findSmall(of(type, shape), elements));
  }

  private static List<Spec.OfRecord> findSmall(List<Spec.OfRecord> examples, long elements) {
    List<Spec.OfRecord> found =
        examples.stream().filter(each -> each.elements() <= elements).toList();
    return found.isEmpty()
        ? examples.stream().min(Comparator.comparingLong(Spec.OfRecord::elements)).stream().toList()
        : found;
  }

  /**
   * Searches for examples in the first shape, and if they use the cache, in the given one.
   *
   * @throws IllegalStateException if there is none in the first shape
   */
  private List<Spec.OfRecord> find(Class<?> type, int shape) {
    if (shape > 0) {
      of(type, 0);
      if (anywhere.containsKey(type)) {
        return of(type, shape);
      }
    }
    var random = new SplittableRandom(type.getName().hashCode() * 31L + shape);
    List<Spec.OfRecord> examples = new ArrayList<>();
    int count = COUNT;
    for (int i = 0; i < count; i++) {
      Spec.OfRecord found = search(type, shape, random);
      if (found != null) {
        examples.add(found);
        count = make(found).cacheAccesses().isEmpty() ? COUNT : COUNT_OVER_CACHE;
      }
    }
    if (examples.isEmpty() && shape == 0) {
      throw new IllegalStateException("no valid example of " + type.getName() + " found");
    }
    (count == COUNT ? anywhere : overCache.get(shape)).put(type, examples);
    return examples;
  }

  private static Op make(Spec.OfRecord spec) {
    try (Arena arena = Arena.ofConfined()) {
      return new Workshop(arena, LIMITS, new SplittableRandom(1), true).op(spec);
    }
  }

  private Spec.@Nullable OfRecord search(Class<?> type, int shape, SplittableRandom random) {
    var drawing =
        new Drawing(
            random,
            sizes(shape),
            other -> {
              List<Spec.OfRecord> known = of(other, shape);
              return known.get(random.nextInt(known.size()));
            });
    var change = new Change(drawing);
    try (Arena arena = Arena.ofConfined()) {
      var workshop = new Workshop(arena, LIMITS, new SplittableRandom(1), true);
      Spec.OfRecord best = drawing.record(type, Map.of());
      double progress = progress(best, workshop, shape);
      int tries = 0;
      for (int since = 0; progress < VALID; since++) {
        if (tries++ > GIVE_UP) {
          return null;
        }
        Spec.OfRecord other =
            since >= RESTART
                ? drawing.record(type, Map.of())
                : progress < VALID / 2 || random.nextBoolean()
                    ? change.of(best)
                    : random.nextInt(3) == 0
                        ? split(best, workshop, shape, drawing)
                        : fitted(best, workshop, shape, random);
        double reached = progress(other, workshop, shape);
        if (reached >= progress || since >= RESTART) {
          since = reached > progress || since >= RESTART ? 0 : since;
          best = other;
          progress = reached;
        }
      }
      return best;
    }
  }

  /** Returns how far the checks of an operation get. */
  private double progress(Spec.OfRecord spec, Workshop workshop, int shape) {
    Op op;
    try {
      op = workshop.op(spec);
      op.accesses();
    } catch (RuntimeException e) {
      return failedCheck(e, spec.type());
    }
    long misfits =
        op.cacheAccesses().stream().filter(each -> !shapes.get(shape).supports(each)).count();
    return VALID - misfits;
  }

  /** Returns the line of the check in the constructor of the record, or less in one of a part. */
  private static double failedCheck(RuntimeException e, Class<?> type) {
    double line = 0;
    for (StackTraceElement frame : e.getStackTrace()) {
      if (frame.getMethodName().equals("<init>")) {
        line = frame.getLineNumber();
        if (frame.getClassName().equals(type.getName())) {
          return line;
        }
      }
      if (frame.getClassName().equals(Examples.class.getName())) {
        break;
      }
    }
    return line * 1e-4;
  }

  /** Returns whether an operation fits a shape of the cache. */
  static boolean fits(Op op, KvShape shape) {
    return op.cacheAccesses().stream().allMatch(shape::supports);
  }

  /** Changes of operations. */
  record Change(Drawing drawing) {
    /** Returns a record with one or two changes. */
    Spec.OfRecord of(Spec.OfRecord spec) {
      Spec.OfRecord changed = once(spec);
      return drawing.random().nextInt(4) == 0 ? once(changed) : changed;
    }

    private Spec.OfRecord once(Spec.OfRecord spec) {
      SplittableRandom random = drawing.random();
      List<Integer> sizes = spec.sizes();
      int way = sizes.isEmpty() ? 0 : random.nextInt(8);
      if (way == 1 || way == 2) {
        return renamed(spec);
      }
      if (way == 3 || way == 4) {
        return operand(spec);
      }
      if (way > 4) {
        List<Integer> others = new ArrayList<>(sizes);
        others.set(random.nextInt(sizes.size()), size(sizes));
        return (Spec.OfRecord) spec.withSizes(others);
      }
      return component(spec);
    }

    /** Gives an activation the shape of another one, or other rows, or all the same rows. */
    private Spec.OfRecord operand(Spec.OfRecord spec) {
      SplittableRandom random = drawing.random();
      List<Spec.OfOperand> operands = new ArrayList<>(spec.operands());
      if (operands.isEmpty()) {
        return spec;
      }
      if (random.nextInt(5) == 0) {
        Rows all = drawing.rows();
        operands.replaceAll(y -> new Spec.OfOperand(y.quantized(), all, y.width()));
        return spec.withOperands(operands);
      }
      int i = random.nextInt(operands.size());
      Spec.OfOperand one = operands.get(i);
      Spec.OfOperand other = operands.get(random.nextInt(operands.size()));
      boolean copy = random.nextInt(4) > 0;
      Rows rows = copy ? other.rows() : one.rows() == Rows.TOKENS ? Rows.LOGITS : Rows.TOKENS;
      int width = copy ? other.width() : one.width();
      operands.set(i, new Spec.OfOperand(one.quantized(), rows, width));
      return spec.withOperands(operands);
    }

    /** Replaces a size wherever it occurs. */
    Spec.OfRecord renamed(Spec.OfRecord spec) {
      List<Integer> sizes = spec.sizes();
      if (sizes.isEmpty()) {
        return spec;
      }
      int from = sizes.get(drawing.random().nextInt(sizes.size()));
      int to = drawing.size();
      return (Spec.OfRecord)
          spec.withSizes(sizes.stream().map(size -> size == from ? to : size).toList());
    }

    /** Returns a size that follows from others. */
    private int size(List<Integer> sizes) {
      SplittableRandom random = drawing.random();
      int one = sizes.get(random.nextInt(sizes.size()));
      int other = sizes.get(random.nextInt(sizes.size()));
      return switch (random.nextInt(8)) {
        case 0 -> Math.clamp((long) one * other, 0, 4096);
        case 1 -> other == 0 ? one : one / other;
        case 2 -> Math.clamp(one * (1L + random.nextInt(3)), 0, 4096);
        case 3 -> drawing.size();
        default -> one;
      };
    }

    /** Redraws a component, or one of its properties. */
    private Spec.OfRecord component(Spec.OfRecord spec) {
      SplittableRandom random = drawing.random();
      int i = random.nextInt(spec.components().size());
      Spec other =
          switch (spec.components().get(i)) {
            case Spec.OfRecord part when isPlain(part) && random.nextInt(4) > 0 -> component(part);
            case Spec.OfWeights w when random.nextInt(3) > 0 -> retyped(w);
            default -> drawing.draw(Records.components(spec.type())[i]);
          };
      return spec.with(i, other);
    }

    /** Returns whether all components of a record have types of their own. */
    private static boolean isPlain(Spec.OfRecord part) {
      return !part.components().isEmpty() && part.type().getTypeParameters().length == 0;
    }

    /** Returns a record over weights of other types, quantized ones where they were. */
    Spec.OfRecord retyped(Spec.OfRecord spec) {
      List<Spec> components = new ArrayList<>();
      for (Spec each : spec.components()) {
        components.add(
            switch (each) {
              case Spec.OfWeights w -> likely(w);
              case Spec.OfMatrices(int count, Spec.OfWeights w) ->
                  new Spec.OfMatrices(count, likely(w));
              case Spec.OfRecord part -> retyped(part);
              default -> each;
            });
      }
      return new Spec.OfRecord(spec.type(), components);
    }

    private Spec.OfWeights likely(Spec.OfWeights w) {
      WeightType type = drawing.pick(WeightType.values());
      boolean fits = type.quantized() == w.type().quantized() && w.k() % type.blockElements() == 0;
      return fits ? new Spec.OfWeights(type, w.layout(), w.n(), w.k()) : w;
    }

    private Spec.OfWeights retyped(Spec.OfWeights w) {
      Spec.OfWeights other = drawing.weights();
      WeightType type = drawing.random().nextBoolean() ? WeightType.F32 : other.type();
      return new Spec.OfWeights(type, other.layout(), w.n(), w.k());
    }
  }
}
