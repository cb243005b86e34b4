package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Executors of each kind and number of workers, created when they are first used. */
final class Executors implements AutoCloseable {
  /** The kind that the others are compared with. */
  static final String REFERENCE = "scalar";

  private static final String VECTOR = "vector";

  private final Map<String, Executor> open = new HashMap<>();
  private final List<String> kinds = new ArrayList<>();

  Executors() {
    for (Isa isa : Isa.usableHere()) {
      kinds.add(isa.label() + " (native)");
    }
    kinds.add(REFERENCE);
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      kinds.add(VECTOR);
    }
  }

  /** Returns the kinds: the native instruction sets, then the Java executors. */
  List<String> kinds() {
    return kinds;
  }

  /** Returns whether a kind is native. */
  static boolean isNative(String kind) {
    return kind.endsWith(" (native)");
  }

  /** Returns the executor of a kind with a number of workers. */
  Executor of(String kind, int workers) {
    return open.computeIfAbsent(kind + " " + workers, key -> create(kind, workers));
  }

  /**
   * Returns an executor that allocates caches: those of native executors map pages, which costs
   * more than a small plan.
   */
  Executor memory() {
    return of(REFERENCE, 1);
  }

  private static Executor create(String kind, int workers) {
    return switch (kind) {
      case REFERENCE -> JavaExecutor.scalar(workers);
      case VECTOR -> JavaExecutor.vector(workers);
      default -> NativeExecutor.create(Isa.of(kind.substring(0, kind.indexOf(' '))), workers);
    };
  }

  @Override
  public void close() {
    open.values().forEach(Executor::close);
  }
}
