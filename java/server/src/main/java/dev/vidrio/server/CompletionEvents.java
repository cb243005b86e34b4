package dev.vidrio.server;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.GeneratedToken;
import dev.vidrio.engine.GenerationRequest;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Continued texts as a stream of chunks. */
final class CompletionEvents {
  private static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

  private final CompletionRequest request;
  private final Tokenizer tokenizer;
  private final List<GenerationRequest> generations;
  private final EventStream events;
  private final Reply reply;
  private final String id;
  private final byte[] head;
  private final byte[] tail;

  CompletionEvents(
      Exchange exchange,
      CompletionRequest request,
      Tokenizer tokenizer,
      List<GenerationRequest> generations) {
    this.request = request;
    this.tokenizer = tokenizer;
    this.generations = generations;
    this.reply = exchange.reply();
    this.id = exchange.id();
    this.events = new EventStream(reply);
    this.head =
        new JsonBuffer()
            .raw("{\"id\":")
            .string(Ids.next("cmpl-"))
            .raw(",\"object\":\"text_completion\",\"created\":" + Ids.now() + ",\"model\":")
            .string(request.model())
            .raw(",\"choices\":[")
            .toBytes();
    this.tail =
        (request.includeUsage() ? "],\"usage\":null}" : "]}").getBytes(StandardCharsets.UTF_8);
  }

  /** Sends all answers, and {@code [DONE]}. */
  void send(Streams streams) throws IOException {
    reply.whileWaiting(EventStream.CONTENT_TYPE, EventStream.HEARTBEAT, streams::close);
    List<Choice> choices = new ArrayList<>();
    for (int i = 0; i < streams.size(); i++) {
      choices.add(new Choice(i));
      if (request.echo()) {
        int[] prompt = generations.get(i / request.bestOf()).prompt();
        choices.get(i).send(CompletionText.of(tokenizer, prompt), NULL, null);
      }
    }
    List<Completion> completions;
    try {
      completions = streams.read((i, token) -> choices.get(i).accept(token));
    } catch (RuntimeException e) {
      events.send(Failures.explain(e, id).toJson());
      events.end();
      return;
    }
    for (int i = 0; i < choices.size(); i++) {
      choices.get(i).send("", NULL, Reasons.finish(completions.get(i)));
    }
    if (request.includeUsage()) {
      Usage usage = Usage.of(completions, request.bestOf());
      events.send(
          EventStream.start(new JsonBuffer())
              .raw(head)
              .raw("],\"usage\":")
              .raw(Json.bytes(usage.toJson()))
              .raw("}"));
    }
    events.done();
  }

  /** One of the answers. */
  private final class Choice {
    private final int index;
    private final JsonBuffer buffer = new JsonBuffer();
    private int length;

    Choice(int index) {
      this.index = index;
    }

    void accept(GeneratedToken token) throws IOException {
      var logProbability = token.logProbability();
      if (token.text().isEmpty() && logProbability == null) {
        return;
      }
      byte[] json =
          logProbability == null
              ? NULL
              : Json.bytes(
                  LogProbabilities.ofCompletion(
                      tokenizer, List.of(token.id()), List.of(logProbability), List.of(length)));
      length += token.text().length();
      send(token.text(), json, null);
    }

    void send(String text, byte[] logProbabilities, @Nullable String finish) throws IOException {
      EventStream.start(buffer)
          .raw(head)
          .raw("{\"text\":")
          .string(text)
          .raw(",\"index\":" + index + ",\"logprobs\":")
          .raw(logProbabilities)
          .raw(",\"finish_reason\":")
          .raw(finish == null ? "null" : "\"" + finish + "\"")
          .raw("}")
          .raw(tail);
      events.send(buffer);
    }
  }
}
