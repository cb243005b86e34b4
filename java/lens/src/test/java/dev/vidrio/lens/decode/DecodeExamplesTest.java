package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.probe.ControlTask;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.decode.probe.LinearProbe;
import dev.vidrio.lens.decode.sae.DictionaryInputs;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.decode.sae.SaeKind;
import dev.vidrio.lens.decode.sae.SaeOptions;
import dev.vidrio.lens.decode.sae.SaeSplice;
import dev.vidrio.lens.decode.sae.SaeTraining;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.cross.ActivationSources;
import dev.vidrio.lens.decode.sae.cross.CrossOptions;
import dev.vidrio.lens.decode.sae.cross.CrossTraining;
import dev.vidrio.lens.decode.sae.cross.Crosscoder;
import dev.vidrio.lens.decode.sae.explain.ChatModel;
import dev.vidrio.lens.decode.sae.explain.ClassificationScore;
import dev.vidrio.lens.decode.sae.explain.ExplainOptions;
import dev.vidrio.lens.decode.sae.explain.FeatureExplainer;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.lens.decode.sae.index.FeatureIndex;
import dev.vidrio.lens.decode.sae.index.FeatureIndexer;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.IndexFile;
import dev.vidrio.lens.decode.sae.index.IndexOptions;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.LogitLens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of the Javadoc. */
class DecodeExamplesTest extends BardTest {
  @Test
  void probe() {
    List<int[]> texts =
        Stream.of("The king", "The queen", "A lord", "A lady", "My son", "My daughter")
            .map(model.tokenizer()::encode)
            .toList();
    int[] labels = {0, 1, 0, 1, 0, 1};
    Map<HookPoint, Double> accuracies = new HashMap<>();
    // @start region="probe"
    Map<HookPoint, Examples> examples =
        Examples.ofLastTokens(lens, "*.hook_resid_post", texts, labels, 2);
    for (HookPoint point : examples.keySet()) {
      Examples.Split split = examples.get(point).split(0.3, 0);
      ControlTask task = ControlTask.of(model.executor(), split, LinearProbe.Kind.LOGISTIC, 1, 0);
      accuracies.put(point, task.test());
    }
    // @end
    assertEquals(4, accuracies.size());
    assertTrue(examples.containsKey(new HookPoint(HookSite.RESID_POST, 3)));
  }

  @Test
  void tuned() {
    List<int[]> texts = List.of(model.tokenizer().encode("To be, or not to be"));
    int[] tokens = texts.getFirst();
    // @start region="tuned"
    try (var trainer =
        new TunedLensTrainer(lens, "*.hook_resid_post", TunedLensTrainer.RATE, texts.size())) {
      trainer.run(texts);
      LogitLens tuned =
          LogitLens.of(lens, tokens, Capture.of("*.hook_resid_post"), 5, trainer.tuned());
      // @end
      assertEquals(tokens.length, tuned.cells().getFirst().size());
    }
  }

  @Test
  void jacobian() {
    List<int[]> texts = List.of(model.tokenizer().encode("To be"));
    int[] tokens = model.tokenizer().encode("To be, or not to be");
    // @start region="jacobian"
    JacobianLens jacobian =
        JacobianLens.fit(lens, texts, "blocks.0.hook_resid_post", 0, done -> {});
    LogitLens read = LogitLens.of(lens, tokens, Capture.of("*.hook_resid_post"), 5, jacobian);
    // @end
    assertEquals(tokens.length, read.cells().getFirst().size());
  }

  @Test
  void patchscope() {
    // @start region="patchscope"
    int[] source = model.tokenizer().encode("Alas, poor Yorick! I knew him, Horatio");
    int[] target = model.tokenizer().encode(Patchscope.IDENTITY);
    HookPoint point = new HookPoint(HookSite.RESID_POST, 1);
    Patchscope scope = Patchscope.of(lens, source, 3, point);
    List<Integer> said = scope.read(lens, target, target.length - 1, point, 5);
    // @end
    assertEquals(5, said.size());
  }

  @Test
  void sae(@TempDir Path directory) throws IOException {
    int[] tokens = model.tokenizer().encode("To be, or not to be: that is the question");
    String hook = "blocks.1.hook_resid_post";
    List<int[]> chunks = List.of(tokens);
    SaeOptions options = new SaeOptions(64, new SaeKind.TopK(4), 0, 1, 1e-3, 8, 5, 5, 0, 16, 0);
    // @start region="sae-training"
    try (var training =
        SaeTraining.ofAutoencoder(
            lens, lens.point(hook), options, null, step -> System.out.println(step.loss()))) {
      while (!training.isDone()) {
        for (int[] chunk : chunks) {
          training.add(chunk);
        }
        training.endText();
      }
      try (SparseAutoencoder trained = training.result()) {
        trained.save(directory, "bard");
      }
    }
    // @end
    // @start region="sae"
    try (SparseAutoencoder sae = SparseAutoencoder.load(model.executor(), directory);
        ActivationCache cache = lens.run(tokens, Capture.of(sae.config().hookIn()))) {
      Features features = sae.encode(cache.get(sae.config().hookIn()).row(5));
      int first = features.id(0);
      // The model without this feature; all else, the autoencoder's error too, stays as it is.
      SaeSplice splice = SaeSplice.ofFeature(lens, sae, true, first, 0);
      lens.run(tokens, Capture.of("unembed.hook_out"), splice.hooks()).close();
    }
    // @end
  }

  @Test
  void crosscoder(@TempDir Path directory) throws IOException {
    int[] tokens = model.tokenizer().encode("To be, or not to be: that is the question");
    List<int[]> chunks = List.of(tokens);
    CrossOptions options = new CrossOptions(32, 4, 0, 1e-3, 8, 4, 100, 16, 0);
    // @start region="crosscoder"
    ActivationSources layers = ActivationSources.ofLayers(lens, lens.points("*.hook_resid_post"));
    try (var training =
        new CrossTraining(
            model.executor(), layers, options, null, step -> System.out.println(step.loss()))) {
      while (!training.isDone()) {
        for (int[] chunk : chunks) {
          training.add(chunk);
        }
        training.endText();
      }
      training.saveCrosscoder(directory);
    }
    try (Crosscoder crosscoder = Crosscoder.open(model.executor(), directory)) {
      Features features = crosscoder.features(layers, tokens).getLast();
      double[] norms = crosscoder.norms(features.id(0)); // of its part in each layer
      // @end
      assertEquals(4, norms.length);
    }
    // @start region="dictionary"
    try (DictionaryFile file = DictionaryFile.open(lens, directory)) {
      for (FeatureDictionary dictionary : file.dictionaries()) {
        DictionaryInputs inputs = DictionaryInputs.of(lens, dictionary);
        try (ActivationCache cache = lens.run(tokens, inputs.capture())) {
          List<Features> features = dictionary.encode(inputs.rows(cache));
          // @end
          assertEquals(tokens.length, features.size());
        }
      }
    }
  }

  @Test
  void index(@TempDir Path directory) throws IOException {
    Path files = Path.of("../../docs/lens/bard-transcoders/layer_1");
    int[] tokens = model.tokenizer().encode("The king is dead, long live the king! ".repeat(20));
    List<int[]> chunks = TextChunks.of(model, tokens, 64);
    Path file = directory.resolve("index.jsonl");
    // @start region="index"
    try (SparseAutoencoder dictionary = SparseAutoencoder.load(model.executor(), files)) {
      var indexer = new FeatureIndexer(lens, Map.of("layer_1", dictionary), IndexOptions.DEFAULT);
      chunks.forEach(indexer::add);
      FeatureIndex index = indexer.indexes().getFirst();
      Map<Integer, Double> densities = new HashMap<>();
      index.records(feature -> densities.put(feature.feature(), feature.density()));
      IndexFile.write(file, index, "bard");
      // @end
      assertEquals(256, densities.size());
    }
    ChatModel chat = messages -> "[EXPLANATION]: kings";
    // @start region="explain"
    IndexFile index = IndexFile.open(file);
    List<FeatureRecord> active = new ArrayList<>();
    index.records(
        feature -> {
          if (feature.active() > 0) {
            active.add(feature);
          }
        });
    var explainer = new FeatureExplainer(index.header(), chat, ExplainOptions.DEFAULT);
    Optional<String> explanation = explainer.explain(active.getFirst());
    ClassificationScore score = explainer.detection(active.getFirst(), explanation.orElseThrow());
    // @end
    assertTrue(score.failed() > 0);
  }
}
