package dev.vidrio.lens.numeric;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class NesterovMomentumTest {
  /** PyTorch's SGD with momentum 0.9 and nesterov=True gives these parameters. */
  @Test
  void stepsEqualPyTorch() {
    float[][] gradients = {{0.5f, 1}, {-0.25f, 4}, {1, -2}};
    float[][] expected = {{0.9525f, -2.095f}, {0.956f, -2.5155f}, {0.8529f, -2.52395f}};
    float[][] parameters = {{1, -2}};
    var descent = new NesterovMomentum(parameters);
    for (int step = 0; step < gradients.length; step++) {
      descent.step(0.1, 0.5, 0, parameters[0], gradients[step]);
      assertArrayEquals(expected[step], parameters[0], 1e-6f);
    }
  }
}
