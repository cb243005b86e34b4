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

  private static final int MAX_WORKERS = 16;

  /** Returns a setup of every executor, and one for each pass. */
  static List<Setup> all(List<String> kinds, PlanCase example, boolean withVector) {
    var random = new SplittableRandom(~example.seed());
    List<Setup> setups = new ArrayList<>();
    for (String kind : kinds) {
      if (Executors.isNative(kind)) {
        setups.add(draw(kind, random, -1));
      } else if (kind.equals(Executors.REFERENCE) || withVector) {
        setups.add(new Setup(kind, workers(random), false, 1, Layouts.PACKED, -1));
      }
    }
    for (int i = 0; i < example.equivalents().size(); i++) {
      setups.add(draw(kinds.get(random.nextInt(kinds.size() - 2)), random, i));
    }
    return setups;
  }

  private static Setup draw(String kind, SplittableRandom random, int pass) {
    int parts = random.nextInt(6) == 0 ? 2 : 1;
    Layouts layout = LAYOUTS.get(random.nextInt(LAYOUTS.size()));
    return new Setup(kind, workers(random), random.nextInt(3) > 0, parts, layout, pass);
  }

  /** Returns mostly few workers, since others may wait long for a processor. */
  private static int workers(SplittableRandom random) {
    int[] most = {1, 1, 1, 1, 2, 2, 2, 4, 4, MAX_WORKERS};
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
