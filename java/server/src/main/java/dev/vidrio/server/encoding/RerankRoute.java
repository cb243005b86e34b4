package dev.vidrio.server.encoding;

import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.engine.RerankingEngine.Ranked;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Reranker;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.WorkQueue;
import dev.vidrio.tokenizer.EncodedPair;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The route {@code /v1/rerank} in the shapes of Jina and Cohere, and that of Text Embeddings
 * Inference, which names the documents {@code texts}.
 *
 * @param models the models
 * @param queue runs the requests
 * @param time the time limit of a request
 */
public record RerankRoute(ModelRegistry models, WorkQueue queue, Duration time) {
  private static final int MAX_DOCUMENTS = 2048;

  /** The paths under which other servers and clients have the route. */
  private static final List<String> PATHS =
      List.of("/v1/rerank", "/v2/rerank", "/rerank", "/v1/reranking", "/reranking");

  /**
   * A request.
   *
   * @param model the name of the model
   * @param query the query
   * @param documents the documents
   * @param path the field of the documents
   * @param instruction the task of the model
   * @param most the maximum number of results
   * @param echo whether results contain their documents
   * @param maxDocumentTokens the maximum number of tokens of a document; longer ones are cut
   * @param truncate whether documents are cut to the context; otherwise too long ones are errors
   * @param isTei whether the shape is that of Text Embeddings Inference
   */
  private record Request(
      String model,
      String query,
      List<String> documents,
      String path,
      String instruction,
      int most,
      boolean echo,
      int maxDocumentTokens,
      boolean truncate,
      boolean isTei) {

    static Request read(JsonFields fields) {
      String model = fields.required("model").string();
      String query = fields.required("query").string();
      boolean isTei = fields.isPresent("texts");
      String path = isTei ? "texts" : "documents";
      List<String> documents =
          fields.required(path).elements(1, MAX_DOCUMENTS).stream()
              .map(RerankRoute::document)
              .toList();
      int most = fields.integer("top_n", Integer.MAX_VALUE, 1, Integer.MAX_VALUE);
      String instruction = fields.string("instruction", Reranker.DEFAULT_INSTRUCTION);
      boolean echo = fields.bool(isTei ? "return_text" : "return_documents", false);
      int maxDocumentTokens =
          fields.integer("max_tokens_per_doc", Integer.MAX_VALUE, 1, Integer.MAX_VALUE);
      boolean truncate = fields.bool(isTei ? "truncate" : "truncation", false);
      if (isTei) {
        fields.requireValue("raw_scores", false);
      }
      fields.ignore("user", "truncation_direction");
      fields.end();
      return new Request(
          model,
          query,
          documents,
          path,
          instruction,
          most,
          echo,
          maxDocumentTokens,
          truncate,
          isTei);
    }
  }

  /** Returns the text of a document: a string or an object with a {@code text}. */
  private static String document(JsonValue value) {
    if (value.isString()) {
      return value.string();
    }
    if (!value.node().isObject()) {
      throw value.error("must be a string or an object with text");
    }
    JsonFields fields = value.fields();
    String text = fields.required("text").string();
    fields.end();
    return text;
  }

  /** Returns the routes. */
  public List<Route> routes() {
    return PATHS.stream().map(path -> Route.post(path, this::handle)).toList();
  }

  private void handle(Exchange exchange) throws IOException {
    Request request = Request.read(models.fields(exchange));
    Ranking ranking =
        queue.run(
            models,
            request.model(),
            time,
            lease -> work(request, lease),
            exchange::startHeartbeats);
    if (request.isTei()) {
      exchange.answerArray(toTei(request, ranking));
    } else {
      exchange.answer(toJson(request, ranking));
    }
  }

  /** The most relevant documents, and the number of tokens of all pairs. */
  private record Ranking(List<Ranked> best, int tokens) {}

  private static Supplier<Ranking> work(Request request, ModelRegistry.Lease lease) {
    Reranker reranker = reranker(request, lease.model().model());
    List<EncodedPair> pairs = encode(request, reranker, lease.model().model());
    SessionOptions options = SessionOptions.DEFAULT.withAdaptation(lease.adaptation());
    return () -> {
      List<Double> scores = reranker.scores(pairs, options, done -> WorkQueue.stopIfCanceled());
      int tokens = pairs.stream().mapToInt(EncodedPair::size).sum();
      return new Ranking(new RerankingEngine.Result(scores, tokens).best(request.most()), tokens);
    };
  }

  private static Reranker reranker(Request request, Model model) {
    try {
      return Reranker.of(model, request.instruction());
    } catch (UnsupportedModelException e) {
      throw ApiException.unsupported("model", "'" + request.model() + "'", e.reason());
    }
  }

  private static List<EncodedPair> encode(Request request, Reranker reranker, Model model) {
    int limit = reranker.maxTokens();
    List<EncodedPair> pairs = new ArrayList<>();
    for (int i = 0; i < request.documents().size(); i++) {
      String document = cut(request, request.documents().get(i), model);
      EncodedPair pair =
          reranker.encode(
              request.query(), document, request.truncate() ? limit : Integer.MAX_VALUE);
      if (pair.size() > limit) {
        throw ApiException.contextLength(request.path() + "[" + i + "]", pair.size(), limit);
      }
      pairs.add(pair);
    }
    return pairs;
  }

  /** Cuts a document to the requested number of tokens. */
  private static String cut(Request request, String document, Model model) {
    int most = request.maxDocumentTokens();
    return most == Integer.MAX_VALUE ? document : Reranker.cut(model.tokenizer(), document, most);
  }

  private static JsonObject toJson(Request request, Ranking ranking) {
    int tokens = ranking.tokens();
    return new JsonObject()
        .with("object", "list")
        .with("model", request.model())
        .with(
            "results",
            ranking.best().stream()
                .map(
                    ranked ->
                        result(ranked, "relevance_score")
                            .withPresent("document", echoed(request, ranked)))
                .toList())
        .with("usage", Map.of("prompt_tokens", tokens, "total_tokens", tokens));
  }

  private static @Nullable Map<String, String> echoed(Request request, Ranked ranked) {
    return request.echo() ? Map.of("text", request.documents().get(ranked.index())) : null;
  }

  private static List<JsonObject> toTei(Request request, Ranking ranking) {
    return ranking.best().stream()
        .map(
            ranked ->
                result(ranked, "score")
                    .withPresent(
                        "text", request.echo() ? request.documents().get(ranked.index()) : null))
        .toList();
  }

  private static JsonObject result(Ranked ranked, String score) {
    return new JsonObject().with("index", ranked.index()).with(score, ranked.score());
  }
}
