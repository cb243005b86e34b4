package dev.vidrio.langchain4j;

import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import java.util.List;
import java.util.Set;

/** Common parts of both chat models. */
abstract class EngineChatModel implements AutoCloseable {
  final ChatEngine engine;

  EngineChatModel(ChatModelBuilder<?> builder) {
    this.engine = new ChatEngine(builder);
  }

  /** Returns the default parameters of requests. */
  public ChatRequestParameters defaultRequestParameters() {
    return engine.defaults();
  }

  /** Returns the listeners of requests and answers. */
  public List<ChatModelListener> listeners() {
    return engine.listeners();
  }

  /** Returns the capabilities: answers match the JSON schema of a response format. */
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }

  /** Closes the engine if the model has opened it, which cancels running requests. */
  @Override
  public void close() {
    engine.close();
  }
}
