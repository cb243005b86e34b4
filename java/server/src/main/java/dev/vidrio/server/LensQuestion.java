package dev.vidrio.server;

import java.util.Map;

/** What a request wants to know of a model's inside. */
@FunctionalInterface
interface LensQuestion {
  /** Reads the fields of a request, but for its model. */
  @FunctionalInterface
  interface Reader {
    LensQuestion read(Fields fields);
  }

  /**
   * A body.
   *
   * @param type of its content
   */
  record Answer(String type, byte[] body) {
    static Answer json(Map<String, Object> json) {
      return new Answer(Exchange.JSON, Json.bytes(json));
    }
  }

  /** Answers, on a thread that may call native code at length. */
  Answer of(ServedModel model);
}
