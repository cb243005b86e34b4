package dev.vidrio.lens.dataset;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Indirect object identification (Wang et al. 2023, arXiv 2211.00593): two people are named, one of
 * them again; the answer is the other. The names come in both orders (ABBA, BABA).
 */
final class IoiPairs implements Dataset.Generator {
  private final Draw draw;
  private final boolean swap;
  private final List<String> templates;
  private final List<String> names;
  private final List<String> places;
  private final List<String> objects;

  /**
   * Creates the generator.
   *
   * @param swap whether the corrupted text repeats the other name, instead of having three others
   */
  IoiPairs(Draw draw, boolean swap) {
    this.draw = draw;
    this.swap = swap;
    var words = new WordLists("ioi.txt");
    this.templates = words.lines("templates");
    this.names = draw.oneToken(words.words("names"), "names", 5);
    this.places = draw.oneToken(words.words("places"), "places", 1);
    this.objects = draw.oneToken(words.words("objects"), "objects", 1);
  }

  @Override
  public PairText next() {
    String sentence = draw.one(templates);
    String template =
        sentence.replace("[PLACE]", draw.one(places)).replace("[OBJECT]", draw.one(objects));
    List<String> drawn = draw.different(names, 5);
    String object = drawn.get(0);
    String subject = drawn.get(1);
    boolean objectFirst = draw.below(2) == 0;
    String first = objectFirst ? object : subject;
    String second = objectFirst ? subject : object;
    String clean = text(template, first, second, subject);
    String corrupted =
        swap
            ? text(template, first, second, object)
            : text(template, drawn.get(2), drawn.get(3), drawn.get(4));
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("indirect_object", object);
    properties.put("subject", subject);
    properties.put("order", objectFirst ? "ABBA" : "BABA");
    properties.put("template", sentence);
    return new PairText(
        clean, corrupted, List.of(" " + object), List.of(" " + subject), properties);
  }

  /** Fills in the names in their order: the first two differ, and the third is named again. */
  private static String text(String template, String first, String second, String third) {
    return template
        .replaceFirst("\\[B\\]", first)
        .replaceFirst("\\[A\\]", second)
        .replaceFirst("\\[B\\]", third);
  }
}
