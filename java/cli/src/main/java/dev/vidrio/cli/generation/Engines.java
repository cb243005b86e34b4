package dev.vidrio.cli.generation;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.model.session.SessionOptions;

/** Options of engines for one prompt. */
final class Engines {
  private Engines() {}

  /** Returns the options of an engine with the context, precision and adapter of a session. */
  static EngineOptions options(SessionOptions session, int sequences) {
    return EngineOptions.DEFAULT
        .withSequences(sequences)
        .withContext(session.context())
        .withKvType(session.kvType())
        .withArithmetic(session.arithmetic())
        .withAdapters(session.adaptation() == null ? 0 : 1);
  }
}
