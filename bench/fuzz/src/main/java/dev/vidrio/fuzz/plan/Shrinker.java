package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Makes the case of a finding smaller as long as the same run still differs. */
final class Shrinker {
  /** Runs of a candidate with several workers: a difference may depend on the workers' speeds. */
  private static final int ATTEMPTS = 5;

  private final Differential differential;
  private Differential.Finding smallest;

  private Shrinker(Differential differential, Differential.Finding finding) {
    this.differential = differential;
    this.smallest = finding;
  }

  /** Returns the smallest case found. */
  static Differential.Finding shrink(Differential differential, Differential.Finding finding) {
    var shrinker = new Shrinker(differential, finding);
    shrinker.accept(finding.example(), finding.setup().alone());
    boolean smaller;
    do {
      boolean steps = shrinker.removeSteps();
      boolean tokens = shrinker.removeTokens();
      boolean ops = shrinker.removeOps();
      smaller = steps || tokens || ops;
    } while (smaller);
    return shrinker.smallest;
  }

  /** Takes over a case if it still differs. */
  private boolean accept(PlanCase example, Setup setup) {
    for (int i = 0; i < (setup.workers() == 1 ? 1 : ATTEMPTS); i++) {
      String difference = differential.difference(example, setup);
      if (difference != null) {
        smallest = new Differential.Finding(example, setup, difference);
        return true;
      }
    }
    return false;
  }

  private boolean removeSteps() {
    boolean smaller = false;
    for (int i = smallest.example().steps().size() - 1; i >= 0; i--) {
      List<List<PlanCase.Token>> fewer = new ArrayList<>(smallest.example().steps());
      fewer.remove(i);
      smaller |= !fewer.isEmpty() && accept(smallest.example().withSteps(fewer), smallest.setup());
    }
    return smaller;
  }

  private boolean removeTokens() {
    boolean smaller = false;
    for (int i = 0; i < smallest.example().steps().size(); i++) {
      for (int t = smallest.example().steps().get(i).size() - 1; t >= 0; t--) {
        List<List<PlanCase.Token>> fewer = new ArrayList<>(smallest.example().steps());
        List<PlanCase.Token> step = new ArrayList<>(fewer.get(i));
        step.remove(t);
        fewer.set(i, step);
        smaller |= !step.isEmpty() && accept(smallest.example().withSteps(fewer), smallest.setup());
      }
    }
    return smaller;
  }

  /** Removes operations with all that depend on them, or replaces them by sources. */
  private boolean removeOps() {
    int pass = smallest.setup().pass();
    if (pass >= 0 && smallest.example().equivalents().get(pass).pass() == null) {
      return false; // nothing makes the equivalent of a smaller plan
    }
    boolean smaller = false;
    for (int i = smallest.example().plan().ops().size() - 1; i >= 0; i--) {
      List<Op> ops = smallest.example().plan().ops();
      if (i < ops.size()) {
        smaller |= accept(without(ops, i)) || (!isSource(ops.get(i)) && accept(constant(ops, i)));
      }
    }
    return smaller;
  }

  private static boolean isSource(Op op) {
    return op.reads().isEmpty() || op instanceof Op.Quantize || op instanceof Op.Gather;
  }

  private boolean accept(List<Op> ops) {
    Set<Buffer> outputs = new HashSet<>();
    for (Op op : ops) {
      for (Operand y : op.writes()) {
        if (y instanceof Buffer buffer
            && (smallest.example().plan().outputs().contains(buffer) || op.equals(ops.getLast()))) {
          outputs.add(buffer);
        }
      }
    }
    if (ops.isEmpty()) {
      return false;
    }
    try {
      Plan plan = new Plan(ops, smallest.example().plan().kv(), outputs);
      return accept(smallest.example().withPlan(plan), smallest.setup());
    } catch (IllegalArgumentException e) {
      return false; // a pass does not support the smaller plan
    }
  }

  private static List<Op> without(List<Op> ops, int removed) {
    Set<Operand> missing = new HashSet<>(ops.get(removed).writes());
    List<Op> rest = new ArrayList<>(ops.subList(0, removed));
    for (Op op : ops.subList(removed + 1, ops.size())) {
      if (op.reads().stream().anyMatch(missing::contains)) {
        missing.addAll(op.writes());
      } else {
        rest.add(op);
      }
    }
    return rest;
  }

  private List<Op> constant(List<Op> ops, int replaced) {
    List<Op> others = new ArrayList<>(ops.subList(0, replaced));
    for (Operand y : ops.get(replaced).writes()) {
      others.addAll(Sources.of(y, smallest.example().limits(), 0));
    }
    others.addAll(ops.subList(replaced + 1, ops.size()));
    return others;
  }
}
