package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Sparse autoencoders and transcoders against SAELens, and in the middle of a pass. */
class SparseAutoencoderTest extends BardTest {
  /** Tolerance of values of magnitude 1 to 10: sums of f32 in another order. */
  private static final float TOLERANCE = 1e-4f;

  private static final int[] TOKENS = {11, 48, 85, 122, 159, 196, 233, 270, 307, 344};

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "standard",
        "standard-layer-norm",
        "topk",
        "topk-rescaled",
        "abstopk",
        "matching-pursuit",
        "jumprelu",
        "gated",
        "transcoder",
        "skip-transcoder",
        "jumprelu-transcoder"
      })
  void matchesSaeLens(String name) throws IOException {
    SafetensorsFile expected =
        SafetensorsFile.read(DictionaryFixtures.path(name).resolve("expected.safetensors"));
    try (SparseAutoencoder autoencoder =
        SparseAutoencoder.load(model.executor(), DictionaryFixtures.path(name))) {
      assertDoes(expected, autoencoder);
      // A written autoencoder is read back unchanged, including its names.
      autoencoder.save(directory, "test");
      SafetensorsFile written = SafetensorsFile.read(directory.resolve("sae_weights.safetensors"));
      SafetensorsFile original =
          SafetensorsFile.read(DictionaryFixtures.path(name).resolve("sae_weights.safetensors"));
      assertEquals(original.names(), written.names());
      for (String tensor : original.names()) {
        assertArrayEquals(original.floats(tensor), written.floats(tensor));
        assertEquals(original.shape(tensor), written.shape(tensor));
      }
      try (SparseAutoencoder again = SparseAutoencoder.load(model.executor(), directory)) {
        assertEquals(autoencoder.config(), again.config());
      }
    }
  }

  static void assertDoes(SafetensorsFile expected, SparseAutoencoder autoencoder) {
    float[][] x = expected.rows("x");
    List<Features> features = autoencoder.encode(x);
    for (int i = 0; i < x.length; i++) {
      float[] row = expected.rows("features")[i];
      var own = new float[row.length];
      for (int f = 0; f < row.length; f++) {
        own[f] = features.get(i).of(f);
      }
      assertArrayEquals(row, own, TOLERANCE);
      assertEquals(Features.of(row).count(), features.get(i).count());
      assertArrayEquals(
          expected.rows("output")[i], autoencoder.decode(features.get(i), x[i]), TOLERANCE);
    }
  }

  /** One in the middle of its training does what SAELens saves of it for inference. */
  @Test
  void batchTopKMatchesSaeLens() throws IOException {
    Path files = DictionaryFixtures.path("batchtopk");
    SafetensorsFile expected = SafetensorsFile.read(files.resolve("expected.safetensors"));
    try (SparseAutoencoder autoencoder = SparseAutoencoder.load(model.executor(), files)) {
      assertDoes(expected, autoencoder);
      autoencoder.save(directory, "test");
    }
    try (SparseAutoencoder saved = SparseAutoencoder.load(model.executor(), directory)) {
      assertEquals(SaeConfig.Activation.JUMPRELU, saved.config().activation());
      assertDoes(expected, saved);
    }
  }

  @Test
  void writesAtomically() throws IOException {
    try (SparseAutoencoder autoencoder =
        SparseAutoencoder.load(model.executor(), DictionaryFixtures.path("topk"))) {
      Path made = directory.resolve("a/b");
      autoencoder.save(made, "test");
      assertEquals(List.of("cfg.json", "sae_weights.safetensors"), names(made));
      // The configuration cannot be written, so there are no weights either.
      Path taken = directory.resolve("taken");
      Files.createDirectories(taken.resolve("cfg.json"));
      assertThrows(IOException.class, () -> autoencoder.save(taken, "test"));
      assertEquals(List.of("cfg.json"), names(taken));
    }
  }

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  /** An autoencoder of the embedded model's residual stream, not a good one. */
  private static SparseAutoencoder trained() {
    HookPoint point = new HookPoint(HookSite.RESID_POST, 1);
    int[] tokens = new int[300];
    Arrays.setAll(tokens, i -> (i * 37 + 11) % 2048);
    try (ActivationCache cache = lens.run(tokens, Capture.of(point.name()))) {
      var rows = new float[cache.rows()][];
      for (int i = 0; i < rows.length; i++) {
        rows[i] = cache.get(point).row(i);
      }
      try (var trainer =
          new SaeTrainer(
              model.executor(),
              rows,
              new SaeOptions(300, new SaeKind.TopK(12), 0, 1, 1e-3, 256, 5, 100, 0, 1, 0))) {
        trainer.run(loss -> {});
        return trainer.result(model.executor(), point.name());
      }
    }
  }

  @Test
  void spliceWithErrorTermChangesNoBit() {
    Capture all = Capture.of("*.hook_resid_post,unembed.hook_out");
    try (SparseAutoencoder autoencoder = trained();
        ActivationCache plain = lens.run(TOKENS, all);
        ActivationCache spliced =
            lens.run(
                TOKENS,
                all,
                SaeSplice.of(lens, autoencoder, true, UnaryOperator.identity()).hooks())) {
      for (HookPoint point : plain.points()) {
        assertArrayEquals(plain.get(point).toArray(), spliced.get(point).toArray());
      }
    }
  }

  /** An ablated feature takes its direction along, and without error term only that is left. */
  @Test
  void featuresAreAblatedAndSteered() {
    HookPoint point = new HookPoint(HookSite.RESID_POST, 1);
    Capture capture = Capture.of(point.name());
    try (SparseAutoencoder autoencoder = trained();
        ActivationCache plain = lens.run(TOKENS, capture)) {
      float[] row = plain.get(point).row(4);
      Features features = autoencoder.encode(row);
      int feature = features.id(3);
      float[] direction = autoencoder.direction(feature);
      try (ActivationCache ablated =
              lens.run(
                  TOKENS,
                  capture,
                  SaeSplice.of(lens, autoencoder, true, f -> f.with(feature, 0)).hooks());
          ActivationCache alone =
              lens.run(
                  TOKENS,
                  capture,
                  SaeSplice.of(lens, autoencoder, false, f -> f.with(feature, 2)).hooks())) {
        float[] steered = autoencoder.decode(features.with(feature, 2), row);
        for (int j = 0; j < row.length; j++) {
          assertEquals(
              row[j] - features.of(feature) * direction[j], ablated.get(point).at(4, j), 1e-5);
          assertEquals(steered[j], alone.get(point).at(4, j));
        }
      }
    }
  }

  /** A transcoder that replaces a feed-forward block; its error term is that of the block. */
  @ParameterizedTest
  @EnumSource(names = {"RESID_MID", "LN2_NORMALIZED"})
  void transcoderReadsAtOnePointAndWritesAtAnother(HookSite site) {
    HookPoint mid = new HookPoint(site, 2);
    HookPoint out = new HookPoint(HookSite.MLP_OUT, 2);
    var config =
        new SaeConfig(
            SaeConfig.Activation.RELU,
            true,
            false,
            256,
            3,
            256,
            0,
            null,
            false,
            SaeConfig.Normalization.NONE,
            false,
            mid.name(),
            out.name());
    var weights =
        new SaeWeights(
            new float[3][256],
            new float[3][256],
            Map.of("b_enc", new float[] {1, -1, 2}, "b_dec", new float[256]),
            null);
    weights.decoder[0][5] = 3;
    weights.decoder[2][6] = 0.5f;
    Arrays.fill(weights.encoder[0], 0.1f);
    weights.encoder[2][9] = 2;
    Capture logits = Capture.of("unembed.hook_out");
    try (var transcoder = new SparseAutoencoder(model.executor(), config, weights);
        ActivationCache plain = lens.run(TOKENS, Capture.of("unembed.hook_out," + mid));
        ActivationCache expected =
            lens.run(
                TOKENS,
                logits,
                List.of(
                    Intervention.set(out, outputs(transcoder, plain.get(mid)))
                        .positions(0, TOKENS.length)));
        ActivationCache actual =
            lens.run(
                TOKENS,
                logits,
                SaeSplice.of(lens, transcoder, false, UnaryOperator.identity()).hooks());
        ActivationCache withError =
            lens.run(
                TOKENS,
                logits,
                SaeSplice.of(lens, transcoder, true, UnaryOperator.identity()).hooks())) {
      assertArrayEquals(
          expected.get(HookSite.LOGITS).toArray(), actual.get(HookSite.LOGITS).toArray());
      assertArrayEquals(
          plain.get(HookSite.LOGITS).toArray(), withError.get(HookSite.LOGITS).toArray());
    }
  }

  /** Two features for each element, for what is above and below 0: nothing is lost. */
  private static SparseAutoencoder perfect(HookPoint point, float factor) {
    var weights =
        new SaeWeights(
            new float[512][256],
            new float[512][256],
            Map.of("b_enc", new float[512], "b_dec", new float[256]),
            null);
    for (int f = 0; f < 512; f++) {
      weights.encoder[f][f % 256] = f < 256 ? 1 : -1;
      weights.decoder[f][f % 256] = f < 256 ? factor : -factor;
    }
    return new SparseAutoencoder(
        model.executor(),
        SaeConfig.autoencoder(SaeConfig.Activation.RELU, 256, 512, 0, null, point.name()),
        weights);
  }

  /** Returns the output of a transcoder for all rows. */
  private static float[] outputs(SparseAutoencoder transcoder, Activation input) {
    int n = input.shape().getFirst();
    var outputs = new float[n * 256];
    for (int i = 0; i < n; i++) {
      float[] x = input.row(i);
      System.arraycopy(transcoder.decode(transcoder.encode(x), x), 0, outputs, i * 256, 256);
    }
    return outputs;
  }

  @Test
  void evaluatesPerfectAndEmptyAutoencoder() {
    HookPoint point = new HookPoint(HookSite.MLP_OUT, 2);
    int[] text = model.tokenizer().encode("To be, or not to be: that is the question");
    try (SparseAutoencoder perfect = perfect(point, 1);
        SparseAutoencoder empty = perfect(point, 0)) {
      SaeEvaluation all = SaeEvaluation.of(lens, perfect, List.of(text, text));
      assertEquals(2 * text.length - 2, all.tokens());
      assertEquals(256, all.l0());
      assertEquals(256, all.density().stream().mapToDouble(d -> d).sum(), 1e-9);
      assertEquals(0, all.unexplained());
      assertEquals(all.loss(), all.splicedLoss());
      assertEquals(1, all.lossRecovered());
      SaeEvaluation none = SaeEvaluation.of(lens, empty, List.of(text));
      assertEquals(none.ablatedLoss(), none.splicedLoss());
      assertEquals(0, none.lossRecovered());
      assertEquals(all.loss(), none.loss(), 1e-12);
      assertThrows(
          InvalidInputException.class, () -> SaeEvaluation.of(lens, perfect, List.of(new int[1])));
    }
  }

  /** Made for streams of 12 elements, or for none of this model's points. */
  @Test
  void rejectsOtherModels() {
    try (SparseAutoencoder narrow =
            SparseAutoencoder.load(model.executor(), DictionaryFixtures.path("standard"));
        SparseAutoencoder unnamed =
            SparseAutoencoder.load(model.executor(), DictionaryFixtures.path("batchtopk"))) {
      var splice = SaeSplice.of(lens, narrow, true, UnaryOperator.identity());
      assertThrows(
          InvalidInputException.class,
          () -> lens.run(TOKENS, Capture.NONE, splice.hooks()).close());
      assertThrows(
          InvalidInputException.class,
          () -> SaeSplice.of(lens, unnamed, true, UnaryOperator.identity()));
    }
  }

  @Test
  void featuresChangeOneAtATime() {
    Features features = Features.of(new float[] {0, 2, 0, 3});
    assertEquals(2, features.count());
    assertEquals(0, features.of(2));
    assertEquals(3, features.with(2, 5).count());
    assertEquals(5, features.with(2, 5).of(2));
    assertEquals(3, features.with(2, 5).of(3));
    assertEquals(7, features.with(1, 7).of(1));
    assertEquals(1, features.with(1, 0).count());
    assertEquals(2, features.with(0, 0).count());
  }
}
