package dev.vidrio.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;
import java.util.Set;

/** What a chat model is, whether its answers come as a whole or in pieces. */
abstract class EngineChatModel implements AutoCloseable {
  final ChatEngine engine;

  EngineChatModel(ChatModelBuilder<?> builder) {
    this.engine = new ChatEngine(builder);
  }

  /** The parameters of a request that has none. */
  public ChatRequestParameters defaultRequestParameters() {
    return engine.defaults();
  }

  /** Who is told of requests and answers. */
  public List<ChatModelListener> listeners() {
    return engine.listeners();
  }

  /** Answers keep to the JSON schema of a response format. */
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }

  /** Closes the engine if it is the model's own; requests that run are canceled. */
  @Override
  public void close() {
    engine.close();
  }
}
