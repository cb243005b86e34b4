package dev.vidrio.server.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TokenLimit;
import dev.vidrio.lens.edit.EditFiles;
import dev.vidrio.lens.edit.WrittenEdits;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The edits of activations of a lens request: directions and edits that are written as text.
 *
 * @param steering the directions, applied first
 * @param edits the written edits, in their order
 */
record LensEdits(Steering steering, List<JsonValue> edits) {
  /** No edits. */
  static final LensEdits NONE = new LensEdits(Steering.NONE, List.of());

  private static final int MAX_EDITS = 16;

  /** Reads {@code steer} and {@code edits}; none if they are absent. */
  static LensEdits read(JsonFields fields) {
    return read(fields, "");
  }

  /**
   * Reads the edits of one of several models; none if they are absent.
   *
   * @param prefix of the names of the two fields, such as {@code with_}
   */
  static LensEdits read(JsonFields fields, String prefix) {
    List<JsonValue> edits =
        fields.optional(prefix + "edits", value -> value.elements(0, MAX_EDITS)).orElse(List.of());
    edits.forEach(JsonValue::string);
    return new LensEdits(Steering.ofLens(fields, prefix + "steer"), edits);
  }

  /** Returns whether there are none. */
  boolean isEmpty() {
    return steering.directions().isEmpty() && edits.isEmpty();
  }

  /**
   * Validates the directions. The supplier runs the texts of directions and edits, each of at most
   * {@link LensInput#MAX_TOKENS} tokens.
   *
   * @param tokens the text that runs with the edits
   */
  Supplier<List<Intervention>> prepare(ServedModel model, int[] tokens) {
    Supplier<List<Intervention>> directions = steering.prepare(model);
    Lens lens = Lens.ofActivations(model.model());
    return () -> {
      List<Intervention> all = new ArrayList<>(directions.get());
      edits.forEach(edit -> all.addAll(read(lens, tokens, edit)));
      return all;
    };
  }

  private static List<Intervention> read(Lens lens, int[] tokens, JsonValue edit) {
    try {
      return TokenLimit.call(
          LensInput.MAX_TOKENS,
          () -> WrittenEdits.read(lens, tokens, edit.string(), EditFiles.NONE));
    } catch (InvalidInputException e) {
      String where = e.field().equals("edit") ? "" : e.field() + " " + e.value() + ": ";
      throw edit.error(where + e.limit());
    }
  }
}
