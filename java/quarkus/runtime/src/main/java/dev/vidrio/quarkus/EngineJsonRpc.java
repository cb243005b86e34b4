package dev.vidrio.quarkus;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineStatus;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.MultiEmitter;
import jakarta.enterprise.inject.Instance;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The data of the extension's page in Quarkus's Dev UI, which exists in dev mode only. */
public class EngineJsonRpc {
  private final Instance<Engine> engine;
  private final Instance<StreamingChatModel> chat;

  /**
   * Creates the data of an application's engine. Nothing is opened yet.
   *
   * @param engine the engine
   * @param chat the model that answers questions
   */
  public EngineJsonRpc(Instance<Engine> engine, Instance<StreamingChatModel> chat) {
    this.engine = engine;
    this.chat = chat;
  }

  /** Returns the model's file name, for the extension's card. Opens the model if necessary. */
  public String model() {
    String name = engine.get().model().name();
    Path file = Path.of(name).getFileName();
    return file == null ? name : file.toString();
  }

  /** Returns properties of the engine with their current values, in the order of the page. */
  public Map<String, Object> status() {
    Engine running = engine.get();
    EngineStatus status = running.status();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("Model", running.model().name());
    values.put("Architecture", running.model().architecture().name());
    values.put("Context, in tokens", running.options().context());
    values.put("Running requests", status.running());
    values.put("Waiting requests", status.waiting());
    values.put("Cache blocks in use", status.usedBlocks() + " of " + status.blocks());
    values.put("Accepts requests", running.isDraining() ? "no, it shuts down" : "yes");
    return values;
  }

  /** Returns the answer to a question, piece by piece. */
  public Multi<String> ask(String question) {
    return Multi.createFrom().emitter(answer -> chat.get().chat(question, new Pieces(answer)));
  }

  /** Passes the pieces of an answer on. */
  private record Pieces(MultiEmitter<? super String> answer)
      implements StreamingChatResponseHandler {
    @Override
    public void onPartialResponse(String piece) {
      answer.emit(piece);
    }

    @Override
    public void onCompleteResponse(ChatResponse response) {
      answer.complete();
    }

    @Override
    public void onError(Throwable failure) {
      answer.fail(failure);
    }
  }
}
