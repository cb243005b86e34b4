package dev.vidrio.model.block;

/** The source of the draft block of a model. */
public sealed interface DraftSource {
  /** The model runs without a draft block. */
  record None() implements DraftSource {}

  /** The model's own block for multi-token prediction, in its file. */
  record OwnBlock() implements DraftSource {}

  /**
   * An EAGLE-3 head, from a file of its own.
   *
   * @param params hyperparameters of the head
   * @param weights loads the tensors of the head
   */
  record Head(Hyperparameters params, WeightLoader weights) implements DraftSource {}

  /** The name of a head in error messages. */
  String HEAD = "a draft head (EAGLE-3)";

  /** Runs the model without a draft block. */
  DraftSource NONE = new None();

  /** Runs the model's own block. */
  DraftSource OWN_BLOCK = new OwnBlock();
}
