package dev.vidrio.cli.generation;

import dev.vidrio.cli.chat.Answer;
import dev.vidrio.cli.chat.Conversation;
import dev.vidrio.cli.chat.EngineConversation;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatOptions;
import java.time.Duration;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** Answers in an engine with speculative decoding. */
public final class DraftingSource implements AnswerSource {
  private final Engine engine;
  private final @Nullable Model draft;
  private final @Nullable Adaptation adaptation;

  /**
   * Opens an engine for one answer at a time.
   *
   * @param draft the draft model, closed with this source; null if the model has a draft block or
   *     head, or for prompt lookup
   * @param tokens maximum of draft tokens per step
   */
  DraftingSource(Model model, SessionOptions session, @Nullable Model draft, int tokens) {
    this.draft = draft;
    this.adaptation = session.adaptation();
    this.engine =
        Engine.open(
            model,
            Engines.options(session, 1)
                .withStreamInterval(Duration.ZERO)
                .withDraft(draft)
                .withDraftTokens(tokens));
  }

  @Override
  public Answer generate(int[] prompt, GenerationOptions options) {
    EngineStatus before = engine.status();
    TokenStream stream =
        engine.submit(
            GenerationRequest.builder(prompt)
                .options(options)
                .logProbabilities(0)
                .adaptation(adaptation)
                .build());
    return new DraftedAnswer(stream, before);
  }

  @Override
  public Conversation chat(ChatFormat format, ChatOptions template, GenerationOptions options) {
    return new EngineConversation(format, template, options, this::generate);
  }

  @Override
  public void close() {
    engine.close();
    if (draft != null) {
      draft.close();
    }
  }

  /** An answer of the engine. */
  private final class DraftedAnswer implements Answer {
    private final TokenStream stream;
    private final EngineStatus before;

    DraftedAnswer(TokenStream stream, EngineStatus before) {
      this.stream = stream;
      this.before = before;
    }

    @Override
    public Iterator<GeneratedToken> tokens() {
      return stream.iterator();
    }

    @Override
    public GenerationResult result() {
      return stream.result().result();
    }

    @Override
    public void cancel() {
      stream.cancel();
    }

    @Override
    public Drafts drafts() {
      EngineStatus now = engine.status();
      return new Drafts(
          now.draftTokens() - before.draftTokens(), now.acceptedTokens() - before.acceptedTokens());
    }

    @Override
    public void close() {
      stream.close();
    }
  }
}
