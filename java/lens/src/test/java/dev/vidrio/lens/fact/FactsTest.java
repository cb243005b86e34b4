package dev.vidrio.lens.fact;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.fact.AttentionKnockOut.Blocked;
import dev.vidrio.lens.fact.Fact.Part;
import dev.vidrio.lens.fact.RecallAndContext.Conflict;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.intervene.CausalTracing.Site;
import dev.vidrio.lens.numeric.Estimate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Methods over facts, against single runs. */
class FactsTest extends BardTest {
  private static final Fact SHORT =
      new Fact("short", new int[] {5, 120, 44, 700, 31, 8}, 1, 2, 300);
  private static final Fact LONG =
      new Fact("long", new int[] {5, 120, 44, 700, 31, 8, 90, 12}, 1, 5, 17);
  private static final List<Fact> FACTS = List.of(SHORT, LONG);

  @Test
  void findsSubjectAndAnswer() {
    Fact fact = Fact.of(model, "Romeo", "Where is {} and why is", "Juliet");
    String text = "";
    for (int p = fact.from(); p < fact.to(); p++) {
      text += model.tokenizer().piece(fact.tokens()[p]);
    }
    assertEquals("Romeo", text.strip());
    assertArrayEquals(model.tokenizer().encode("Where is Romeo and why is"), fact.tokens());
    int[] whole = model.tokenizer().encode("Where is Romeo and why is Juliet");
    assertEquals(whole[fact.length()], fact.answer());
    Fact named = Fact.of(model, "Romeo", "Romeo, Romeo, where is", " Juliet");
    Fact second = Fact.of(model, "Romeo", "Romeo, {}, where is", "Juliet");
    assertEquals(second.from(), named.from());
    int begin = model.tokenizer().encode("").length;
    assertEquals(begin, Fact.of(model, "Romeo", "{}, Romeo, where is", "Juliet").from());
    assertTrue(second.from() > begin);
  }

  @Test
  void dividesPromptIntoParts() {
    List<Optional<Part>> parts = IntStream.range(0, 8).mapToObj(LONG::part).toList();
    assertEquals(
        List.of(
            Optional.empty(),
            Optional.of(Part.FIRST),
            Optional.of(Part.MIDDLE),
            Optional.of(Part.MIDDLE),
            Optional.of(Part.LAST),
            Optional.of(Part.NEXT),
            Optional.of(Part.FURTHER),
            Optional.of(Part.END)),
        parts);
    assertEquals(Optional.of(Part.LAST), SHORT.part(1));
  }

  @Test
  void averagesTracing() {
    var options = new CausalTracing.Options(3, 2, 2, 11);
    FactTracing all = FactTracing.of(lens, FACTS, Site.MLP_OUT, options);
    List<CausalTracing> single = new ArrayList<>();
    for (Fact fact : FACTS) {
      single.add(
          CausalTracing.of(
              lens, fact.tokens(), fact.from(), fact.to(), fact.answer(), Site.MLP_OUT, options));
    }
    CausalTracing one = single.getFirst();
    CausalTracing two = single.getLast();
    assertEquals((one.clean() + two.clean()) / 2, all.clean().mean(), 1e-12);
    assertEquals((one.corrupted() + two.corrupted()) / 2, all.corrupted().mean(), 1e-12);
    for (int l = 0; l < 4; l++) {
      double last =
          one.restored().get(l).get(1)
              - one.corrupted()
              + two.restored().get(l).get(4)
              - two.corrupted();
      assertEquals(last / 2, effect(all, Part.LAST, l).mean(), 1e-12);
      double middle = (two.restored().get(l).get(2) + two.restored().get(l).get(3)) / 2;
      assertEquals(middle - two.corrupted(), effect(all, Part.MIDDLE, l).mean(), 1e-12);
      assertEquals(1, effect(all, Part.MIDDLE, l).count());
      assertEquals(2, effect(all, Part.FURTHER, l).count());
    }
  }

  /** The definition, one run per window. */
  @Test
  void knockOutEqualsSingleRuns() {
    AttentionKnockOut actual = AttentionKnockOut.of(lens, FACTS, 3);
    for (int l = 0; l < 4; l++) {
      double subject = 0;
      double others = 0;
      double last = 0;
      for (Fact fact : FACTS) {
        List<Intervention> ofSubject = new ArrayList<>();
        List<Intervention> ofOthers = new ArrayList<>();
        List<Intervention> ofLast = new ArrayList<>();
        int end = fact.length() - 1;
        for (int k = Math.max(0, l - 1); k <= Math.min(3, l + 1); k++) {
          ofSubject.add(Intervention.knockOut(k, fact.from(), fact.to()).position(end));
          ofOthers.add(Intervention.knockOut(k, 0, fact.from()).position(end));
          ofOthers.add(Intervention.knockOut(k, fact.to(), end).position(end));
          ofLast.add(Intervention.knockOut(k, end, end + 1).position(end));
        }
        subject += change(fact, ofSubject) / 2;
        others += change(fact, ofOthers) / 2;
        last += change(fact, ofLast) / 2;
      }
      assertEquals(subject, change(actual, Blocked.SUBJECT, l).mean(), 1e-5);
      assertEquals(others, change(actual, Blocked.OTHERS, l).mean(), 1e-5);
      assertEquals(last, change(actual, Blocked.LAST, l).mean(), 1e-5);
    }
  }

  private static Estimate effect(FactTracing tracing, Part part, int layer) {
    return Objects.requireNonNull(tracing.effects().get(part)).get(layer);
  }

  private static Estimate change(AttentionKnockOut knockOut, Blocked blocked, int layer) {
    return Objects.requireNonNull(knockOut.changes().get(blocked)).get(layer);
  }

  private static double change(Fact fact, List<Intervention> edits) {
    Metric metric = Metric.probability(fact.answer());
    double p = metric.of(lens, fact.tokens());
    return (metric.of(lens, fact.tokens(), edits) - p) / p;
  }

  @Test
  void extractionEqualsSortedLogits() {
    Extraction actual = Extraction.of(lens, FACTS, 200);
    for (int l = 0; l < 4; l++) {
      double own = 0;
      double others = 0;
      double extracted = 0;
      for (Fact fact : FACTS) {
        int other = fact == SHORT ? LONG.answer() : SHORT.answer();
        float[] at = logits(fact, HookSite.RESID_POST, l, fact.to() - 1);
        own += rank(at, fact.answer()) < 200 ? 0.5 : 0;
        others += rank(at, other) < 200 ? 0.5 : 0;
        float[] sublayer = logits(fact, HookSite.MLP_OUT, l, fact.length() - 1);
        extracted += rank(sublayer, fact.answer()) == 0 ? 0.5 : 0;
      }
      assertEquals(own, actual.attributes().get(l).mean());
      assertEquals(others, actual.control().get(l).mean());
      assertEquals(extracted, actual.mlp().get(l).mean());
    }
  }

  private static float[] logits(Fact fact, HookSite site, int layer, int position) {
    float[] row = lens.row(fact.tokens(), new HookPoint(site, layer), position);
    try (Unembedding unembedding = Unembedding.of(model)) {
      return unembedding.logits(new float[][] {row})[0];
    }
  }

  private static long rank(float[] logits, int token) {
    return IntStream.range(0, logits.length)
        .filter(w -> logits[w] > logits[token] || (logits[w] == logits[token] && w < token))
        .count();
  }

  @Test
  void contextHeadsEqualSingleRuns() {
    var first = new Conflict(SHORT.tokens(), 300, 17);
    var second = new Conflict(LONG.tokens(), 17, 40);
    RecallAndContext actual = RecallAndContext.of(lens, List.of(first, second));
    assertEquals(32, actual.heads().size());
    Intervention without = Intervention.zero(new HookPoint(HookSite.Z, 2)).head(5);
    double total = 0;
    double direct = 0;
    double difference = 0;
    for (Conflict prompt : List.of(first, second)) {
      Metric metric = Metric.logitDifference(prompt.answer(), prompt.stated());
      double clean = metric.of(lens, prompt.tokens());
      difference += clean / 2;
      total += (clean - metric.of(lens, prompt.tokens(), List.of(without))) / 2;
      direct +=
          DirectLogitAttribution.of(
                      lens,
                      prompt.tokens(),
                      prompt.tokens().length - 1,
                      prompt.answer(),
                      prompt.stated(),
                      By.HEAD)
                  .parts()
                  .stream()
                  .filter(part -> part.component().equals("L2.H5"))
                  .findFirst()
                  .orElseThrow()
                  .value()
              / 2;
    }
    RecallAndContext.Head head = actual.heads().get(2 * 8 + 5);
    assertEquals("L2.H5", head.name());
    assertEquals(total, head.total().mean(), 1e-5);
    assertEquals(direct, head.direct().mean(), 1e-9);
    assertEquals(difference, actual.difference().mean(), 1e-9);
    double likely = 0;
    for (Conflict prompt : List.of(first, second)) {
      try (ActivationCache cache =
          lens.run(prompt.tokens(), Capture.of("unembed.hook_out").last(1))) {
        float[] logits = cache.get(HookSite.LOGITS).data().toArray(JAVA_FLOAT);
        likely += rank(logits, prompt.answer()) == 0 ? 0.5 : 0;
      }
    }
    assertEquals(likely, actual.recalled().mean());
    List<RecallAndContext.Head> ranked = actual.ranked();
    assertTrue(ranked.getFirst().direct().mean() >= ranked.getLast().direct().mean());
  }

  @Test
  void statesFalseAnswer() {
    Conflict conflict = Conflict.of(model, "Romeo", "The name of {} is", "Juliet", "Paris");
    assertArrayEquals(
        model.tokenizer().encode("The name of Romeo is Paris. The name of Romeo is"),
        conflict.tokens());
    assertFalse(conflict.answer() == conflict.stated());
  }

  private static void refused(String expected, Runnable action) {
    String message = assertThrows(InvalidInputException.class, action::run).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidFacts() {
    refused("is not in the prompt", () -> Fact.of(model, "Romeo", "Who art thou", "Juliet"));
    refused("must not be empty", () -> Fact.of(model, "Romeo", "Who is {}", " "));
    refused("must be a range of the 2 tokens", () -> new Fact("a", new int[] {1, 2}, 1, 3, 0));
    refused(
        "facts 0: must be at least 1",
        () -> FactTracing.of(lens, List.of(), Site.MLP_OUT, CausalTracing.Options.DEFAULT));
    refused("window 0: must be at least 1", () -> AttentionKnockOut.of(lens, FACTS, 0));
    refused("top 0: must be", () -> Extraction.of(lens, FACTS, 0));
    var atEnd = new Fact("end", new int[] {1, 2, 3}, 1, 3, 4);
    refused("must end before", () -> AttentionKnockOut.of(lens, List.of(atEnd), 1));
    refused("equals that of the context", () -> new Conflict(new int[] {1, 2}, 3, 3));
  }
}
