package example;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.MultiEmitter;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import org.jboss.resteasy.reactive.RestQuery;

/** A service that answers questions with a model in its own process. */
@Path("/")
public class AnswerResource {
  private final ChatModel model;
  private final StreamingChatModel streaming;

  AnswerResource(ChatModel model, StreamingChatModel streaming) {
    this.model = model;
    this.streaming = streaming;
  }

  /** Returns an answer. */
  @GET
  @Path("answer")
  @Produces(MediaType.TEXT_PLAIN)
  public String answer(@RestQuery String question) {
    return model.chat(question);
  }

  /** Streams an answer. */
  @GET
  @Path("stream")
  @Produces(MediaType.TEXT_PLAIN)
  public Multi<String> stream(@RestQuery String question) {
    return Multi.createFrom().emitter(emitter -> streaming.chat(question, handler(emitter)));
  }

  private static StreamingChatResponseHandler handler(MultiEmitter<? super String> emitter) {
    return new StreamingChatResponseHandler() {
      @Override
      public void onPartialResponse(String piece) {
        emitter.emit(piece);
      }

      @Override
      public void onCompleteResponse(ChatResponse response) {
        emitter.complete();
      }

      @Override
      public void onError(Throwable error) {
        emitter.fail(error);
      }
    };
  }
}
