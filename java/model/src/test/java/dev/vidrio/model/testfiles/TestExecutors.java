package dev.vidrio.model.testfiles;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * The executors on which tests compare the bits of whole models.
 *
 * <p>These are the kernels of the best instruction set and the scalar Java kernels, with the
 * profile "full" also those of the least instruction set, and with "exhaustive" those of every
 * instruction set and of the Vector API. Otherwise kernels are tested only in their own modules, on
 * single operations and random plans: compiling those of the Vector API takes longer than the tests
 * of all models.
 */
public final class TestExecutors {
  private static final boolean FULL = Boolean.getBoolean("vidrio.test.full");

  private static final boolean EXHAUSTIVE = Boolean.getBoolean("vidrio.test.exhaustive");

  private TestExecutors() {}

  /**
   * Returns the instruction sets: the best, with the profile "full" also the least one after plain
   * C, or all usable ones with the profile "exhaustive".
   */
  public static List<Isa> instructionSets() {
    if (EXHAUSTIVE) {
      return Isa.usableHere();
    }
    Stream<Isa> least = Isa.usableHere().stream().filter(isa -> isa != Isa.SCALAR);
    return Stream.concat(least.limit(FULL ? 1 : 0), Stream.of(Isa.pick())).distinct().toList();
  }

  /** Returns whether the Vector API is tested on whole models: with the profile "exhaustive". */
  public static boolean testVectors() {
    return EXHAUSTIVE;
  }

  /**
   * Returns a supplier of each executor.
   *
   * @param workers the number of worker threads of each
   */
  public static Stream<Supplier<Executor>> all(int workers) {
    Stream<Supplier<Executor>> natives =
        instructionSets().stream().map(isa -> () -> NativeExecutor.create(isa, workers));
    return Stream.concat(natives, java(workers));
  }

  private static Stream<Supplier<Executor>> java(int workers) {
    Supplier<Executor> scalar = () -> JavaExecutor.scalar(workers);
    return testVectors()
        ? Stream.of(scalar, () -> JavaExecutor.vector(workers))
        : Stream.of(scalar);
  }
}
