package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.lens.decode.sae.index.FeatureExample;
import dev.vidrio.lens.decode.sae.index.FeatureRecord;
import dev.vidrio.lens.decode.sae.index.FeatureRecord.Quantile;
import dev.vidrio.lens.decode.sae.index.Histogram;
import dev.vidrio.lens.decode.sae.index.IndexHeader;
import dev.vidrio.lens.decode.sae.index.IndexHeader.Window;
import dev.vidrio.lens.decode.sae.index.IndexOptions;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** An index of features that are each active at a letter, and a model that recognizes letters. */
final class LetterFeatures {
  static final int COUNT = 6;

  /** Texts with each feature. */
  private static final int TEXTS = 40;

  private static final Pattern MARKED = Pattern.compile("<<(.*?)>>");

  static final IndexHeader HEADER =
      new IndexHeader(
          "letters",
          "sae",
          "hook",
          "hook",
          COUNT,
          COUNT * TEXTS,
          1000,
          1,
          0,
          IndexOptions.DEFAULT,
          "",
          IntStream.range(0, 64)
              .mapToObj(i -> new Window(10_000 + i, 0, List.of("v", "w", "x", "y", "z")))
              .toList());

  private LetterFeatures() {}

  /** Returns the letter of a feature. */
  static String letter(int feature) {
    return String.valueOf((char) ('A' + feature));
  }

  static FeatureRecord feature(int number) {
    List<FeatureExample> examples = new ArrayList<>();
    for (int i = 0; i < TEXTS; i++) {
      examples.add(
          new FeatureExample(
              number * TEXTS + i,
              2,
              0,
              List.of("v", "w", letter(number), "y", "z"),
              List.of(0f, 0f, 1f + i, 0f, 0.1f)));
    }
    List<Quantile> quantiles = new ArrayList<>();
    for (int q = 0; q < 4; q++) {
      List<FeatureExample> group = examples.subList(10 * q, 10 * q + 10).reversed();
      quantiles.add(new Quantile(group.getLast().value(), group.getFirst().value(), group));
    }
    return new FeatureRecord(
        number,
        TEXTS,
        TEXTS / 1000.0,
        20.5,
        TEXTS,
        new Histogram(1, List.of(1L)),
        examples.reversed().subList(0, 20),
        quantiles,
        IntStream.range(0, 50).boxed().toList(),
        List.of(),
        List.of());
  }

  /** Returns the lines of the index's file. */
  static List<String> lines() {
    JsonMapper mapper =
        JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();
    List<String> lines = new ArrayList<>();
    lines.add(mapper.writeValueAsString(HEADER));
    for (int f = 0; f < COUNT; f++) {
      lines.add(mapper.writeValueAsString(feature(f)));
    }
    return lines;
  }

  /** Returns the text of a message. */
  static String content(ChatMessage message) {
    return String.valueOf(message.fields().get("content"));
  }

  /** Answers as a reader who understands the explanations would. */
  static String answer(List<ChatMessage> messages) throws IOException {
    String question = content(messages.getLast());
    List<String> examples =
        question
            .lines()
            .filter(line -> line.startsWith("Example "))
            .map(LetterFeatures::text)
            .toList();
    if (!question.startsWith("Feature: ")) {
      var marked = MARKED.matcher(examples.getFirst());
      return marked.find()
          ? "They share a letter.\n[EXPLANATION]: the letter " + marked.group(1)
          : "nothing";
    }
    String letter = question.lines().findFirst().orElseThrow().replaceFirst(".* ", "");
    boolean fuzz = question.contains("<<");
    return examples.stream()
        .map(text -> (fuzz ? isMarked(text, letter) : text.contains(letter)) ? "1" : "0")
        .toList()
        .toString();
  }

  private static String text(String line) {
    return line.replaceFirst("Example \\d+: ", "");
  }

  private static boolean isMarked(String text, String letter) {
    return MARKED.matcher(text).results().allMatch(mark -> mark.group(1).equals(letter));
  }
}
