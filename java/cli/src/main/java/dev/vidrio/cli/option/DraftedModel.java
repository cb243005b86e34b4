package dev.vidrio.cli.option;

import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A model with the source of its drafts (speculative decoding).
 *
 * @param model opens the model, with its own draft block or an EAGLE-3 head if that drafts
 * @param draft opens the draft model; null if the model drafts itself, or prompt lookup does
 */
public record DraftedModel(ModelOption model, @Nullable ModelOption draft) {
  /** Instead of a draft model or a head: the model's own block for multi-token prediction. */
  public static final String OWN_BLOCK = "mtp";

  /** Default maximum of draft tokens per step with a draft model, block or head. */
  public static final int TOKENS = 4;

  /** Describes the values of an option {@code --draft}. */
  public static final String DESCRIPTION =
      "With '"
          + OWN_BLOCK
          + "', the model's own block for multi-token prediction (MTP, NextN) drafts, if its GGUF"
          + " file has one. The GGUF file of an EAGLE-3 head drafts in the same way.";

  /**
   * Returns a model with the source of drafts that a reference names.
   *
   * @param reference a draft model, the file of a head, or {@value #OWN_BLOCK}; null for none
   */
  public static DraftedModel of(ModelOption model, @Nullable String reference) {
    if (reference == null) {
      return new DraftedModel(model, null);
    }
    if (reference.equals(OWN_BLOCK)) {
      return new DraftedModel(model.withDraftBlock(), null);
    }
    Optional<Path> head = ModelOption.file(reference).filter(Model::isDraftHead);
    return head.isPresent()
        ? new DraftedModel(model.withDraftHead(head.get()), null)
        : new DraftedModel(model, model.withReference(reference));
  }
}
