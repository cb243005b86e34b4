package dev.vidrio.cli.generation;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.cli.option.DraftedModel;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of speculative decoding for one model. */
public final class DraftOption {
  @Option(
      names = "--draft",
      paramLabel = "MODEL",
      description = {
        "Speculative decoding: a smaller draft model of the same vocabulary. The answer does not"
            + " change; it is faster if the draft model is much smaller and most drafts are"
            + " accepted, and hardly slower otherwise.",
        DraftedModel.DESCRIPTION
      })
  private @Nullable String draft;

  @Option(
      names = "--draft-tokens",
      paramLabel = "N",
      description =
          "Maximum of tokens to draft per step, with --draft, else by prompt lookup, which is fast"
              + " if the answer repeats parts of the prompt. As many as pay are drafted. Default: "
              + DraftedModel.TOKENS
              + " with --draft, else 0.")
  private @Nullable Integer tokens;

  /** Returns whether drafts are wanted. */
  public boolean isGiven() {
    return draft != null || tokens() > 0;
  }

  /** Returns the maximum of draft tokens per step. */
  public int tokens() {
    if (tokens != null) {
      requireRange("--draft-tokens", tokens, 0, Session.CANDIDATES);
      return tokens;
    }
    return draft == null ? 0 : DraftedModel.TOKENS;
  }

  /** Returns the model with the source of its drafts. */
  public DraftedModel of(ModelOption model) {
    return DraftedModel.of(model, draft);
  }

  /**
   * Opens the source of answers of an open model.
   *
   * @param drafted {@link #of} the model's options
   */
  public AnswerSource open(Model model, DraftedModel drafted, SessionOptions session) {
    if (!isGiven()) {
      return new SessionSource(model, session);
    }
    Model small = drafted.draft() == null ? null : drafted.draft().open();
    try {
      return new DraftingSource(model, session, small, tokens());
    } catch (RuntimeException | Error e) {
      if (small != null) {
        small.close();
      }
      throw e;
    }
  }
}
