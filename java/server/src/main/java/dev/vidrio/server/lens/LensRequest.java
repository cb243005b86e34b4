package dev.vidrio.server.lens;

import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.model.ServedModel;
import java.util.Map;
import java.util.function.Supplier;

/** What a request wants to know of a model's inside. */
@FunctionalInterface
interface LensRequest {
  /** Reads the fields of a request, but for its model. */
  @FunctionalInterface
  interface Reader {
    LensRequest read(JsonFields fields);
  }

  /** A body, and the type of its content. */
  final class Answer {
    private final String type;
    private final byte[] body;

    Answer(String type, byte[] body) {
      this.type = type;
      this.body = body;
    }

    static Answer json(Map<String, Object> json) {
      return new Answer(Exchange.JSON, Json.bytes(json));
    }

    String type() {
      return type;
    }

    byte[] body() {
      return body;
    }
  }

  /** Whether the answer is JSON, which spaces may precede while it is worked on. */
  default boolean isJson() {
    return true;
  }

  /**
   * Reads the texts with a model's tokenizer, and checks what is asked, as far as that runs no
   * model.
   *
   * @return answers, on a thread that may call native code at length
   */
  Supplier<Answer> of(ServedModel model);
}
