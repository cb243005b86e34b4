package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import org.junit.jupiter.api.Test;

/** The end of a model backward, by finite differences on the model of floats. */
class UnembeddingGradientTest {
  private static final int TOKEN = 77;

  @Test
  void equalsLogitDerivative() {
    try (Model model = Model.open(BardFiles.f32());
        UnembeddingGradient unembedding = UnembeddingGradient.of(model)) {
      var x = new float[300][256];
      for (int i = 0; i < x.length; i++) {
        for (int j = 0; j < 256; j++) {
          x[i][j] = (float) Math.sin(1 + i * 0.7 + j * 1.3);
        }
      }
      var logits = new double[x.length];
      float[][] gradients =
          unembedding.of(
              x,
              (row, values, gradient) -> {
                logits[row] = values.getAtIndex(JAVA_FLOAT, TOKEN);
                gradient.setAtIndex(JAVA_FLOAT, TOKEN, 1);
              });
      float step = 1e-2f;
      for (int row : new int[] {0, 299}) {
        for (int j = 0; j < 256; j += 37) {
          float[][] moved = {x[row].clone(), x[row].clone()};
          moved[0][j] += step;
          moved[1][j] -= step;
          var around = new double[2];
          unembedding.of(
              moved, (i, values, gradient) -> around[i] = values.getAtIndex(JAVA_FLOAT, TOKEN));
          assertEquals((around[0] - around[1]) / (2 * step), gradients[row][j], 1e-3);
        }
      }
    }
  }
}
