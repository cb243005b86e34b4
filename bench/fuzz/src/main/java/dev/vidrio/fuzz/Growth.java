package dev.vidrio.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Searches for inputs that cost more than linear time or memory: repeats random slices of a
 * harness's inputs, and measures processor time and allocated bytes as the input grows.
 *
 * <p>Sizes grow fourfold until a run takes {@link #SHORT}, for one family of four {@link #LONG}, or
 * the input has {@link #MAX_SIZE}. If the cost grew by more than the exponent {@link #SUSPICIOUS},
 * the input grows on, and a finding has an exponent of more than {@link #SUPERLINEAR} at the end:
 * growth that a limit ends is none. Cost in the harness itself, or in the program with which it
 * compares, does not count.
 */
public final class Growth {
  private static final int MIN_SIZE = 256;
  private static final int MAX_SIZE = 1 << 20;
  private static final int FACTOR = 4;
  private static final long SHORT = 40_000_000;
  private static final long LONG = 400_000_000;
  private static final long MAX_NANOS = 2_000_000_000;
  private static final long MAX_BYTES = 8L << 30;

  /** The costs below which growth does not count. */
  private static final long MIN_NANOS = 30_000_000;

  private static final long MIN_BYTES = 64 << 20;

  /** The costs below which the last input of a family is not a finding. */
  private static final long REPORTED_NANOS = 150_000_000;

  private static final long REPORTED_BYTES = 256 << 20;
  private static final double SUSPICIOUS = 1.35;
  private static final double SUPERLINEAR = 1.5;
  private static final int RUNS = 3;

  private final Subject subject;
  private final Measurement measurement;
  private final Path findings;
  private final Set<String> known = new HashSet<>();
  private int families;
  private int found;

  /** The repetitions of the last run. */
  private int last;

  private Growth(Subject subject, Path findings) {
    this.subject = subject;
    this.measurement = new Measurement(subject.body());
    this.findings = findings;
  }

  /**
   * Searches for the given time, and prints the findings; the exit status is 1 if there are any.
   *
   * @param args the seconds, a seed, the directory of corpora, that of findings, and the name of a
   *     subject; without the name, prints the names of all subjects
   * @throws IOException if an input cannot be read or written
   */
  public static void main(String... args) throws IOException {
    if (args.length < 5) {
      Subject.all().forEach(subject -> System.out.println(subject.name()));
      return;
    }
    Subject subject =
        Subject.all().stream()
            .filter(each -> each.name().equals(args[4]))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("no subject " + args[4]));
    List<byte[]> inputs = new ArrayList<>(subject.seeds().get());
    Path corpus = Path.of(args[2], subject.name());
    if (Files.isDirectory(corpus)) {
      try (Stream<Path> files = Files.list(corpus)) {
        for (Path file : files.sorted().toList()) {
          inputs.add(Files.readAllBytes(file));
        }
      }
    }
    inputs.removeIf(input -> input.length == 0);
    var growth = new Growth(subject, Path.of(args[3], subject.name()));
    growth.search(inputs, new SplittableRandom(Long.parseLong(args[1])), Long.parseLong(args[0]));
    System.out.printf(
        "%-12s %8d families %4d findings%n", subject.name(), growth.families, growth.found);
    System.exit(growth.found > 0 ? 1 : 0);
  }

  private void search(List<byte[]> inputs, SplittableRandom random, long seconds)
      throws IOException {
    int seeds = subject.seeds().get().size();
    inputs.subList(0, seeds).forEach(measurement::run); // loads classes
    long end = System.nanoTime() + seconds * 1_000_000_000;
    while (System.nanoTime() < end) {
      int bound = random.nextBoolean() ? seeds : inputs.size();
      Family family = Family.random(inputs.get(random.nextInt(bound)), random);
      families++;
      try {
        int n = suspicious(family, random.nextInt(4) == 0 ? LONG : SHORT);
        if (n > 0) {
          check(family, n);
        }
      } catch (AssertionError | Measurement.Endless e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        String reason = cause.getClass().getName();
        if (known.add(reason + e.getMessage())) {
          report(family, last, reason + " " + e.getMessage() + " " + cause.getMessage());
        }
        if (e instanceof Measurement.Endless) {
          return;
        }
      }
    }
  }

  private Measurement.Cost run(Family family, int n) {
    last = n;
    return measurement.run(family.input(n));
  }

  /** Returns the repetitions at which the cost has grown too much, or 0. */
  private int suspicious(Family family, long enough) {
    Measurement.Cost before = null;
    for (int size = MIN_SIZE; size <= MAX_SIZE; size *= FACTOR) {
      int n = family.repetitions(size);
      if (n == 1) {
        continue;
      }
      Measurement.Cost cost = run(family, n);
      boolean isLast = cost.nanos() > enough || size * FACTOR > MAX_SIZE;
      if (isLast && before == null) {
        return cost.nanos() > enough ? n : 0;
      }
      if (before != null && isLarge(cost) && exponent(before, cost) > SUSPICIOUS) {
        return n;
      }
      if (isLast) {
        return 0;
      }
      before = cost;
    }
    return 0;
  }

  private static boolean isLarge(Measurement.Cost cost) {
    return cost.nanos() > MIN_NANOS || cost.bytes() > MIN_BYTES;
  }

  /** Returns the larger exponent of time and memory, if the input grew by {@link #FACTOR}. */
  private static double exponent(Measurement.Cost one, Measurement.Cost other) {
    double time = other.nanos() > MIN_NANOS ? exponent(one.nanos(), other.nanos()) : 0;
    double memory = other.bytes() > MIN_BYTES ? exponent(one.bytes(), other.bytes()) : 0;
    return Math.max(time, memory);
  }

  private static double exponent(long one, long other) {
    return Math.log((double) other / Math.max(1, one)) / Math.log(FACTOR);
  }

  /** Lets a suspicious family grow on, and reports it if its cost grows too much to the end. */
  private void check(Family family, int from) throws IOException {
    List<String> stack = measurement.hottest(family.input(from));
    if (stack.isEmpty() || !Subject.isProduct(stack.getFirst())) {
      return;
    }
    if (known.contains(stack.getFirst())) {
      return;
    }
    int n = from;
    Measurement.Cost cost = run(family, n);
    while (cost.nanos() < MAX_NANOS
        && cost.bytes() < MAX_BYTES
        && family.input(2 * n).length <= MAX_SIZE) {
      n *= 2;
      cost = run(family, n);
    }
    Measurement.Cost less = run(family, Math.max(1, n / FACTOR));
    for (int i = 1; i < RUNS; i++) {
      cost = cost.min(run(family, n));
      less = less.min(run(family, Math.max(1, n / FACTOR)));
    }
    if ((cost.nanos() > REPORTED_NANOS || cost.bytes() > REPORTED_BYTES)
        && exponent(less, cost) > SUPERLINEAR) {
      known.add(stack.getFirst());
      report(
          family,
          n,
          "exponent %.1f: %d bytes take %.2f s and allocate %d MB; %s"
              .formatted(
                  exponent(less, cost),
                  family.input(n).length,
                  cost.nanos() / 1e9,
                  cost.bytes() >> 20,
                  stack));
    }
  }

  private void report(Family family, int n, String reason) throws IOException {
    found++;
    byte[] input = family.input(n);
    Path file =
        Files.createDirectories(findings).resolve("growth-%08x".formatted(Arrays.hashCode(input)));
    Files.write(file, input);
    System.out.printf(
        "%-12s FINDING %s%n             %s%n             %s%n",
        subject.name(), file, family, reason);
  }
}
