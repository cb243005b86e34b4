package dev.vidrio.cli;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.engine.RerankingEngine.Ranked;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Reranker;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodedPair;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio rerank}. */
@Command(
    name = "rerank",
    description = {
      "Orders documents by their relevance to a query.",
      "A score is from 0 to 1: the sigmoid of an encoder's classifier, or the probability that a"
          + " chat model judges that the document meets the query."
    })
@JsonHelp("Print model, tokens and results as one JSON object.")
final class RerankCommand extends ModelCommand<RerankCommand.Ranking> {
  /** The length of a document on the screen. */
  private static final int SHOWN = 80;

  @Parameters(arity = "1", paramLabel = "QUERY", description = "The query.")
  private String query = "";

  @Option(
      names = "--documents",
      required = true,
      paramLabel = "FILE",
      description = "A JSON array of strings.")
  private Path documents = Path.of("");

  @Option(
      names = "--top-n",
      paramLabel = "N",
      description = "Print the N most relevant documents. Default: all.")
  private int count = Integer.MAX_VALUE;

  @Option(
      names = "--instruction",
      paramLabel = "TEXT",
      description = "The task, in a sentence. Default: ${DEFAULT-VALUE}",
      defaultValue = Reranker.DEFAULT_INSTRUCTION)
  private String instruction = Reranker.DEFAULT_INSTRUCTION;

  @Option(names = "--truncate", description = "Cut documents that exceed the context.")
  private boolean truncate;

  /**
   * The relevance of documents.
   *
   * @param documents the documents
   * @param result their scores
   */
  record Ranking(List<String> documents, RerankingEngine.Result result) {}

  @Override
  protected void check() {
    if (count < 1) {
      throw new UsageException("--top-n " + count + ": must be 1 or more");
    }
  }

  @Override
  protected Ranking run(Model opened) {
    List<String> texts = Json.readStrings(documents);
    if (texts.isEmpty()) {
      throw new InvalidInputException(
          "--documents", documents.toString(), "must have at least one document");
    }
    Reranker reranker = Reranker.of(opened, instruction);
    int limit = truncate ? reranker.maxTokens() : Integer.MAX_VALUE;
    List<EncodedPair> pairs =
        texts.stream().map(text -> reranker.encode(query, text, limit)).toList();
    try (var bar = new ProgressBar("reranking")) {
      List<Double> scores =
          reranker.scores(pairs, SessionOptions.DEFAULT, done -> bar.update(done, ""));
      int tokens = pairs.stream().mapToInt(EncodedPair::size).sum();
      return new Ranking(texts, new RerankingEngine.Result(scores, tokens));
    }
  }

  @Override
  protected void print(Ranking ranking) {
    System.out.println("  score  index  document");
    for (Ranked ranked : ranking.result.best(count)) {
      System.out.printf("%7.4f %6d  %s%n", ranked.score(), ranked.index(), shown(ranking, ranked));
    }
  }

  private static String shown(Ranking ranking, Ranked ranked) {
    String quoted = Escapes.quote(ranking.documents.get(ranked.index()));
    return quoted.length() <= SHOWN ? quoted : quoted.substring(0, SHOWN) + "…";
  }

  @Override
  protected void fill(JsonObject object, Ranking ranking) {
    object.put("tokens", ranking.result.tokens());
    object.put(
        "results",
        ranking.result.best(count).stream()
            .map(
                ranked ->
                    new JsonObject()
                        .with("index", ranked.index())
                        .with("relevance_score", ranked.score()))
            .toList());
  }
}
