package dev.vidrio.bench;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import java.util.List;
import java.util.stream.Stream;

/** The executors by name, for the parameter {@code executor}. */
final class Executors {
  private static final String NATIVE = "native-";

  private Executors() {}

  /** Returns all names: native instruction sets, {@code vector}, {@code scalar}. */
  static List<String> names() {
    return Stream.concat(
            Stream.of(Isa.values()).map(isa -> NATIVE + isa.label()), Stream.of("vector", "scalar"))
        .toList();
  }

  /** Returns the names of the executors that this machine supports. */
  static List<String> usable() {
    List<String> natives = Isa.usableHere().stream().map(isa -> NATIVE + isa.label()).toList();
    return names().stream()
        .filter(name -> !name.startsWith(NATIVE) || natives.contains(name))
        .toList();
  }

  /**
   * Creates an executor.
   *
   * @throws IllegalArgumentException if the name is unknown, or this machine does not support it
   */
  static Executor create(String name, int threads) {
    if (name.startsWith(NATIVE)) {
      return NativeExecutor.create(Isa.of(name.substring(NATIVE.length())), threads);
    }
    return switch (name) {
      case "vector" -> JavaExecutor.vector(threads);
      case "scalar" -> JavaExecutor.scalar(threads);
      default ->
          throw new IllegalArgumentException(
              "executor " + name + " not found; available: " + String.join(", ", names()));
    };
  }
}
