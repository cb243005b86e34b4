package dev.vidrio.lens.attribute;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import org.junit.jupiter.api.Test;

/**
 * CP-LRP gives the scores of decomposed token vectors, as of DecompX (Modarressi et al. 2023, arXiv
 * 2306.02873): every stream is a sum of one vector per token, which the layers pass on with fixed
 * patterns, divisors of norms, gates and slopes of activations. Here they are propagated forwards,
 * by the weights of the file.
 */
class DecomposedVectorsTest {
  private static final int[] TOKENS = {0, 120, 44, 700, 31, 8};
  private static final int N = TOKENS.length;

  private final Model model = Model.open(BardFiles.f32());

  private double[][] matrix(String name) {
    var tensor = model.gguf().tensor(name);
    float[] data = tensor.data().toArray(JAVA_FLOAT);
    int columns = Math.toIntExact(tensor.shape().getFirst());
    var rows = new double[data.length / columns][columns];
    for (int i = 0; i < data.length; i++) {
      rows[i / columns][i % columns] = data[i];
    }
    return rows;
  }

  private static double[] product(double[][] matrix, double[] x) {
    var y = new double[matrix.length];
    for (int i = 0; i < y.length; i++) {
      for (int j = 0; j < x.length; j++) {
        y[i] += matrix[i][j] * x[j];
      }
    }
    return y;
  }

  private static double[] normed(double[] x, double[] gain, double scale) {
    var y = new double[x.length];
    for (int e = 0; e < y.length; e++) {
      y[e] = x[e] * gain[e] / scale;
    }
    return y;
  }

  private static void add(double[] x, double factor, double[] sum) {
    for (int e = 0; e < sum.length; e++) {
      sum[e] += factor * x[e];
    }
  }

  /** Propagates the vectors [token i][source j][d] through a layer. */
  private void layer(ActivationCache cache, int l, double[][][] x) {
    String block = "blk." + l + ".";
    double[] gain = matrix(block + "attn_norm.weight")[0];
    Activation scale = cache.get(HookSite.LN1_SCALE, l);
    Activation pattern = cache.get(HookSite.PATTERN, l);
    double[][] values = matrix(block + "attn_v.weight");
    double[][] output = matrix(block + "attn_output.weight");
    int heads = 8;
    int width = 256 / heads;
    var added = new double[N][N][];
    for (int j = 0; j < N; j++) {
      var v = new double[N][];
      for (int s = 0; s < N; s++) {
        v[s] = product(values, normed(x[s][j], gain, scale.at(s, 0)));
      }
      for (int i = 0; i < N; i++) {
        var z = new double[256];
        for (int e = 0; e < z.length; e++) {
          for (int s = 0; s <= i; s++) {
            // Two query heads share a head of values.
            z[e] += pattern.at(e / width, i, s) * v[s][e / width / 2 * width + e % width];
          }
        }
        added[i][j] = product(output, z);
      }
    }
    double[] second = matrix(block + "ffn_norm.weight")[0];
    Activation divisor = cache.get(HookSite.LN2_SCALE, l);
    double[][] ups = matrix(block + "ffn_up.weight");
    double[][] down = matrix(block + "ffn_down.weight");
    for (int i = 0; i < N; i++) {
      float[] g = cache.get(HookSite.PRE, l).row(i);
      for (int j = 0; j < N; j++) {
        add(added[i][j], 1, x[i][j]);
        double[] n = normed(x[i][j], second, divisor.at(i, 0));
        double[] post = product(ups, n);
        for (int e = 0; e < post.length; e++) {
          post[e] *= g[e] / (1 + Math.exp(-g[e])); // the gate, a constant: silu(g)
        }
        add(product(down, post), 1, x[i][j]);
      }
    }
  }

  @Test
  void relevanceIsThatOfDecomposedVectors() {
    try (model) {
      Lens lens = Lens.of(model);
      double[][] embedding = matrix("token_embd.weight");
      var x = new double[N][N][256];
      for (int i = 0; i < N; i++) {
        x[i][i] = embedding[TOKENS[i]].clone();
      }
      double scale;
      try (ActivationCache cache = lens.run(TOKENS, Capture.of("*"))) {
        for (int l = 0; l < 4; l++) {
          layer(cache, l, x);
        }
        scale = cache.get(HookSite.LN_FINAL_SCALE).at(N - 1, 0);
      }
      int token = 77;
      InputAttribution relevance =
          GradientAttribution.relevance(lens, TOKENS, Metric.logit(token), GradientRules.CP_LRP);
      double[] gain = matrix("output_norm.weight")[0];
      double sum = 0;
      for (int j = 0; j < N; j++) {
        double[] read = normed(x[N - 1][j], gain, scale);
        double score = product(new double[][] {embedding[token]}, read)[0];
        assertEquals(score, relevance.scores().get(j), 1e-4, "token " + j);
        sum += score;
      }
      assertEquals(relevance.value(), sum, 1e-4);
    }
  }
}
