package dev.vidrio.server.lens;

import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/logits}: the logit lens, which unembeds the residual stream of each
 * layer.
 *
 * @param text the input
 * @param position the position; null for all
 * @param hooks the names of residual streams, as in {@link Capture#hooks}
 * @param top the number of tokens of a prediction
 */
record LensLogits(LensInput text, @Nullable JsonValue position, String hooks, int top)
    implements LensRequest {
  /** Maximum predictions of a response; each multiplies by the whole unembedding. */
  private static final int MAX_CELLS = 4096;

  private static final int MAX_TOP = 20;

  static LensLogits read(JsonFields fields) {
    return new LensLogits(
        LensInput.read(fields),
        fields.value("position"),
        fields.string("hooks", "blocks.*.hook_resid_post"),
        fields.integer("top", 5, 1, MAX_TOP));
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    int[] tokens = text.tokens(model);
    int from = position == null ? 0 : LensInput.positionOf(position, 0, tokens);
    int to = position == null ? tokens.length : from + 1;
    Lens lens = Lens.of(model.model());
    long cells = (long) lens.points(hooks).size() * (to - from);
    LensInput.requireAtMost("hooks", cells, "predictions", MAX_CELLS);
    int[] run = Arrays.copyOf(tokens, to);
    Capture capture = Capture.of(hooks).positions(from, to);
    return () -> answer(model, LogitLens.of(lens, run, capture, top), run, from);
  }

  private static Answer answer(ServedModel model, LogitLens read, int[] run, int from) {
    var rows = new JsonObject();
    for (int row = 0; row < read.points().size(); row++) {
      List<LogitLens.Cell> predictions = read.cells().get(row);
      rows.put(
          read.points().get(row).name(),
          predictions.stream().map(cell -> toJson(model.tokenizer(), cell)).toList());
    }
    return Answer.json(LensInput.head(model, run).with("from", from).with("hooks", rows));
  }

  private static JsonObject toJson(Tokenizer tokenizer, LogitLens.Cell cell) {
    return new JsonObject()
        .with("top", cell.top().stream().map(token -> toJson(tokenizer, token)).toList())
        .with("entropy_bits", cell.entropy())
        .with("rank_of_final", cell.rank())
        .with("kl_bits", cell.divergence());
  }

  private static JsonObject toJson(Tokenizer tokenizer, LogitLens.Candidate candidate) {
    return new JsonObject()
        .with("id", candidate.token())
        .with("piece", tokenizer.piece(candidate.token()))
        .with("probability", candidate.probability());
  }
}
