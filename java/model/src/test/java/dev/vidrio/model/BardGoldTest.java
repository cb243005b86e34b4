package dev.vidrio.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.model.sampling.LogProbability;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Compares bard with its gold outputs: a float64 forward pass over dequantized weights. */
class BardGoldTest {

  /** Returns the maximum difference relative to the maximum magnitude. */
  private static double relativeError(float[] expected, MemorySegment actual) {
    double difference = 0;
    double magnitude = 0;
    for (int i = 0; i < expected.length; i++) {
      double d = Math.abs(actual.getAtIndex(JAVA_FLOAT, i) - (double) expected[i]);
      difference = Math.max(difference, d);
      magnitude = Math.max(magnitude, Math.abs((double) expected[i]));
    }
    return difference / magnitude;
  }

  /**
   * Float products round at 2⁻²⁴, and errors add up over some hundred operations: 1e-5 is ten times
   * that. Int8 activations round at 1/254 of the maximum of a block.
   */
  @ParameterizedTest
  @CsvSource({"f32, 1e-5", "q8_0, 5e-2"})
  void activationsMatchGold(String type, double tolerance) {
    SafetensorsFile gold = BardFiles.gold(type);
    int[] tokens = gold.ints("tokens");
    Path file = type.equals("f32") ? BardFiles.f32() : BardFiles.q8();
    try (Model model = Model.open(file);
        Arena arena = Arena.ofConfined()) {
      Plan plan = model.architecture().plan();
      Set<Buffer> all = new HashSet<>();
      plan.ops()
          .forEach(
              op ->
                  op.writes()
                      .forEach(
                          operand -> {
                            if (operand instanceof Buffer buffer) {
                              all.add(buffer);
                            }
                          }));
      var limits =
          new Limits(
              tokens.length, tokens.length, 1, tokens.length, model.architecture().vocabulary());
      var cache = new KvCache(model.executor(), plan.kv(), 1, arena);
      var batch = new Batch(limits, arena);
      int sequence = batch.addSequence(new int[] {cache.acquire()}, 1);
      for (int i = 0; i < tokens.length; i++) {
        batch.add(tokens[i], i, sequence, true);
      }
      var tapped = new Plan(plan.ops(), plan.kv(), all);
      try (ExecutablePlan executable = model.executor().prepare(tapped, limits, cache)) {
        executable.run(batch);
        int compared = 0;
        for (Buffer buffer : all) {
          if (gold.names().contains(buffer.name())) {
            double error =
                relativeError(BardFiles.activation(gold, buffer.name()), executable.data(buffer));
            assertTrue(error <= tolerance, buffer.name() + ": relative error " + error);
            compared++;
          }
        }
        // Per block: q, k, v, rotated q and k, z, attention and feed-forward outputs, three inner
        // activations, two residuals; and the embedding and the logits.
        assertEquals(4 * 13 + 2, compared);
      }
    }
  }

  /** The int8 path may choose the other of two nearly equally likely tokens. */
  @ParameterizedTest
  @CsvSource({"f32, 1e-3", "q8_0, 0.1"})
  void greedyTextMatchesGold(String type, double nearTie) {
    JsonNode gold = BardFiles.greedy(type);
    int[] prompt = gold.get("prompt_ids").valueStream().mapToInt(JsonNode::intValue).toArray();
    Path file = type.equals("f32") ? BardFiles.f32() : BardFiles.q8();
    try (Model model = Model.open(file);
        Session session = model.newSession(SessionOptions.EXACT)) {
      Sequence sequence = session.newSequence();
      MemorySegment logits = session.feed(sequence, prompt);
      var sampler = new Sampler(SamplingOptions.GREEDY, model.architecture().vocabulary());
      for (JsonNode step : gold.get("greedy")) {
        int expected = step.get("id").intValue();
        if (step.get("margin").doubleValue() > nearTie) {
          assertEquals(expected, sampler.sample(logits, null), () -> "after " + sequence.length());
        }
        logits = session.feed(sequence, expected);
      }
    }
  }

  @Test
  void f32LogitsAreWithinOneInTenThousand() {
    SafetensorsFile gold = BardFiles.gold("f32");
    int[] tokens = gold.ints("tokens");
    float[] expected = gold.floats("unembed.hook_out");
    try (Model model = Model.open(BardFiles.f32());
        Session session = model.newSession(SessionOptions.EXACT.withLogits(tokens.length))) {
      Sequence sequence = session.newSequence();
      session.begin();
      for (int token : tokens) {
        session.add(sequence, token, true);
      }
      session.run();
      int vocabulary = model.architecture().vocabulary();
      for (int i = 0; i < tokens.length; i++) {
        for (int w = 0; w < vocabulary; w++) {
          float value = session.logits(i).getAtIndex(JAVA_FLOAT, w);
          float wanted = expected[i * vocabulary + w];
          assertEquals(wanted, value, 1e-4 * Math.max(1, Math.abs(wanted)));
        }
      }
    }
  }

  /** Bounds the mean divergence; Q8_0 weights alone cost about 1e-3 in larger models. */
  @Test
  void int8DivergenceIsSmall() {
    SafetensorsFile gold = BardFiles.gold("q8_0");
    int[] tokens = gold.ints("tokens");
    float[] expected = gold.floats("unembed.hook_out");
    try (Model model = Model.open(BardFiles.q8());
        Session session = model.newSession(SessionOptions.EXACT.withLogits(tokens.length))) {
      Sequence sequence = session.newSequence();
      session.begin();
      for (int token : tokens) {
        session.add(sequence, token, true);
      }
      session.run();
      int vocabulary = model.architecture().vocabulary();
      double sum = 0;
      for (int i = 0; i < tokens.length; i++) {
        MemorySegment truth =
            MemorySegment.ofArray(expected)
                .asSlice((long) i * vocabulary * Float.BYTES, (long) vocabulary * Float.BYTES);
        sum += divergence(truth, session.logits(i), vocabulary);
      }
      double mean = sum / tokens.length;
      assertTrue(mean < 2e-3, "mean KLD " + mean);
    }
  }

  private static double divergence(MemorySegment truth, MemorySegment candidate, int vocabulary) {
    double sum = 0;
    double normP = LogProbability.of(truth, 0) - truth.getAtIndex(JAVA_FLOAT, 0);
    double normQ = LogProbability.of(candidate, 0) - candidate.getAtIndex(JAVA_FLOAT, 0);
    for (int w = 0; w < vocabulary; w++) {
      double p = truth.getAtIndex(JAVA_FLOAT, w) + normP;
      double q = candidate.getAtIndex(JAVA_FLOAT, w) + normQ;
      sum += Math.exp(p) * (p - q);
    }
    return sum;
  }
}
