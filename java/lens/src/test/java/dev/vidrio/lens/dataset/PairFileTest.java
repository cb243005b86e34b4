package dev.vidrio.lens.dataset;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PairFileTest {
  private static final List<PairText> PAIRS =
      List.of(
          new PairText("The king", "The queen", List.of(" his"), List.of(" her", " its")),
          new PairText("{\"a\": ü", "b", List.of("1"), List.of("2")));

  private static final PairText WITH_PROPERTIES =
      new PairText(
          "a", "b", List.of("c"), List.of("d"), Map.of("template", "[A] \"x\"", "year", "32"));

  @Test
  void readsWhatItWrites() {
    String json = PairFile.toJsonLines(PAIRS);
    assertEquals(PAIRS, PairFile.parse("x.jsonl", json, MetricSpec.DEFAULT));
    assertEquals(PAIRS, PairFile.parse("standard input", json, MetricSpec.DEFAULT));
    String tabs = PairFile.toTabs(PAIRS);
    assertEquals("The king\tThe queen\t his\t her, its\n{\"a\": ü\tb\t1\t2\n", tabs);
    List<PairText> read = PairFile.parse("x.tsv", tabs, MetricSpec.DEFAULT);
    assertEquals(List.of(" her, its"), read.getFirst().wrong());
    assertEquals(PAIRS.get(1), read.get(1));
  }

  @Test
  void optionalFieldsMayBeMissing() {
    MetricSpec kl = MetricSpec.of(MetricKind.KL);
    assertEquals(
        List.of(new PairText("a", "b", List.of(), List.of())),
        PairFile.parse("x.tsv", "a\tb\n", kl));
    assertEquals(
        List.of(new PairText("a", "", List.of("b"), List.of())),
        PairFile.parse("x.jsonl", "{\"clean\": \"a\", \"answer\": [\"b\"]}", kl));
  }

  @Test
  void furtherFieldsAreProperties() {
    List<PairText> one = List.of(WITH_PROPERTIES);
    String json = PairFile.toJsonLines(one);
    assertEquals(one, PairFile.parse("x.jsonl", json, MetricSpec.DEFAULT));
    assertEquals("a\tb\tc\td\n", PairFile.toTabs(one));
    String numbers = json.replace("\"32\"", "32");
    assertEquals(one, PairFile.parse("x.jsonl", numbers, MetricSpec.DEFAULT));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "x.tsv | logit-diff | a;b;c | x.tsv: line 1: must be two texts and two tokens, separated"
            + " by",
        "x.tsv | prob | a;b | x.tsv: line 1: must be two texts and a token, separated by tab",
        "x.tsv | kl | a | x.tsv: line 1: must be two texts, separated by tab characters",
        "x.tsv | kl | a;b;c;d;e | x.tsv: line 1: must be two texts, separated by tab characters",
        "x.tsv | kl | `` | x.tsv: must have one or more pairs of texts",
        "x.jsonl | kl | [] | x.jsonl: line 1: must hold a JSON object",
        "x.jsonl | kl | {\"corrupted\": \"a\"} | x.jsonl: line 1: \"clean\" must be a text",
        "x.jsonl | kl | {\"clean\": \"a\", \"answer\": 3} | x.jsonl: line 1: \"answer\" must be a",
        "x.jsonl | kl | {\"clean\": | x.jsonl: line 1: invalid JSON",
      })
  void rejectsInvalidLines(String name, String metric, String text, String expected) {
    String message =
        assertThrows(
                ModelFileException.class,
                () -> PairFile.parse(name, text.replace(';', '\t'), MetricSpec.parse(metric)))
            .getMessage();
    assertTrue(message.startsWith(expected), message);
  }
}
