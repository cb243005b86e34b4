package dev.vidrio.server.lens;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.PredictionComparison;
import dev.vidrio.lens.inspect.PredictionComparison.Candidate;
import dev.vidrio.lens.inspect.PredictionComparison.Cell;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/compare}: the predictions of two models, adapters of a model, or a
 * model without and with edits, on one text.
 *
 * @param model the name of the model; its tokenizer and chat template read the text
 * @param with the name of the other model
 * @param text the input
 * @param from the first position; null for 0
 * @param top the number of the most likely tokens of each model
 * @param changes edits of activations of the model
 * @param otherChanges edits of activations of the other model
 */
record LensCompare(
    String model,
    String with,
    LensInput text,
    @Nullable JsonValue from,
    int top,
    LensEdits changes,
    LensEdits otherChanges) {
  private static final int MAX_TOP = 20;

  /** The prefix of the fields of the other model's edits. */
  private static final String OTHER = "with_";

  static LensCompare read(JsonFields fields) {
    return new LensCompare(
        fields.required("model").string(),
        fields.required("with").string(),
        LensInput.read(fields),
        fields.value("from"),
        fields.integer("top", 5, 1, MAX_TOP),
        LensEdits.read(fields),
        LensEdits.read(fields, OTHER));
  }

  /** Tokenizes the text; the supplier runs both models. */
  Supplier<LensRequest.Answer> prepare(ModelRegistry.Lease own, ModelRegistry.Lease other) {
    int[] tokens = text.tokens(own.model());
    int first = from == null ? 0 : LensInput.positionOf(from, 0, tokens);
    Supplier<List<Intervention>> edits = edits(own, "", changes, tokens);
    Supplier<List<Intervention>> otherEdits = edits(other, OTHER, otherChanges, tokens);
    return () -> answer(own, edits.get(), other, otherEdits.get(), tokens, first);
  }

  /** Validates the edits of a model, which must not be an adapter if there are any. */
  private static Supplier<List<Intervention>> edits(
      ModelRegistry.Lease lease, String prefix, LensEdits edits, int[] tokens) {
    if (edits.isEmpty()) {
      return List::of;
    }
    if (lease.adaptation() != null) {
      String field = edits.edits().isEmpty() ? "steer" : "edits";
      throw ApiException.unsupported(prefix + field, "not supported for an adapter");
    }
    return edits.prepare(lease.model(), tokens);
  }

  private LensRequest.Answer answer(
      ModelRegistry.Lease own,
      List<Intervention> edits,
      ModelRegistry.Lease other,
      List<Intervention> otherEdits,
      int[] tokens,
      int first) {
    PredictionComparison compared =
        PredictionComparison.of(
            lens(own).edited(edits), lens(other).edited(otherEdits), tokens, first, top);
    Tokenizer tokenizer = own.model().tokenizer();
    return LensRequest.Answer.json(
        LensInput.head(own.model(), tokens)
            .with("model", model)
            .with("with", with)
            .with("from", first)
            .with(
                "predictions",
                compared.cells().stream().map(cell -> toJson(tokenizer, cell)).toList()));
  }

  private static Lens lens(ModelRegistry.Lease lease) {
    return Lens.of(lease.model().model()).adapted(lease.adaptation());
  }

  private static JsonObject toJson(Tokenizer tokenizer, Cell cell) {
    Candidate next = cell.next();
    return new JsonObject()
        .with("kl_bits", cell.divergence())
        .with("top", cell.top().stream().map(one -> toJson(tokenizer, one)).toList())
        .withPresent("next", next == null ? null : toJson(tokenizer, next));
  }

  private static JsonObject toJson(Tokenizer tokenizer, Candidate candidate) {
    return new JsonObject()
        .with("id", candidate.token())
        .with("piece", tokenizer.piece(candidate.token()))
        .with("probability", candidate.probability())
        .with("with_probability", candidate.other());
  }
}
