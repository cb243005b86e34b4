package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.server.http.Json;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Receipts of answers, for requests with {@code "receipt": true}. */
public final class Receipts {
  private Receipts() {}

  /** Returns the receipt of an answer as JSON, or null if none is requested. */
  public static @Nullable Map<String, @Nullable Object> tree(Completion completion) {
    Receipt receipt = completion.result().receipt();
    return receipt == null ? null : receipt.toTree();
  }

  /** Returns the receipt as the last field of a JSON object; empty if none is requested. */
  public static String field(Completion completion) {
    Map<String, @Nullable Object> tree = tree(completion);
    return tree == null ? "" : ",\"receipt\":" + Json.text(tree);
  }
}
