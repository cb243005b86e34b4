package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of an answer after the text: generated, or given. */
public final class AnswerOption {
  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Generate an answer of at most N tokens, greedily, and explain all of them.")
  private @Nullable Integer count;

  @Option(
      names = "--answer",
      paramLabel = "TEXT",
      description = "Explain this answer, which is appended to the text as it is.")
  private @Nullable String given;

  /** Returns whether an answer is to be explained. */
  public boolean isAsked() {
    return count != null || given != null;
  }

  /** Rejects contradictory options. */
  public void check() {
    if (count != null && given != null) {
      throw new UsageException("--answer: cannot be combined with -n");
    }
    if (count != null) {
      UsageException.requireAtLeast("-n", count, 1);
    }
  }

  /**
   * Returns the tokens of a prompt and its answer.
   *
   * @throws InvalidInputException if the answer is empty, or exceeds the context length
   */
  public int[] complete(Model model, int[] prompt) {
    int[] answer = count == null ? encode(model) : generate(model, prompt, count);
    int[] tokens = Arrays.copyOf(prompt, prompt.length + answer.length);
    System.arraycopy(answer, 0, tokens, prompt.length, answer.length);
    return tokens;
  }

  private int[] encode(Model model) {
    String text = given == null ? "" : given;
    int[] tokens = model.tokenizer().encode(text, EncodeOptions.DEFAULT.withAddBosEos(false));
    if (tokens.length == 0) {
      throw new InvalidInputException("answer", "\"" + text + "\"", "has no tokens");
    }
    return tokens;
  }

  /** Generates until the end of the answer; the end mark is left out unless nothing precedes it. */
  private static int[] generate(Model model, int[] prompt, int count) {
    int room = model.architecture().contextLength() - prompt.length;
    if (count > room) {
      throw new InvalidInputException(
          "tokens", count, "the context has room for " + Math.max(0, room) + " after the text");
    }
    var ids = new int[count];
    int length = 0;
    int context = prompt.length + count;
    try (Session session = model.newSession(SessionOptions.EXACT.withContext(context))) {
      Sequence sequence = session.newSequence();
      session.feed(sequence, prompt);
      while (length < count) {
        int id = session.candidates().id(0);
        if (model.tokenizer().isEndOfGeneration(id) && length > 0) {
          break;
        }
        ids[length++] = id;
        if (model.tokenizer().isEndOfGeneration(id)) {
          break;
        }
        if (length < count) {
          session.feed(sequence, id);
        }
      }
    }
    return Arrays.copyOf(ids, length);
  }
}
