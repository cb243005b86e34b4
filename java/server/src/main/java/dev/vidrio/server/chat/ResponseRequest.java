package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ChunkEvents;
import dev.vidrio.server.generation.Parameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.TextAnswer;
import dev.vidrio.server.generation.TextRequest;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import dev.vidrio.server.model.ServedModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request for a response, which is a chat in other words: nothing is stored, so that each carries
 * the whole conversation.
 *
 * @param echoed fields that the response repeats
 */
record ResponseRequest(ChatRequest chat, Map<String, @Nullable Object> echoed)
    implements TextRequest {
  private static final Map<String, Object> TEXT = Map.of("format", Map.of("type", "text"));
  private static final String LOG_PROBABILITIES = "message.output_text.logprobs";

  static ResponseRequest read(Fields fields, RequestLimits limits, String tenant) {
    String stored = "nothing is stored here: send the whole conversation as input";
    fields.refuse("previous_response_id", stored);
    fields.refuse("conversation", stored);
    fields.refuse("n", "a response is one answer");
    fields.refuse("stop", "is for completions");
    String truncation = fields.oneOf("truncation", "disabled", "disabled");
    if (fields.bool("background", false)) {
      throw ApiException.unsupported("background", "background: " + stored);
    }
    ChatTools tools = ChatTools.read(fields, true);
    boolean stream = fields.bool("stream", false);
    var chat =
        new ChatRequest(
            fields.required("model").string(),
            ResponseInput.read(fields),
            tools,
            ChatRequest.formed(
                Parameters.read(
                    fields,
                    fields.integer("max_output_tokens", limits.tokens(), 1, limits.tokens()),
                    limits,
                    tenant),
                format(fields),
                tools),
            logProbabilities(fields),
            effort(fields),
            ChatRequest.variables(fields),
            stream,
            ChunkEvents.includesUsage(fields, stream));
    var request = new ResponseRequest(chat, echoed(fields, truncation));
    fields.end();
    return request;
  }

  /** What the response repeats of fields that have been read, and are right. */
  private static Map<String, @Nullable Object> echoed(Fields fields, String truncation) {
    Value metadata = fields.value("metadata");
    Value tools = fields.value("tools");
    Value choice = fields.value("tool_choice");
    Value text = fields.value("text");
    Value tokens = fields.value("max_output_tokens");
    Value reasoning = fields.value("reasoning");
    Map<String, @Nullable Object> echoed = new LinkedHashMap<>();
    echoed.put("instructions", fields.string("instructions"));
    echoed.put("metadata", metadata == null ? Map.of() : metadata.tree(Map.class));
    echoed.put("tools", tools == null ? List.of() : tools.tree(List.class));
    echoed.put("tool_choice", choice == null ? "auto" : choice.tree(Object.class));
    echoed.put("reasoning", reasoning == null ? null : reasoning.tree(Map.class));
    echoed.put("text", text == null ? TEXT : text.tree(Map.class));
    echoed.put("max_output_tokens", tokens == null ? null : tokens.tree(Integer.class));
    echoed.put("truncation", truncation);
    return echoed;
  }

  @Override
  public String model() {
    return chat.model();
  }

  @Override
  public Parameters parameters() {
    return chat.parameters();
  }

  @Override
  public boolean stream() {
    return chat.stream();
  }

  @Override
  public String promptField() {
    return "input";
  }

  @Override
  public List<GenerationRequest> generations(ServedModel model) {
    return chat.generations(model, promptField());
  }

  @Override
  public @Nullable Grammar grammar(ServedModel model, int[] prompt, @Nullable Grammar form) {
    return chat.grammar(model, prompt, form);
  }

  @Override
  public TextAnswer answer(ServedModel model, List<GenerationRequest> generations) {
    return new ResponseObject(this, model, generations.getFirst().prompt());
  }

  private static @Nullable Value effort(Fields fields) {
    Value effort = fields.value("reasoning_effort");
    Value value = fields.value("reasoning");
    if (value != null) {
      Fields reasoning = value.fields();
      Value within = reasoning.value("effort");
      effort = within == null ? effort : within;
      reasoning.end();
    }
    return effort;
  }

  private static @Nullable AnswerFormat format(Fields fields) {
    Value value = fields.value("text");
    if (value == null) {
      return null;
    }
    Fields text = value.fields();
    var _ = text.oneOf("verbosity", "medium", "medium");
    AnswerFormat format = AnswerFormat.of(text.value("format"), true);
    text.end();
    return format;
  }

  private static int logProbabilities(Fields fields) {
    int top = fields.integer("top_logprobs", 0, 0, GenerationRequest.MAX_TOP);
    boolean wanted = top > 0;
    Value include = fields.value("include");
    for (Value element : include == null ? List.<Value>of() : include.elements(0, 16)) {
      switch (element.string()) {
        case LOG_PROBABILITIES -> wanted = true;
        // Thoughts are told as they are.
        case "reasoning.encrypted_content" -> {}
        default ->
            throw ApiException.unsupported(
                element.path(), element.path() + " '" + element.string() + "': is not supported");
      }
    }
    return wanted ? top : -1;
  }
}
