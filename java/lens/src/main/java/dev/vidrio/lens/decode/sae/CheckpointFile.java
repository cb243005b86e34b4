package dev.vidrio.lens.decode.sae;

import dev.vidrio.lens.resolve.Preconditions;
import java.nio.file.Path;

/**
 * The file of a training's state, from which it continues if the file exists.
 *
 * @param path of a safetensors file
 * @param steps minimum number of steps between two checkpoints
 */
public record CheckpointFile(Path path, int steps) {
  public CheckpointFile {
    Preconditions.requirePositive("steps between checkpoints", steps);
  }
}
