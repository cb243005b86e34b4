package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.attribute.Answer;
import dev.vidrio.lens.attribute.AnswerAttribution;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.attribute.IntegratedGradients;
import dev.vidrio.lens.attribute.PrefixAttribution;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.attribute.ShapleyValues;
import dev.vidrio.lens.attribute.SpanGame;
import dev.vidrio.lens.attribute.TokenSpan;
import dev.vidrio.lens.circuit.AutomaticCircuitDiscovery;
import dev.vidrio.lens.circuit.CausalScrubbing;
import dev.vidrio.lens.circuit.Circuit;
import dev.vidrio.lens.circuit.CircuitEvaluation;
import dev.vidrio.lens.circuit.CircuitRun;
import dev.vidrio.lens.circuit.CircuitRuns;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.circuit.ScrubHypothesis;
import dev.vidrio.lens.circuit.ScrubHypothesisFile;
import dev.vidrio.lens.circuit.ScrubText;
import dev.vidrio.lens.dataset.Dataset;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.lens.detect.CorpusStatistics;
import dev.vidrio.lens.detect.HeadDetection;
import dev.vidrio.lens.detect.HeadScores;
import dev.vidrio.lens.detect.NeuronStatistics;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.ComponentLens;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.SteeringVector;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The examples of the Javadoc. */
class LensExamplesTest {
  private static Model model() {
    return Model.open(BardFiles.q8());
  }

  @Test
  void cache() {
    // @start region="cache"
    try (Model model = model();
        ActivationCache cache =
            Lens.of(model).run("To be, or not to be", Capture.of("*.hook_pattern, *.hook_z"))) {
      Activation pattern = cache.get("blocks.0.attn.hook_pattern");
      float attended = pattern.at(3, 5, 0); // head 3: how much token 5 attends to token 0
      float[] z = cache.get(HookSite.Z, 2).row(5); // of all heads
      // @end
      assertTrue(attended >= 0 && attended <= 1);
      assertEquals(256, z.length);
    }
  }

  @Test
  void generate() {
    try (Model model = model()) {
      // @start region="generate"
      Capture capture = Capture.of("blocks.*.hook_resid_post");
      try (LensSession session = Lens.of(model).open(capture, SessionOptions.EXACT)) {
        Sequence sequence = session.newSequence();
        session.feed(sequence, model.tokenizer().encode("KING."));
        for (int i = 0; i < 8; i++) {
          session.feed(sequence, session.candidates(0).id(0));
        }
        Activation last = session.cache(sequence).get("blocks.3.hook_resid_post");
        // @end
        assertEquals(sequence.length(), last.shape().getFirst());
      }
    }
  }

  @Test
  void edit() {
    try (Model model = model()) {
      // @start region="edit"
      Lens lens = Lens.of(model);
      int[] tokens = model.tokenizer().encode("To be, or not to be");
      Intervention ablated = Intervention.zero(new HookPoint(HookSite.Z, 2)).head(5);
      Intervention halved =
          Intervention.scale(new HookPoint(HookSite.MLP_OUT, 1), 0.5f).position(3);
      try (ActivationCache cache =
          lens.run(tokens, Capture.of("unembed.hook_out").last(1), List.of(ablated, halved))) {
        float[] logits = cache.get(HookSite.LOGITS).row(-1);
        // @end
        assertEquals(model.architecture().vocabulary(), logits.length);
      }
    }
  }

  @Test
  void logits() {
    try (Model model = model()) {
      int[] tokens = model.tokenizer().encode("To be, or not to be");
      // @start region="logits"
      LogitLens lens =
          LogitLens.of(Lens.of(model), tokens, Capture.of("blocks.*.hook_resid_post"), 5);
      LogitLens.Cell last = lens.cells().get(2).getLast(); // after layer 2, at the last token
      String likely = model.tokenizer().decode(last.top().getFirst().token());
      // @end
      assertEquals(5, last.top().size());
      assertFalse(likely.isEmpty());
    }
  }

  @Test
  void components() {
    try (Model model = model()) {
      int[] tokens = model.tokenizer().encode("To be, or not to be");
      // @start region="components"
      ComponentLens lens =
          ComponentLens.of(Lens.of(model), tokens, Capture.of("blocks.3.attn.hook_result"), 5);
      ComponentLens.Cell head = lens.cells().get(7).getLast(); // L3.H7, at the last token
      String promoted = model.tokenizer().decode(head.promoted().getFirst().token());
      // @end
      assertEquals("L3.H7", lens.components().get(7));
      assertFalse(promoted.isEmpty());
    }
  }

  @Test
  void directLogitAttribution() {
    try (Model model = model()) {
      int[] tokens = model.tokenizer().encode("To be, or not to be");
      // @start region="dla"
      DirectLogitAttribution attribution =
          DirectLogitAttribution.of(Lens.of(model), tokens, tokens.length - 1, 5, -1, By.HEAD);
      DirectLogitAttribution.Part strongest = attribution.ranked().getFirst(); // such as L3.H7
      // @end
      assertTrue(Double.isFinite(strongest.value()));
    }
  }

  @Test
  void heads() {
    try (Model model = model()) {
      // @start region="heads"
      HeadDetection detection = HeadDetection.of(Lens.of(model), 2, 20, 0);
      HeadScores induction = detection.ranked(HeadScores::induction).getFirst();
      // @end
      assertTrue(induction.induction() <= 1);
    }
  }

  @Test
  void statistics() {
    try (Model model = model()) {
      // @start region="statistics"
      int[] tokens = model.tokenizer().encode("To be, or not to be");
      ActivationStatistics statistics =
          ActivationStatistics.of(
              Lens.of(model), tokens, "*.mlp.hook_post", ActivationStatistics.Options.DEFAULT);
      PointStatistics neurons = statistics.points().getFirst();
      int[] dead = neurons.neverPositive();
      // @end
      assertTrue(dead.length < neurons.width());
    }
  }

  @Test
  void corpus() {
    try (Model model = model()) {
      // @start region="corpus"
      int[] tokens = model.tokenizer().encode("To be, or not to be: that is the question");
      List<int[]> chunks = TextChunks.of(model, tokens, 128);
      CorpusStatistics corpus =
          CorpusStatistics.of(Lens.of(model), chunks, CorpusStatistics.Options.DEFAULT);
      NeuronStatistics neuron = corpus.neurons().get(17);
      double share = neuron.tokenPurity(); // of its largest activations, at neuron.token()
      // @end
      assertTrue(share > 0 && share <= 1);
    }
  }

  @Test
  void circuit() {
    try (Model model = model()) {
      int[] clean = model.tokenizer().encode("The king");
      int[] corrupted = model.tokenizer().encode("The queen");
      // @start region="circuit"
      Metric metric = Metric.logitDifference(300, 301);
      try (CircuitRun run = CircuitRun.open(Lens.of(model), clean, corrupted)) {
        double threshold = 0.3 * Math.abs(run.clean(metric) - run.corrupted(metric));
        Circuit whole = Circuit.whole(run.graph());
        CircuitRuns runs = CircuitRuns.of(run, metric);
        Circuit circuit = AutomaticCircuitDiscovery.of(runs, threshold, whole, n -> {});
        double recovered = new CircuitEvaluation(runs, circuit).faithfulness().recovered();
        // @end
        assertTrue(Double.isFinite(recovered));
      }
    }
  }

  @Test
  void scrubbing() {
    try (Model model = model()) {
      Lens lens = Lens.of(model);
      MetricSpec metric = MetricSpec.of(MetricKind.LOGIT_DIFF);
      List<PairText> lines =
          List.of(
              new PairText("My love, my", "", List.of(" love"), List.of(" hate")),
              new PairText("My hate, my", "", List.of(" hate"), List.of(" love")));
      // @start region="scrubbing"
      List<ScrubText> texts =
          lines.stream().map(line -> ScrubText.of(lens, line, metric, "")).toList();
      ScrubHypothesis hypothesis =
          ScrubHypothesisFile.parse(
              "hypothesis.json",
              """
              {
                "logits": ["answer"],
                "claims": {"answer": {"components": ["*"], "depends_on": ["answer"]}}
              }
              """);
      CausalScrubbing scrubbing =
          CausalScrubbing.of(lens, texts, hypothesis, List.of(1L, 2L, 3L), share -> {});
      double recovered = scrubbing.recovered().mean();
      // @end
      assertEquals(1, recovered, 1e-3);
    }
  }

  @Test
  void hook() {
    try (Model model = model()) {
      Lens lens = Lens.of(model);
      int[] tokens = model.tokenizer().encode("To be, or not to be");
      // @start region="hook"
      Hook flipped =
          rows -> {
            for (int i = 0; i < rows.size(); i++) {
              MemorySegment row = rows.row(i);
              row.setAtIndex(JAVA_FLOAT, 0, -row.getAtIndex(JAVA_FLOAT, 0));
            }
          };
      HookPoint point = new HookPoint(HookSite.RESID_PRE, 1);
      ActivationCache cache = lens.run(tokens, Capture.of("*"), Map.of(point, flipped));
      // @end
      float before = cache.get("blocks.0.hook_resid_post").at(0, 0);
      assertEquals(-before, cache.get(point).at(0, 0));
      cache.close();
    }
  }

  @Test
  void patching() {
    try (Model model = model()) {
      Lens lens = Lens.of(model);
      // @start region="patching"
      TextPair pair = TextPair.of(lens, "The king", "The queen", " his", " her");
      ActivationPatching patched =
          ActivationPatching.of(lens, pair, Site.HEAD, Direction.DENOISING);
      double restored = patched.scores().get(3).get(5); // by layer 3, head 5
      // @end
      assertTrue(Double.isFinite(restored));
    }
  }

  @Test
  void steering() {
    try (Model model = model()) {
      // @start region="steering"
      Lens lens = Lens.of(model);
      Tokenizer tokenizer = model.tokenizer();
      HookPoint point = new HookPoint(HookSite.RESID_POST, 1);
      SteeringVector grief =
          SteeringVector.of(
              lens,
              point,
              List.of(tokenizer.encode("I weep"), tokenizer.encode("O grief")),
              List.of(tokenizer.encode("I laugh"), tokenizer.encode("O joy")));
      try (LensSession session = lens.open(Capture.NONE, SessionOptions.EXACT, point.name())) {
        session.edits(List.of(grief.edit(2)));
        Sequence sequence = session.newSequence();
        session.feed(sequence, tokenizer.encode("KING."));
        for (int i = 0; i < 8; i++) {
          session.feed(sequence, session.candidates(0).id(0));
        }
        // @end
        assertEquals(tokenizer.encode("KING.").length + 8, sequence.length());
      }
    }
  }

  @Test
  void gradient() {
    try (Model model = model()) {
      int[] tokens = model.tokenizer().encode("To be, or not to");
      int be = model.tokenizer().token(" be");
      // @start region="gradient"
      GradientOptions options = GradientOptions.of("hook_embed", tokens.length);
      try (GradientSession session = GradientSession.open(Lens.of(model), options)) {
        double logit = session.run(tokens, Metric.logit(be));
        HookPoint embed = HookPoint.of(HookSite.EMBED);
        float[] x = session.activation(embed).row(3);
        float[] dx = session.gradient(embed).row(3);
        double relevance = 0; // gradient × input of token 3
        for (int i = 0; i < x.length; i++) {
          relevance += x[i] * dx[i];
        }
        // @end
        assertTrue(Double.isFinite(logit) && relevance != 0);
      }
    }
  }

  @Test
  void attribution() {
    try (Model model = model()) {
      // @start region="attribution"
      Lens lens = Lens.of(model);
      int[] tokens = model.tokenizer().encode("The king loves");
      int his = model.tokenizer().token(" his");
      int her = model.tokenizer().token(" her");
      DifferentiableMetric preference = Metric.logitDifference(his, her);
      InputAttribution attribution = IntegratedGradients.of(lens, tokens, preference, 32);
      double ofKing = attribution.scores().get(2);
      double missing = attribution.explained() - attribution.sum(); // falls with more steps
      // @end
      assertTrue(Double.isFinite(ofKing) && Double.isFinite(missing));
    }
  }

  @Test
  void answer() {
    try (Model model = model()) {
      // @start region="answer"
      Lens lens = Lens.of(model);
      int[] tokens = model.tokenizer().encode("The king loves his queen");
      Answer answer = Answer.of(tokens, 3); // " his queen"
      AnswerAttribution attribution = GradientAttribution.timesInput(lens, answer);
      double ofKing = attribution.scores().get(1).get(2); // of " king", for the second token
      List<TokenSpan> words = TokenSpan.words(model.tokenizer(), tokens).subList(0, 3);
      AnswerAttribution exact =
          ShapleyValues.exact(SpanGame.of(lens, answer, words, Removal.hide()));
      // @end
      assertTrue(Double.isFinite(ofKing));
      assertEquals(exact.explained().getFirst(), exact.sum(0), 1e-6);
    }
  }

  @Test
  void prefixes() {
    try (Model model = model()) {
      // @start region="prefixes"
      Lens lens = Lens.of(model);
      int[] tokens = model.tokenizer().encode("The king loves his queen");
      try (var all = PrefixAttribution.of(lens, tokens, 3, 256 << 20).orElseThrow()) {
        InputAttribution ofHis = all.timesInput(4, Metric.logit(tokens[4]));
        InputAttribution ofQueen = all.timesInput(5, Metric.logit(tokens[5]));
        // @end
        assertEquals(4, ofHis.scores().size());
        assertEquals(5, ofQueen.scores().size());
      }
    }
  }

  @Test
  void edges() {
    try (Model model = model()) {
      // @start region="edges"
      Lens lens = Lens.of(model);
      TextPair pair = TextPair.of(lens, "The king", "The queen", " his", " her");
      EdgeAttribution attribution = EdgeAttribution.integrated(lens, List.of(pair), 8);
      String strongest = attribution.ranked().getFirst().name(); // such as L3.H7→logits
      Circuit circuit = attribution.strongest(50);
      // @end
      assertEquals(50, circuit.edges().size());
      assertTrue(strongest.contains("→"), strongest);
    }
  }

  @Test
  void seed() {
    try (Model model = model()) {
      int[] tokens = model.tokenizer().encode("To be, or not to");
      // @start region="seed"
      GradientOptions options =
          GradientOptions.of("hook_embed", tokens.length).withSeeds("blocks.1.mlp.hook_post");
      try (GradientSession session = GradientSession.open(Lens.of(model), options)) {
        session.forward(tokens);
        HookPoint neurons = new HookPoint(HookSite.POST, 1);
        float value = session.activation(neurons).at(2, 17); // neuron 17 at position 2
        session.seed(neurons).set(1, 2, 17);
        session.backward();
        float[] dx = session.gradient(HookPoint.of(HookSite.EMBED)).row(0);
        // @end
        assertTrue(Float.isFinite(value) && dx[0] != 0);
      }
    }
  }

  @Test
  void metric() {
    try (Model model = model()) {
      Lens lens = Lens.of(model);
      int[] tokens = model.tokenizer().encode("The king");
      int[] other = model.tokenizer().encode("The queen");
      // @start region="metric"
      // How much larger is the largest logit than the mean?
      Metric margin =
          logits -> {
            double sum = 0;
            double largest = Double.NEGATIVE_INFINITY;
            int vocabulary = (int) (logits.byteSize() / Float.BYTES);
            for (int w = 0; w < vocabulary; w++) {
              sum += logits.getAtIndex(JAVA_FLOAT, w);
              largest = Math.max(largest, logits.getAtIndex(JAVA_FLOAT, w));
            }
            return largest - sum / vocabulary;
          };
      // The square of a logit, with its derivative, for methods that use gradients.
      DifferentiableMetric square =
          (logits, gradient) -> {
            float logit = logits.getAtIndex(JAVA_FLOAT, 17);
            gradient.setAtIndex(JAVA_FLOAT, 17, 2 * logit);
            return (double) logit * logit;
          };
      ActivationPatching patching =
          ActivationPatching.of(
              lens, new TextPair(tokens, other, margin), Site.HEAD, Direction.NOISING);
      InputAttribution attribution = IntegratedGradients.of(lens, tokens, square, 8);
      // @end
      assertEquals(margin.of(lens, tokens), patching.clean());
      assertEquals(square.of(lens, tokens), attribution.value());
    }
  }

  @Test
  void dataset() {
    try (Model model = model()) {
      // @start region="dataset"
      Lens lens = Lens.of(model);
      List<TextPair> pairs =
          Dataset.INDUCTION.generate(model.tokenizer(), 20, 0).stream()
              .map(pair -> pair.bind(lens, MetricSpec.DEFAULT))
              .toList();
      PairMeasure measure = PairMeasure.of(lens, pairs);
      String text = measure.cleanMean().toString(); // the mean, and half of its 95 % interval
      // @end
      assertEquals(20, measure.clean().size());
      assertTrue(text.contains("±"), text);
    }
  }
}
