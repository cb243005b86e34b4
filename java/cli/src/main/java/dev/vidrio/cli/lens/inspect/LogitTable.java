package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.page.View;

/** A result of {@code vidrio lens logits}. */
interface LogitTable {
  /** Prints the result as text. */
  void print();

  /** Adds the result to a JSON object. */
  void fill(JsonObject object);

  /** Returns the result on a page. */
  View view();
}
