package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.server.http.Exchange;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The response to an {@link ApiRequest}, in the format of its route. */
public interface ApiResponse {
  /** Returns the whole response as JSON. */
  Map<String, ? extends @Nullable Object> toJson(List<Completion> completions);

  /** Sends the whole response. */
  default void answer(Exchange exchange, List<Completion> completions) throws IOException {
    exchange.answer(toJson(completions));
  }

  /** Sends the response as events while it is generated. */
  void send(Exchange exchange, AnswerStreams streams) throws IOException;
}
