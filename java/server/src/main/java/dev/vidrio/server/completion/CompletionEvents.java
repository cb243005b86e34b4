package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.server.generation.ChunkEvents;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.generation.Receipts;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Streams completions as chunks. */
final class CompletionEvents extends ChunkEvents {
  private final CompletionRequest request;
  private final Tokenizer tokenizer;
  private final List<int[]> prompts;

  CompletionEvents(
      Exchange exchange,
      CompletionRequest request,
      String fingerprint,
      Tokenizer tokenizer,
      List<int[]> prompts) {
    super(
        exchange,
        Ids.next("cmpl-"),
        "text_completion",
        request.model(),
        fingerprint,
        request.usage());
    this.request = request;
    this.tokenizer = tokenizer;
    this.prompts = prompts;
  }

  @Override
  protected Choice choice(int index) {
    return new TextChoice(index);
  }

  private final class TextChoice implements Choice {
    private final int index;
    private final TextOffsets offsets = new TextOffsets(tokenizer);

    TextChoice(int index) {
      this.index = index;
    }

    /** Sends the prompt if it is echoed. */
    @Override
    public void begin() throws IOException {
      if (request.echo()) {
        int[] prompt = prompts.get(index / request.answersPerPrompt());
        send(CompletionResponse.text(tokenizer, prompt), "null", null, "");
      }
    }

    @Override
    public void accept(GeneratedToken token) throws IOException {
      var logProbability = token.logProbability();
      if (token.text().isEmpty() && logProbability == null) {
        return;
      }
      String json =
          logProbability == null
              ? "null"
              : Json.text(
                  LogProbabilityJson.ofCompletion(
                      tokenizer,
                      List.of(token.id()),
                      List.of(logProbability),
                      List.of(offsets.next(token.id()))));
      send(token.text(), json, null, "");
    }

    @Override
    public void end(Completion completion) throws IOException {
      send("", "null", FinishReasons.finish(completion), Receipts.field(completion));
    }

    private void send(String text, String logProbabilities, @Nullable String finish, String more)
        throws IOException {
      CompletionEvents.this.send(
          "{\"text\":"
              + Json.quoted(text)
              + ",\"index\":"
              + index
              + ",\"logprobs\":"
              + logProbabilities
              + ",\"finish_reason\":"
              + (finish == null ? "null" : "\"" + finish + "\"")
              + more
              + "}");
    }
  }
}
