package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.decode.ScalarFeature;
import dev.vidrio.lens.decode.sae.Autoencoder.Reconstruction;
import dev.vidrio.lens.decode.sae.index.FeatureIndexer;
import dev.vidrio.lens.decode.sae.index.IndexOptions;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Temporal autoencoders against SAELens, and of texts of the embedded model. */
class TemporalAutoencoderTest extends BardTest {
  private static final HookPoint POINT = new HookPoint(HookSite.RESID_POST, 1);
  private static final String TEXT = "The king is dead, long live the king. What, shall we go in?";

  @TempDir Path directory;

  private static TemporalAutoencoder load(String name) {
    return TemporalAutoencoder.load(model.executor(), DictionaryFixtures.path(name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"temporal", "temporal-untied"})
  void matchesSaeLens(String name) throws IOException {
    SafetensorsFile expected =
        SafetensorsFile.read(DictionaryFixtures.path(name).resolve("expected.safetensors"));
    float[][] features = expected.rows("features");
    try (TemporalAutoencoder autoencoder = load(name)) {
      Reconstruction found = autoencoder.reconstruct(expected.rows("x"));
      assertEquals(features.length, found.outputs().size());
      for (int i = 0; i < features.length; i++) {
        assertArrayEquals(features[i], dense(found.features().get(i), 40), 1e-5f);
        assertEquals(Features.of(features[i]).count(), found.features().get(i).count());
        assertArrayEquals(expected.rows("output")[i], found.outputs().get(i), 1e-4f);
      }
    }
  }

  private static float[] dense(Features features, int count) {
    var dense = new float[count];
    for (int i = 0; i < features.count(); i++) {
      dense[features.id(i)] = features.value(i);
    }
    return dense;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 63, 64, 65})
  void laterTokensChangeNothing(int count) throws IOException {
    Path files = DictionaryFixtures.path("temporal");
    float[][] x = SafetensorsFile.read(files.resolve("expected.safetensors")).rows("x");
    try (TemporalAutoencoder autoencoder = load("temporal")) {
      List<Features> all = autoencoder.encode(x);
      List<Features> first = autoencoder.encode(Arrays.copyOf(x, count));
      assertEquals(count, first.size());
      for (int i = 0; i < count; i++) {
        assertArrayEquals(dense(all.get(i), 40), dense(first.get(i), 40));
      }
      assertThrows(InvalidInputException.class, () -> autoencoder.encode(new float[1][11]));
    }
  }

  /** Writes one of random weights for the embedded model, with 64 features. */
  private void writeForBard() throws IOException {
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put("W_dec", List.of(64L, 256L));
    shapes.put("b_dec", List.of(256L));
    for (String linear : List.of("k_ctx", "q_target", "v_ctx", "c_proj")) {
      long n = linear.equals("k_ctx") || linear.equals("q_target") ? 8 : 64;
      shapes.put("attn_layers.0." + linear + ".weight", List.of(n, 64L));
      shapes.put("attn_layers.0." + linear + ".bias", List.of(n));
    }
    List<Entry> entries =
        shapes.entrySet().stream()
            .map(tensor -> new Entry(tensor.getKey(), Dtype.F32, tensor.getValue()))
            .toList();
    var random = new Random(3);
    try (var writer =
        SafetensorsWriter.create(directory.resolve("sae_weights.safetensors"), entries, Map.of())) {
      for (var tensor : shapes.entrySet()) {
        long count = tensor.getValue().stream().reduce(1L, (a, b) -> a * b);
        var values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) random.nextGaussian() / 8;
        }
        writer.write(tensor.getKey(), values);
      }
      writer.finish();
    }
    Files.writeString(
        directory.resolve("cfg.json"),
        """
        {"architecture": "temporal", "d_in": 256, "d_sae": 64, "n_heads": 2, "kval_topk": 6,
         "bottleneck_factor": 8, "metadata": {"hook_name": "%s"}}\
        """
            .formatted(POINT));
  }

  /** Evaluation, index and examples read a text from its first token. */
  @Test
  void readsTextsOfModel() throws IOException {
    writeForBard();
    int[] tokens = model.tokenizer().encode(TEXT);
    try (var autoencoder = TemporalAutoencoder.load(model.executor(), directory);
        ActivationCache cache = lens.run(tokens, Capture.of(POINT + ",unembed.hook_out"))) {
      Reconstruction found = autoencoder.reconstruct(cache.get(POINT).rows());
      int last = tokens.length - 1;
      Features features = found.features().get(last);
      int feature = features.id(0);
      assertEquals(
          features.value(0),
          ScalarFeature.Feature.of(lens, autoencoder, feature).values(cache)[last]);

      SaeEvaluation evaluation = SaeEvaluation.of(lens, autoencoder, List.of(tokens));
      assertEquals(SaeEvaluation.loss(cache) / last, evaluation.loss(), 1e-9);
      assertEquals(splicedLoss(tokens, found.outputs()) / last, evaluation.splicedLoss(), 1e-9);
      long active = found.features().stream().skip(1).mapToLong(Features::count).sum();
      assertEquals(active / (double) last, evaluation.l0(), 1e-9);

      var indexer = new FeatureIndexer(lens, Map.of("temporal", autoencoder), IndexOptions.DEFAULT);
      indexer.add(tokens);
      var densities = new double[64];
      indexer.indexes().getFirst().records(r -> densities[r.feature()] = r.density());
      for (int f = 0; f < 64; f++) {
        assertEquals(evaluation.density().get(f), densities[f], 1e-9);
      }
    }
  }

  private static double splicedLoss(int[] tokens, List<float[]> found) {
    var outputs = new float[tokens.length * 256];
    for (int i = 0; i < tokens.length; i++) {
      System.arraycopy(found.get(i), 0, outputs, i * 256, 256);
    }
    Intervention splice = Intervention.set(POINT, outputs).positions(0, tokens.length);
    try (ActivationCache cache =
        lens.run(tokens, Capture.of("unembed.hook_out"), List.of(splice))) {
      return SaeEvaluation.loss(cache);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"n_heads\": 2 | \"n_heads\": 3 | must be a multiple of bottleneck_factor 4 times n_heads 3",
        "\"n_attn_layers\": 1 | \"n_attn_layers\": 2 | tensor 'attn_layers.1.k_ctx.bias': is missing",
        "\"n_attn_layers\": 1 | \"n_attn_layers\": 0 | key 'n_attn_layers' 0: must be an integer from 1",
        "\"topk\" | \"jumprelu\" | supported: relu, topk",
        "3.5 | -1 | key 'activation_normalization_factor' -1.0: must be above 0",
        "\"tied_weights\": true | \"tied_weights\": false | tensor 'W_enc': is missing",
        "constant_scalar_rescale | expected_average_only_in | folds others",
        "\"bottleneck_factor\": 4 | \"bottleneck_factor\": 2 | must be [20]",
      })
  void reportsInvalidFiles(String from, String to, String expected) throws IOException {
    DictionaryFixtures.copy("temporal", directory);
    DictionaryFixtures.replace(directory.resolve("cfg.json"), from, to);
    var e = assertThrows(RuntimeException.class, this::loadCopy);
    assertTrue(e instanceof ModelFileException || e instanceof UnsupportedModelException);
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }

  private void loadCopy() {
    TemporalAutoencoder.load(model.executor(), directory).close();
  }

  @Test
  void rejectsUnknownTensors() throws IOException {
    DictionaryFixtures.copy("temporal-untied", directory);
    Path config = directory.resolve("cfg.json");
    DictionaryFixtures.replace(config, "\"n_attn_layers\": 2", "\"n_attn_layers\": 1");
    DictionaryFixtures.replace(config, "\"tied_weights\": false", "\"tied_weights\": true");
    var e = assertThrows(UnsupportedModelException.class, this::loadCopy);
    assertTrue(String.valueOf(e.getMessage()).contains("autoencoder of this kind"), e.getMessage());
  }

  /** Each operation on the files fails once. */
  @Test
  void reportsFailedOperations() throws IOException {
    DictionaryFixtures.copy("temporal", directory);
    var files = new FaultyFileSystem();
    int operations =
        files.failEach(
            () -> {},
            () -> TemporalAutoencoder.load(model.executor(), files.path(directory)).close(),
            e -> FaultyFileSystem.assertNamesFileAndReason(directory, e),
            () -> assertFalse(files.hasMappedMemory()));
    assertTrue(operations > 4, () -> operations + " operations");
  }
}
