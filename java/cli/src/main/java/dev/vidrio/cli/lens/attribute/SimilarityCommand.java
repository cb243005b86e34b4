package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.TokenSimilarity;
import dev.vidrio.model.evaluation.TokenSimilarity.Pair;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio lens similarity}. */
@Command(
    name = "similarity",
    description = {
      "Shows which pairs of tokens make the embeddings of two texts similar.",
      "The cosine of two means of tokens' vectors is the sum of the shares of all pairs. Needs a"
          + " model that pools by the mean, such as most sentence encoders."
    })
@JsonHelp("Print the cosine and the shares of all pairs.")
public final class SimilarityCommand extends ModelCommand<SimilarityCommand.Found> {
  private static final int COLUMNS = 16;

  @Parameters(arity = "2", paramLabel = "TEXT", description = "The two texts.")
  private List<String> texts = List.of();

  @Option(names = "--top", paramLabel = "K", description = "Number of pairs to print.")
  private int top = 10;

  /** The shares of the tokens of two texts. */
  record Found(List<int[]> tokens, TokenSimilarity similarity) {}

  @Override
  protected void check() {
    if (top < 1) {
      throw new UsageException("--top " + top + ": must be 1 or more");
    }
  }

  @Override
  protected Found run(Model opened) {
    List<int[]> tokens = texts.stream().map(opened.tokenizer()::encode).toList();
    return new Found(tokens, TokenSimilarity.of(opened, tokens.getFirst(), tokens.getLast()));
  }

  @Override
  protected void print(Found found) {
    System.out.printf("cosine %.4f; shares of pairs of tokens:%n", found.similarity.cosine());
    for (Pair pair : found.similarity.pairs().stream().limit(top).toList()) {
      System.out.printf(
          "%7.4f  %s  %s%n",
          pair.share(),
          TokenText.column(model(), found.tokens.getFirst()[pair.first()], COLUMNS),
          TokenText.of(model(), found.tokens.getLast()[pair.second()]));
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object
        .with("cosine", found.similarity.cosine())
        .with("tokens", tokens(found.tokens.getFirst()))
        .with("other_tokens", tokens(found.tokens.getLast()))
        .with("shares", found.similarity.shares());
  }

  private List<JsonObject> tokens(int[] ids) {
    return Arrays.stream(ids).mapToObj(id -> TokenText.toJson(model(), id)).toList();
  }
}
