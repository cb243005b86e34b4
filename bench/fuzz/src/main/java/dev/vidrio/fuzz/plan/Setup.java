package dev.vidrio.fuzz.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A way to run a case that must give the bits of the reference.
 *
 * @param kind kind of the executor
 * @param workers number of workers
 * @param fused whether a native executor may fuse operations
 * @param parts divides each step into this many calls
 * @param layout layout of quantized weights
 * @param pass index of the pass that makes the plan, or -1
 */
record Setup(String kind, int workers, boolean fused, int parts, Layouts layout, int pass) {
  private static final List<Layouts> LAYOUTS = List.of(Layouts.values());

  private static final int FEW = 2;

  /** The number of runs for each that may have several workers. */
  private static final int ALONE = 6;

  private static final int MAX_WORKERS = 16;

  /** Returns a setup of every executor, and one for each pass. */
  static List<Setup> all(List<String> kinds, PlanCase example) {
    var random = new SplittableRandom(~example.seed());
    List<Setup> setups = new ArrayList<>();
    kinds.forEach(kind -> setups.add(draw(kind, random, -1)));
    addPasses(setups, kinds, example, random);
    return setups;
  }

  /** Returns setups of {@value #FEW} executors, drawn evenly, and one for each pass. */
  static List<Setup> few(List<String> kinds, PlanCase example) {
    var random = new SplittableRandom(~example.seed());
    List<String> rest = new ArrayList<>(kinds);
    List<Setup> setups = new ArrayList<>();
    for (int i = 0; i < FEW; i++) {
      setups.add(draw(rest.remove(random.nextInt(rest.size())), random, -1));
    }
    addPasses(setups, kinds, example, random);
    return setups;
  }

  private static void addPasses(
      List<Setup> setups, List<String> kinds, PlanCase example, SplittableRandom random) {
    List<String> natives = kinds.stream().filter(Executors::isNative).toList();
    for (int i = 0; i < example.equivalents().size(); i++) {
      setups.add(draw(natives.get(random.nextInt(natives.size())), random, i));
    }
  }

  private static Setup draw(String kind, SplittableRandom random, int pass) {
    if (!Executors.isNative(kind)) {
      return new Setup(kind, workers(random), false, 1, Layouts.PACKED, pass);
    }
    int parts = random.nextInt(6) == 0 ? 2 : 1;
    Layouts layout = LAYOUTS.get(random.nextInt(LAYOUTS.size()));
    return new Setup(kind, workers(random), random.nextInt(3) > 0, parts, layout, pass);
  }

  /** Returns mostly one worker, since others may wait long for a processor. */
  private static int workers(SplittableRandom random) {
    if (random.nextInt(ALONE) > 0) {
      return 1;
    }
    int[] most = {2, 2, 2, 2, 4, 4, 4, MAX_WORKERS};
    return 1 + random.nextInt(most[random.nextInt(most.length)]);
  }

  /** Returns this setup with one worker. */
  Setup alone() {
    return new Setup(kind, 1, fused, parts, layout, pass);
  }

  /** Describes the setup of a case. */
  String described(PlanCase example) {
    return kind
        + ", workers: "
        + workers
        + (Executors.isNative(kind) ? (fused ? ", fused" : ", not fused") : "")
        + (parts == 1 ? "" : ", each step in " + parts + " calls")
        + ", weights "
        + layout
        + (pass < 0 ? "" : ", after " + example.equivalents().get(pass).name());
  }
}
