package dev.vidrio.cli;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.DraftedModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * The options of speculative decoding, by draft models, by EAGLE-3 heads, by blocks of the models
 * themselves or by prompt lookup.
 */
final class ServedDraftsOption {
  private static final String FORM = "[NAME=]MODEL";

  @Option(
      names = "--draft",
      paramLabel = FORM,
      description = {
        "Speculative decoding: a smaller draft model of the same vocabulary. Answers do not change;"
            + " they are faster if it is much smaller and most drafts are accepted, and hardly"
            + " slower otherwise.",
        DraftedModel.DESCRIPTION,
        "With several models, NAME is the one it drafts for."
      })
  private List<String> drafts = new ArrayList<>();

  @Option(
      names = "--draft-tokens",
      paramLabel = "N",
      description =
          "Maximum of tokens to draft per step, unless a request sets draft_tokens; as many as pay"
              + " are drafted, with --draft or by prompt lookup. Default: "
              + DraftedModel.TOKENS
              + " with --draft, else 0.")
  private @Nullable Integer tokens;

  /** Returns the default number of draft tokens. */
  int tokens() {
    if (tokens != null) {
      return tokens;
    }
    return drafts.isEmpty() ? 0 : DraftedModel.TOKENS;
  }

  /**
   * Returns the reference of each model's draft model or head, or {@link DraftedModel#OWN_BLOCK}.
   *
   * @param models names of the served models
   * @throws UsageException if a draft model does not name its model, or a model has two
   */
  Map<String, String> of(List<String> models) {
    Map<String, String> byModel = new HashMap<>();
    for (String draft : drafts) {
      String name = draft.substring(0, Math.max(0, draft.indexOf('=')));
      boolean named = models.contains(name);
      if (!named && models.size() > 1) {
        throw new UsageException(
            "--draft " + draft + ": must name the model it drafts for: " + FORM);
      }
      String reference = named ? draft.substring(name.length() + 1) : draft;
      if (byModel.put(named ? name : models.getFirst(), reference) != null) {
        throw new UsageException("--draft " + draft + ": the model already has a draft model");
      }
    }
    return byModel;
  }
}
