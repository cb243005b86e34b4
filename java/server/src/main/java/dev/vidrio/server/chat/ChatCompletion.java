package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.generation.Receipts;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The response to a request of {@code /v1/chat/completions}.
 *
 * @param request the request
 * @param served the model
 * @param answers creates the parsers of the answers
 */
record ChatCompletion(ChatRequest request, ServedModel served, Supplier<ChatAnswer> answers)
    implements ApiResponse {

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    new ChatEvents(exchange, request, served, answers).send(streams, request.answersPerPrompt());
  }

  @Override
  public JsonObject toJson(List<Completion> completions) {
    List<JsonObject> choices = new ArrayList<>();
    int reasoningTokens = 0;
    for (int i = 0; i < completions.size(); i++) {
      ChatAnswer answer = answers.get();
      choices.add(choice(i, completions.get(i), answer));
      reasoningTokens += answer.reasoningTokens();
    }
    return new JsonObject()
        .with("id", Ids.next("chatcmpl-"))
        .with("object", "chat.completion")
        .with("created", Ids.now())
        .with("model", request.model())
        .with("system_fingerprint", served.fingerprint())
        .with("choices", choices)
        .with("usage", Usage.of(completions, completions.size(), reasoningTokens).toJson());
  }

  private JsonObject choice(int index, Completion completion, ChatAnswer reader) {
    ChatMessage answer = reader.read(completion.result());
    List<ToolCall> calls = request.tools().kept(answer.toolCalls());
    var message =
        new JsonObject()
            .with("role", "assistant")
            .with("content", answer.content())
            .withPresent("reasoning_content", answer.reasoning())
            .with("refusal", null)
            .withPresent(
                "tool_calls",
                calls.isEmpty()
                    ? null
                    : calls.stream()
                        .map(call -> ToolCalls.toJson(call, reader.needsShortIds()))
                        .toList());
    return new JsonObject()
        .with("index", index)
        .with("message", message)
        .with(
            "logprobs",
            request.logProbabilities() < 0
                ? null
                : LogProbabilityJson.ofChat(served.tokenizer(), completion.tokens()))
        .with("finish_reason", FinishReasons.finish(completion, !calls.isEmpty()))
        .withPresent("score", completion.score())
        .withPresent("receipt", Receipts.tree(completion));
  }
}
