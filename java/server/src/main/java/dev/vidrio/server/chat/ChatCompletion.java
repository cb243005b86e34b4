package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The response to a {@link ChatRequest}. */
final class ChatCompletion implements ApiResponse {
  private final ChatRequest request;
  private final ServedModel model;
  private final int[] prompt;

  ChatCompletion(ChatRequest request, ServedModel model, int[] prompt) {
    this.request = request;
    this.model = model;
    this.prompt = prompt;
  }

  private ChatAnswer newAnswer() {
    return request.tools().newAnswer(model.chat(), prompt);
  }

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    new ChatEvents(exchange, request, model.tokenizer(), this::newAnswer)
        .send(streams, request.answersPerPrompt());
  }

  @Override
  public Map<String, Object> toJson(List<Completion> completions) {
    List<Map<String, @Nullable Object>> choices = new ArrayList<>();
    int reasoningTokens = 0;
    for (int i = 0; i < completions.size(); i++) {
      ChatAnswer answer = newAnswer();
      choices.add(choice(i, completions.get(i), answer.read(completions.get(i).result())));
      reasoningTokens += answer.reasoningTokens();
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", Ids.next("chatcmpl-"));
    json.put("object", "chat.completion");
    json.put("created", Ids.now());
    json.put("model", request.model());
    json.put("choices", choices);
    json.put("usage", Usage.of(completions, completions.size(), reasoningTokens).toJson());
    return json;
  }

  private Map<String, @Nullable Object> choice(
      int index, Completion completion, ChatMessage answer) {
    List<ToolCall> calls = request.tools().kept(answer.toolCalls());
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    message.put("role", "assistant");
    message.put("content", answer.content());
    if (answer.reasoning() != null) {
      message.put("reasoning_content", answer.reasoning());
    }
    message.put("refusal", null);
    if (!calls.isEmpty()) {
      message.put("tool_calls", calls.stream().map(ToolCalls::toJson).toList());
    }
    Map<String, @Nullable Object> choice = new LinkedHashMap<>();
    choice.put("index", index);
    choice.put("message", message);
    choice.put(
        "logprobs",
        request.logProbabilities() < 0
            ? null
            : LogProbabilityJson.ofChat(model.tokenizer(), completion.tokens()));
    choice.put("finish_reason", FinishReasons.finish(completion, !calls.isEmpty()));
    if (completion.score() != null) {
      choice.put("score", completion.score());
    }
    return choice;
  }
}
