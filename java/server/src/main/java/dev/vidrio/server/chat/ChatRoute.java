package dev.vidrio.server.chat;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.GenerationRequest;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.model.tokenizer.Tokenizer;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilities;
import dev.vidrio.server.generation.Reasons;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.Streams;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.lens.LensWork;
import dev.vidrio.server.model.Models;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code /v1/chat/completions}. */
public final class ChatRoute {
  private final Models models;
  private final RequestLimits limits;
  private final LensWork lens;

  public ChatRoute(Models models, RequestLimits limits, LensWork lens) {
    this.models = models;
    this.limits = limits;
    this.lens = lens;
  }

  public Route route() {
    return Route.post("/v1/chat/completions", this::handle);
  }

  private void handle(Exchange exchange) throws IOException {
    ChatRequest request = ChatRequest.read(exchange.fields(), limits, exchange.tenant());
    try (Models.Use use = models.use(request.model())) {
      ServedModel model = use.model();
      model.engine().requireRoom(request.parameters().choices());
      GenerationRequest generation = request.generation(use, lens);
      exchange.reply().header("x-vidrio-parameters", request.parameters().summary());
      try (Streams streams =
          Streams.submit(model.engine(), List.of(generation), request.parameters().choices())) {
        if (request.stream()) {
          new ChatEvents(exchange, request, model.tokenizer())
              .send(streams, request.parameters().choices());
        } else {
          exchange.whileWaiting(streams::close);
          exchange.answer(Json.bytes(toJson(request, model.tokenizer(), streams.results())));
        }
      }
    }
  }

  private static Map<String, Object> toJson(
      ChatRequest request, Tokenizer tokenizer, List<Completion> completions) {
    List<Map<String, @Nullable Object>> choices = new ArrayList<>();
    for (int i = 0; i < completions.size(); i++) {
      choices.add(choice(request, tokenizer, i, completions.get(i)));
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", Ids.next("chatcmpl-"));
    json.put("object", "chat.completion");
    json.put("created", Ids.now());
    json.put("model", request.model());
    json.put("choices", choices);
    json.put("usage", Usage.of(completions, completions.size()).toJson());
    return json;
  }

  private static Map<String, @Nullable Object> choice(
      ChatRequest request, Tokenizer tokenizer, int index, Completion completion) {
    ChatMessage answer =
        ChatAnswer.message(tokenizer, completion.result(), request.tools().areGiven());
    List<ToolCall> calls = request.tools().kept(answer.toolCalls());
    Map<String, @Nullable Object> message = new LinkedHashMap<>();
    message.put("role", "assistant");
    message.put("content", answer.content());
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
            : LogProbabilities.ofChat(tokenizer, completion.tokens()));
    choice.put("finish_reason", calls.isEmpty() ? Reasons.finish(completion) : "tool_calls");
    if (completion.score() != null) {
      choice.put("score", completion.score());
    }
    return choice;
  }
}
