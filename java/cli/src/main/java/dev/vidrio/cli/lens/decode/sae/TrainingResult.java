package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.decode.sae.TrainingProgress;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The result of a training.
 *
 * @param steps of the training
 * @param batch tokens per step
 * @param last the measurements of the last step; null if the checkpoint was complete
 * @param dead number of features that were not active for some time
 */
record TrainingResult(int steps, int batch, @Nullable TrainingProgress last, int dead) {
  /**
   * Prints the result.
   *
   * @param output the directory
   * @param kind of the features
   */
  void print(Path output, String kind, int features) {
    System.out.printf(
        "%s: %s of %d features, %d steps of %d tokens%n", output, kind, features, steps, batch);
    if (last == null) {
      System.out.println("the checkpoint was complete");
    } else {
      System.out.printf(
          "last step: squared error %.3f (relative), %.1f active per token (L0), %d dead"
              + " features%n",
          last.loss(), last.l0(), dead);
    }
  }

  void fill(JsonObject object) {
    object.put("steps", steps);
    if (last != null) {
      object.put("error", Json.finite(last.loss()));
      object.put("l0", last.l0());
    }
    object.put("dead", dead);
  }
}
