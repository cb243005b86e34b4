package dev.vidrio.langchain4j;

import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.onCompleteResponse;
import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.onCompleteToolCall;
import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.onPartialResponse;
import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.onPartialThinking;
import static dev.langchain4j.internal.InternalStreamingChatResponseHandlerUtils.withLoggingExceptions;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.chat.response.StreamingHandle;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import java.util.List;

/** Passes an answer to a handler while it is generated, until it is canceled. */
final class StreamedAnswer implements Runnable, StreamingHandle {
  private final EngineChatModel model;
  private final EngineChatModel.Answer answer;
  private final StreamingChatResponseHandler handler;
  private volatile boolean canceled;

  StreamedAnswer(
      EngineChatModel model, EngineChatModel.Answer answer, StreamingChatResponseHandler handler) {
    this.model = model;
    this.answer = answer;
    this.handler = handler;
  }

  @Override
  public void run() {
    try (TokenStream stream = answer.stream()) {
      ChatAnswer reader = answer.reader();
      for (GeneratedToken token : stream) {
        publish(reader, reader.accept(token));
      }
      publish(reader, reader.finish(stream.result().result().finish()));
      if (!canceled) {
        end(model.response(reader.message(), stream.result()));
      }
    } catch (RuntimeException e) {
      if (!canceled) {
        withLoggingExceptions(() -> handler.onError(ExceptionMapper.map(e)));
      }
    }
  }

  private void publish(ChatAnswer reader, String piece) {
    if (!canceled) {
      onPartialThinking(handler, reader.reasoning(), this);
    }
    if (!canceled) {
      onPartialResponse(handler, piece, this);
    }
  }

  private void end(ChatResponse response) {
    List<ToolExecutionRequest> calls = response.aiMessage().toolExecutionRequests();
    for (int i = 0; i < calls.size(); i++) {
      onCompleteToolCall(handler, new CompleteToolCall(i, calls.get(i)));
    }
    onCompleteResponse(handler, response);
  }

  @Override
  public void cancel() {
    canceled = true;
    answer.stream().cancel();
  }

  @Override
  public boolean isCancelled() {
    return canceled;
  }
}
