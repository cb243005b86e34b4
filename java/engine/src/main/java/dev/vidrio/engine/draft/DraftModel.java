package dev.vidrio.engine.draft;

import dev.vidrio.engine.pace.StepCosts;
import dev.vidrio.engine.request.RunningRequest;
import dev.vidrio.engine.sequence.TokenSequence;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Limits;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Proposes the most likely tokens of a smaller model with the same vocabulary. It runs the
 * sequences of all requests together, a few tokens ahead.
 */
final class DraftModel implements Drafter {
  /**
   * The support of a draft: it is right about as often as a long occurrence of prompt lookup, until
   * that is measured.
   */
  private static final int SUPPORT = 6;

  /** The tokens of a request that the draft model has not run when all of its draft is accepted. */
  private static final int USUALLY_PENDING = 2;

  private final Session session;
  private final StepCosts costs;
  private final int commonTokens;
  private final Map<RunningRequest, Draft> drafts = new HashMap<>();

  /** The state of one request: its tokens as known to the draft model, followed by the draft. */
  private final class Draft {
    final Sequence sequence;
    int[] ids = new int[64];
    int known;
    int drafted;
    int wanted;

    Draft(Sequence sequence) {
      this.sequence = sequence;
    }

    /** Takes over the tokens of the request and removes rejected draft tokens. */
    void update(TokenSequence tokens) {
      int same = Math.min(known, tokens.length());
      while (same < Math.min(sequence.length(), tokens.length())
          && ids[same] == shared(tokens.token(same))) {
        same++;
      }
      // If all tokens have run, the last one runs again, for its logits.
      sequence.truncate(Math.min(same, tokens.length() - 1));
      known = tokens.length();
      drafted = 0;
      if (ids.length < known + wanted) {
        ids = Arrays.copyOf(ids, Math.max(2 * ids.length, known + wanted));
      }
      for (int i = sequence.length(); i < known; i++) {
        ids[i] = shared(tokens.token(i));
      }
    }

    int length() {
      return known + drafted;
    }

    int[] tokens(int max) {
      return Arrays.copyOfRange(ids, known, known + Math.min(max, drafted));
    }
  }

  /**
   * Opens a session of the draft model.
   *
   * @param limits those of the engine's steps
   * @param context maximum number of tokens of a request
   * @throws InvalidInputException if the vocabularies differ in tokens that are not unused
   */
  DraftModel(Model model, Model draft, Limits limits, int context) {
    this.commonTokens = commonTokens(model, draft);
    int positions = Math.min(context, draft.architecture().contextLength());
    int sequences = limits.sequences();
    this.session =
        draft.newSession(
            new SessionOptions(positions, limits.tokens(), sequences, 1).withLogits(sequences));
    this.costs = new StepCosts(limits.tokens());
  }

  /**
   * Returns the number of tokens that both models have. Models of one family may pad their
   * vocabulary differently (Qwen2.5 has 151 936 and 152 064 rows), so tokens that only one has must
   * be unused.
   *
   * @throws InvalidInputException if other tokens differ
   */
  private static int commonTokens(Model model, Model draft) {
    Tokenizer tokens = model.tokenizer();
    Tokenizer others = draft.tokenizer();
    int common = Math.min(tokens.vocabularySize(), others.vocabularySize());
    boolean same = areUnused(tokens, common) && areUnused(others, common);
    for (int i = 0; i < common && same; i++) {
      same = Arrays.equals(tokens.bytes(i), others.bytes(i));
    }
    if (!same) {
      throw new InvalidInputException(
          "draft model", draft.name(), "must have the same tokens as " + model.name());
    }
    return common;
  }

  private static boolean areUnused(Tokenizer tokenizer, int from) {
    return IntStream.range(from, tokenizer.vocabularySize())
        .allMatch(id -> tokenizer.type(id) == TokenType.UNUSED);
  }

  /** Returns the token, or any common token instead of one that only one model has. */
  private int shared(int token) {
    return Math.min(token, commonTokens - 1);
  }

  @Override
  public int support(RunningRequest active) {
    return free(active) > 0 ? SUPPORT : NO_DRAFT;
  }

  /** Returns how many tokens of a request the context of the draft model can still hold. */
  private int free(RunningRequest active) {
    return session.limits().positions() - active.tokens().length();
  }

  @Override
  public double tokenNanos(int sequences) {
    return costs.nanos(sequences);
  }

  @Override
  public double catchUpNanos(RunningRequest active) {
    Draft draft = drafts.get(active);
    int pending = active.tokens().length() - (draft == null ? 0 : draft.sequence.length());
    if (pending <= USUALLY_PENDING) {
      return 0;
    }
    int max = session.limits().tokens();
    int wholeSteps = pending / max;
    return wholeSteps * costs.nanos(max) + costs.nanos(pending % max);
  }

  @Override
  public void prepare(Map<RunningRequest, Integer> lengths) {
    try {
      draftAll(lengths);
    } catch (IllegalStateException e) {
      session.requireOpen(); // gives the better message if the draft model was closed meanwhile
      throw e;
    }
  }

  private void draftAll(Map<RunningRequest, Integer> lengths) {
    List<Draft> unfinished = new ArrayList<>();
    lengths.forEach(
        (active, length) -> {
          TokenSequence tokens = active.tokens();
          Draft draft = drafts.computeIfAbsent(active, ignored -> new Draft(session.newSequence()));
          int max = Math.min(length, free(active));
          draft.wanted = Math.max(0, Math.min(max, revocable(tokens, draft)));
          if (draft.wanted > 0) {
            draft.update(tokens);
            unfinished.add(draft);
          }
        });
    while (!unfinished.isEmpty()) {
      step(unfinished);
      unfinished.removeIf(draft -> draft.drafted == draft.wanted);
    }
  }

  /**
   * Returns how many draft tokens both models can roll back. The draft model does not run the last
   * one.
   */
  private static int revocable(TokenSequence tokens, Draft draft) {
    int next = tokens.length() - 1;
    return Math.min(tokens.sequence().revocableFrom(next) - 1, draft.sequence.revocableFrom(next));
  }

  /** Runs pending tokens of each draft, as far as a step allows, and drafts one more token. */
  private void step(List<Draft> unfinished) {
    List<Draft> withLogits = new ArrayList<>();
    int free = session.limits().tokens();
    session.begin();
    for (Iterator<Draft> i = unfinished.iterator(); i.hasNext() && free > 0; ) {
      Draft draft = i.next();
      int end = Math.min(draft.length(), draft.sequence.length() + free);
      free -= end - draft.sequence.length();
      for (int p = draft.sequence.length(); p < end; p++) {
        session.add(draft.sequence, draft.ids[p], p == draft.length() - 1);
      }
      if (end == draft.length()) {
        withLogits.add(draft);
      }
    }
    long start = System.nanoTime();
    session.run();
    costs.observe(session.limits().tokens() - free, (double) (System.nanoTime() - start));
    for (int row = 0; row < withLogits.size(); row++) {
      Draft draft = withLogits.get(row);
      draft.ids[draft.length()] = shared(session.candidates(row).id(0));
      draft.drafted++;
    }
  }

  @Override
  public int[] draft(RunningRequest active, int max) {
    Draft draft = drafts.get(active);
    return draft == null || draft.known < active.tokens().length() ? new int[0] : draft.tokens(max);
  }

  @Override
  public void end(RunningRequest active) {
    Draft draft = drafts.remove(active);
    if (draft != null) {
      draft.sequence.close();
    }
  }

  @Override
  public void close() {
    session.close();
  }
}
