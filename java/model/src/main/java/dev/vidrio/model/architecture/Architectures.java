package dev.vidrio.model.architecture;

import dev.vidrio.kernel.Executor;
import dev.vidrio.model.UnsupportedModelException;
import dev.vidrio.model.gguf.Gguf;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.DoubleConsumer;

/** The architectures that this version runs, by their names in model files. */
public final class Architectures {
  private Architectures() {}

  /** Their names. */
  public static List<String> names() {
    return List.of(Llama.NAME);
  }

  /**
   * Checks a model file's keys and tensors and brings its weights into the executor's memory.
   *
   * @param progress receives the fraction done, from 0 to 1
   * @throws UnsupportedModelException when the file needs what this version does not have
   * @throws dev.vidrio.model.ModelFileException when the file contradicts itself
   */
  public static Architecture load(
      Gguf gguf, Executor executor, Arena arena, DoubleConsumer progress) {
    String name = gguf.metadata().string("general.architecture");
    return switch (name) {
      case Llama.NAME -> Llama.load(gguf, executor, arena, progress);
      default ->
          throw new UnsupportedModelException(
              gguf.name(),
              "architecture '" + name + "'",
              "supported: " + String.join(", ", names()));
    };
  }
}
