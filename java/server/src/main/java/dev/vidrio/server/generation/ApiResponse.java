package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.server.http.Exchange;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The answer to a {@link ApiRequest}, in the words of its route. */
public interface ApiResponse {
  /** All of it, when it has ended. */
  Map<String, ? extends @Nullable Object> toJson(List<Completion> completions);

  /** Sends it as it comes. */
  void send(Exchange exchange, AnswerStreams streams) throws IOException;
}
