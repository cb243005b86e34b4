package dev.vidrio.grammar;

import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.function.UnaryOperator;

/** The examples of the documentation; {@link GrammarExamplesTest} runs them. */
final class GrammarExamples {
  private GrammarExamples() {}

  static List<Grammar> grammars() {
    // @start region="grammar"
    Grammar city =
        Grammar.jsonSchema(
            """
            {"type": "object",
             "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
             "required": ["city", "inhabitants"]}
            """);
    Grammar date = Grammar.regex("[0-9]{1,2} [A-Z][a-z]+ [0-9]{4}");
    Grammar answer = Grammar.choice(List.of("yes", "no"));
    Grammar list = Grammar.ebnf("root ::= item+\nitem ::= \"- \" [a-z ]+ \"\\n\"");
    // @end
    return List.of(city, date, answer, list);
  }

  static int[] constraint(
      Grammar grammar, Tokenizer tokenizer, int tokens, UnaryOperator<long[]> model) {
    int[] ids = new int[tokens];
    // @start region="constraint"
    TokenConstraint constraint = TokenConstraint.of(grammar, tokenizer);
    ConstraintState state = constraint.start();
    for (int i = 0; i < tokens && !state.mustEnd(); i++) {
      long[] mask = state.mask(); // the tokens that may come next
      int token = sample(model, mask);
      state = state.after(token);
      ids[i] = token;
    }
    // @end
    return ids;
  }

  private static int sample(UnaryOperator<long[]> model, long[] mask) {
    long[] chosen = model.apply(mask);
    for (int word = 0; word < chosen.length; word++) {
      if (chosen[word] != 0) {
        return Long.SIZE * word + Long.numberOfTrailingZeros(chosen[word]);
      }
    }
    throw new IllegalStateException("no token is allowed");
  }
}
