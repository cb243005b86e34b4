package dev.vidrio.lens.dataset;

import dev.vidrio.lens.dataset.WordLists.Pair;
import java.util.List;
import java.util.Map;

/**
 * Agreement of a verb with its subject (Linzen et al. 2016, arXiv 1611.01368), with another noun,
 * of either number, in between.
 */
final class AgreementPairs implements Dataset.Generator {
  private final Draw draw;
  private final List<String> templates;
  private final List<Pair> nouns;
  private final List<Pair> others;
  private final List<Pair> verbs;

  AgreementPairs(Draw draw) {
    this.draw = draw;
    var words = new WordLists("agreement.txt");
    this.templates = words.lines("templates");
    this.nouns = draw.bothOneToken(words.pairs("nouns"), "nouns", 1);
    this.others = draw.bothOneToken(words.pairs("others"), "other nouns", 1);
    this.verbs = draw.bothOneToken(words.pairs("verbs"), "verbs", 1);
  }

  @Override
  public PairText next() {
    Pair other = draw.one(others);
    String template =
        draw.one(templates).replace("[OTHER]", draw.below(2) == 0 ? other.first() : other.second());
    boolean singular = draw.below(2) == 0;
    Pair noun = draw.one(nouns);
    Pair verb = draw.one(verbs);
    Pair subject = singular ? noun : noun.swapped();
    Pair answers = singular ? verb : verb.swapped();
    return new PairText(
        template.replace("[NOUN]", subject.first()),
        template.replace("[NOUN]", subject.second()),
        List.of(" " + answers.first()),
        List.of(" " + answers.second()),
        Map.of("number", singular ? "singular" : "plural"));
  }
}
