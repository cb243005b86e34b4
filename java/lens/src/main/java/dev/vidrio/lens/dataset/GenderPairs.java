package dev.vidrio.lens.dataset;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The pronoun of a person, {@code he} or {@code she}, by the usual gender of the name. */
final class GenderPairs implements Dataset.Generator {
  private final Draw draw;
  private final List<String> templates;
  private final List<String> he;
  private final List<String> she;

  GenderPairs(Draw draw) {
    this.draw = draw;
    var words = new WordLists("gender.txt");
    this.templates = words.lines("templates");
    this.he = draw.oneToken(words.words("he"), "male names", 1);
    this.she = draw.oneToken(words.words("she"), "female names", 1);
  }

  @Override
  public PairText next() {
    String template = draw.one(templates);
    boolean male = draw.below(2) == 0;
    String name = draw.one(male ? he : she);
    String clean = template.replace("[NAME]", name);
    String corrupted = template.replace("[NAME]", draw.one(male ? she : he));
    Map<String, String> properties = new LinkedHashMap<>();
    properties.put("name", name);
    properties.put("template", template);
    return new PairText(
        clean,
        corrupted,
        List.of(male ? " he" : " she"),
        List.of(male ? " she" : " he"),
        properties);
  }
}
