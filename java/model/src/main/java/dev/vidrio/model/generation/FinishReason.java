package dev.vidrio.model.generation;

/** Why a generation ended. */
public enum FinishReason {
  /** The model chose an end token, a stop string was found, or the grammar is complete. */
  STOP,
  /** The requested number of tokens was generated. */
  LENGTH,
  /** The context is full. */
  CONTEXT,
  /** The caller canceled the generation. */
  CANCELED,
  /** The request's timeout expired. */
  TIMEOUT
}
