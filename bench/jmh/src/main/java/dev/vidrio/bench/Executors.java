package dev.vidrio.bench;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import java.util.List;
import java.util.stream.Stream;

/** The executors by the names that the parameter {@code executor} takes. */
final class Executors {
  private static final String NATIVE = "native-";

  private Executors() {}

  /** All of them: native code by instruction set, the Vector API, plain Java. */
  static List<String> names() {
    return Stream.concat(
            Stream.of(Isa.values()).map(isa -> NATIVE + isa.label()), Stream.of("vector", "scalar"))
        .toList();
  }

  /** Those that this machine can run. */
  static List<String> usable() {
    List<String> natives = Isa.usableHere().stream().map(isa -> NATIVE + isa.label()).toList();
    return names().stream()
        .filter(name -> !name.startsWith(NATIVE) || natives.contains(name))
        .toList();
  }

  /**
   * Starts an executor.
   *
   * @throws IllegalArgumentException when there is none of this name, or this machine cannot run it
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
              "executor " + name + " is none of " + String.join(", ", names()));
    };
  }
}
