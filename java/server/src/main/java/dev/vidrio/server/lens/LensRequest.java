package dev.vidrio.server.lens;

import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.model.ServedModel;
import java.util.function.Supplier;

/** A request of a route {@code /v1/lens/…}. */
@FunctionalInterface
interface LensRequest {
  /** The body of a response with its content type. */
  final class Answer {
    final String type;
    final byte[] body;

    Answer(String type, byte[] body) {
      this.type = type;
      this.body = body;
    }

    /** Returns a response of bytes. */
    static Answer bytes(byte[] body) {
      return new Answer("application/octet-stream", body);
    }

    /** Returns a JSON response. */
    static Answer json(JsonObject json) {
      return new Answer(Exchange.JSON, Json.bytes(json));
    }
  }

  /** Returns whether the response is JSON, before which white space may be sent as heartbeats. */
  default boolean isJson() {
    return true;
  }

  /** Returns whether an encoder, which has no logits, can answer the request. */
  default boolean supportsEncoders() {
    return false;
  }

  /**
   * Tokenizes the texts and validates the request, without running the model.
   *
   * @return computes the response, on a thread that may make long native calls
   */
  Supplier<Answer> prepare(ServedModel model);
}
