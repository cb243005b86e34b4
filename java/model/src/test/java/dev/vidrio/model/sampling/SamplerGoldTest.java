package dev.vidrio.model.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** DRY, top-nσ and XTC against llama.cpp; samplers.cpp says how the numbers were made. */
class SamplerGoldTest {
  private static JsonNode gold(String name) throws IOException {
    try (InputStream in =
        SamplerGoldTest.class.getResourceAsStream("/dev/vidrio/model/sampling/samplers.json")) {
      return JsonMapper.shared().readTree(Objects.requireNonNull(in)).path(name);
    }
  }

  @Test
  void penalizesRepetitionsLikeLlamaCpp() throws IOException {
    int penalized = 0;
    try (Model model = Model.open(BardFiles.q8())) {
      for (JsonNode each : gold("dry")) {
        var options =
            new DryOptions(
                each.path("multiplier").doubleValue(),
                each.path("base").doubleValue(),
                each.path("allowed_length").intValue(),
                each.path("last_n").intValue(),
                each.path("breakers").valueStream().map(JsonNode::stringValue).toList());
        var dry = new DryPenalty(options, SequenceBreakers.of(model.loaded(), options.breakers()));
        each.path("history").forEach(token -> dry.accept(token.intValue()));
        Map<Integer, Float> expected = new HashMap<>();
        each.path("penalties")
            .forEachEntry(
                (token, penalty) -> expected.put(Integer.valueOf(token), penalty.floatValue()));
        assertEquals(expected, dry.penalties(), each.toString());
        penalized += expected.isEmpty() ? 0 : 1;
      }
    }
    assertTrue(penalized > 30);
  }

  @Test
  void keepsTheTokensOfLlamaCpp() throws IOException {
    for (JsonNode each : gold("kept")) {
      SamplingOptions options =
          SamplingOptions.builder()
              .topNSigma(Math.max(0, each.path("top_n_sigma").doubleValue()))
              .topK(each.path("top_k").intValue())
              .topP(each.path("top_p").doubleValue())
              .minP(each.path("min_p").doubleValue())
              .xtc(1, each.path("xtc_threshold").doubleValue())
              .build();
      int vocabulary = each.path("vocabulary").intValue();
      var row = new float[vocabulary];
      for (int i = 0; i < vocabulary; i++) {
        double x = (i * 7919 + each.path("seed").intValue() * 104729) % 10007 / 10007.0;
        row[i] = (float) (12 * x * x * x * x * x * x - 3 * x);
      }
      int[] kept =
          new Sampler(options, vocabulary)
              .kept(MemorySegment.ofArray(row), options.excludesLikely());
      assertEquals(each.path("count").intValue(), kept.length, each.toString());
      assertArrayEquals(
          each.path("kept").valueStream().mapToInt(JsonNode::intValue).toArray(),
          Arrays.copyOf(kept, Math.min(20, kept.length)),
          each.toString());
    }
  }

  /** Sequences of breakers are found once per model. */
  @Test
  void keepsBreakersOfModel() {
    try (Model model = Model.open(BardFiles.q8())) {
      List<String> texts = DryOptions.OFF.breakers();
      assertEquals(
          SequenceBreakers.of(model.loaded(), texts), SequenceBreakers.of(model.loaded(), texts));
    }
  }
}
