package dev.vidrio.model.session;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.DraftPlan;
import java.util.Objects;

/** A model, its draft block and one sequence of both. */
final class DraftPair implements AutoCloseable {
  final Session model;
  final Session block;
  final Sequence sequence;

  DraftPair(Model opened) {
    this(opened, SessionOptions.EXACT);
  }

  DraftPair(Model opened, SessionOptions options) {
    DraftPlan draft = Objects.requireNonNull(opened.architecture().draft());
    this.model = opened.newSession(options);
    this.block = opened.newSession(options, draft.plan(), model);
    this.sequence = model.newSequence();
  }

  /** Returns the logits of the block from the last token and the state before it. */
  float[] predict(int token) {
    return block.feed(sequence, token).toArray(JAVA_FLOAT);
  }

  /** Returns the logits of the model. */
  float[] run(int... tokens) {
    return model.feed(sequence, tokens).toArray(JAVA_FLOAT);
  }

  @Override
  public void close() {
    sequence.close();
    block.close();
    model.close();
  }

  /** Returns the index of the largest logit. */
  static int best(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }
}
