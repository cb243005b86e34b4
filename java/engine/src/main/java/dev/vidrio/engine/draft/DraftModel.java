package dev.vidrio.engine.draft;

import dev.vidrio.engine.text.Active;
import dev.vidrio.engine.text.Branch;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.Sequence;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
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
 * Guesses what a smaller model of the same vocabulary finds most likely. It runs the texts of all
 * requests together, a few tokens ahead.
 */
public final class DraftModel implements Drafts {
  private final Session session;
  private final int commonTokens;
  private final Map<Active, Draft> drafts = new HashMap<>();

  /** A text as the draft model has it: tokens that have run, of which the last ones are guesses. */
  private final class Draft {
    final Sequence sequence;
    int[] ran = new int[64];
    int text;
    int guesses;
    int wanted;

    Draft(Sequence sequence) {
      this.sequence = sequence;
    }

    /** Drops guesses that have turned out wrong. */
    void compare(Branch branch) {
      int same = Math.min(text, branch.length());
      while (same < Math.min(sequence.length(), branch.length())
          && ran[same] == shared(branch.token(same))) {
        same++;
      }
      // The last token runs again where all have run, for its logits.
      sequence.truncate(Math.min(same, branch.length() - 1));
      text = branch.length();
      guesses = 0;
      if (ran.length < text + wanted) {
        ran = Arrays.copyOf(ran, Math.max(2 * ran.length, text + wanted));
      }
      for (int i = sequence.length(); i < text; i++) {
        ran[i] = shared(branch.token(i));
      }
    }

    int known() {
      return text + guesses;
    }

    int[] guess(int most) {
      return Arrays.copyOfRange(ran, text, text + Math.min(most, guesses));
    }
  }

  /**
   * @param sequences that there is room for
   * @param stepTokens tokens of a step at most
   * @param context positions of a sequence
   * @throws InvalidInputException when the models' tokens differ, but for unused ones
   */
  public DraftModel(Model model, Model draft, int sequences, int stepTokens, int context) {
    this.commonTokens = commonTokens(model, draft);
    int positions = Math.min(context, draft.architecture().contextLength());
    this.session =
        draft.newSession(
            new SessionOptions(positions, stepTokens, sequences, 1).withLogits(sequences));
  }

  /**
   * How many tokens both models have. Sizes of a family may differ in rows that no token needs
   * (Qwen2.5 has 151 936 and 152 064), so those that only one has must be unused.
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
          "draft model", draft.name(), "must have the tokens of " + model.name());
    }
    return common;
  }

  private static boolean areUnused(Tokenizer tokenizer, int from) {
    return IntStream.range(from, tokenizer.vocabularySize())
        .allMatch(id -> tokenizer.type(id) == TokenType.UNUSED);
  }

  /**
   * A token that both models have: this one, or any in place of an unused one, as a guess may be.
   */
  private int shared(int token) {
    return Math.min(token, commonTokens - 1);
  }

  @Override
  public void prepare(List<Active> running) {
    try {
      guessAll(running);
    } catch (IllegalStateException e) {
      session.requireOpen(); // says better what is wrong where the draft model was closed meanwhile
      throw e;
    }
  }

  private void guessAll(List<Active> running) {
    List<Draft> behind = new ArrayList<>();
    for (Active active : running) {
      Branch branch = active.branch();
      int room = session.limits().positions() - branch.length();
      int most = Math.min(active.guesses(), room);
      if (most <= 0) {
        // It has all its tokens, or more than the draft model's context.
        end(active);
      } else if (branch.pending() == 1) {
        Draft draft = drafts.computeIfAbsent(active, ignored -> new Draft(session.newSequence()));
        draft.wanted = Math.min(most, revocable(branch, draft));
        if (draft.wanted > 0) {
          draft.compare(branch);
          behind.add(draft);
        }
      }
    }
    while (!behind.isEmpty()) {
      step(behind);
      behind.removeIf(draft -> draft.guesses == draft.wanted);
    }
  }

  /** How many guesses both models can take back; the draft model does not run the last one. */
  private static int revocable(Branch branch, Draft draft) {
    int next = branch.length() - 1;
    return Math.min(branch.sequence().revocableFrom(next) - 1, draft.sequence.revocableFrom(next));
  }

  /** Runs what has not run of each text, as much as a step takes; guesses where that is all. */
  private void step(List<Draft> behind) {
    List<Draft> asked = new ArrayList<>();
    int room = session.limits().tokens();
    session.begin();
    for (Iterator<Draft> i = behind.iterator(); i.hasNext() && room > 0; ) {
      Draft draft = i.next();
      int end = Math.min(draft.known(), draft.sequence.length() + room);
      room -= end - draft.sequence.length();
      for (int p = draft.sequence.length(); p < end; p++) {
        session.add(draft.sequence, draft.ran[p], p == draft.known() - 1);
      }
      if (end == draft.known()) {
        asked.add(draft);
      }
    }
    session.run();
    for (int row = 0; row < asked.size(); row++) {
      Draft draft = asked.get(row);
      draft.ran[draft.known()] = shared(session.candidates(row).id(0));
      draft.guesses++;
    }
  }

  @Override
  public int[] guess(Active active, int most) {
    Draft draft = drafts.get(active);
    return draft == null ? new int[0] : draft.guess(most);
  }

  @Override
  public void end(Active active) {
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
