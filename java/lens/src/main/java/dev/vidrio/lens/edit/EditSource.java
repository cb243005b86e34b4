package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.edit.EditText.Word;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.intervene.SteeringVector;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads the values of an edit: numbers, files, or activations of other texts. */
record EditSource(Lens lens, EditText edit, EditFiles files) {
  /** Tokens per chunk of a text file. */
  private static final int LENGTH = 128;

  /** The start of a text that is written as token ids. */
  private static final String IDS = "#";

  /** Returns a number; {@code inf} and {@code -inf} are allowed. */
  float number(String name, int argument) {
    if (argument >= edit.arguments().size()) {
      throw edit.refused("needs a " + name);
    }
    Word word = edit.arguments().get(argument);
    Float number = word.quoted() ? null : parse(word.text());
    if (number == null) {
      throw edit.refused(name + " " + word.text() + " must be a number");
    }
    if (Float.isInfinite(number) && !word.text().endsWith("inf")) {
      throw edit.refused(
          name + " " + word.text() + " must be finite, or inf: at most " + Float.MAX_VALUE);
    }
    return number;
  }

  private static @Nullable Float parse(String word) {
    try {
      return switch (word) {
        case "inf" -> Float.POSITIVE_INFINITY;
        case "-inf" -> Float.NEGATIVE_INFINITY;
        default -> word.matches("[-+.\\d].*") ? Float.valueOf(word) : null;
      };
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** Rejects arguments from an index on. */
  void requireEnd(int argument) {
    if (argument < edit.arguments().size()) {
      throw edit.refused(
          edit.arguments().get(argument).text()
              + ": too many arguments for "
              + edit.operation().text());
    }
  }

  /** Returns the values of the arguments from an index on: a number, a tensor, or a direction. */
  Rows values(HookPoint point, int argument) {
    List<Word> words = edit.arguments();
    if (argument >= words.size()) {
      throw edit.refused("needs a number, FILE.safetensors:TENSOR, or plus TEXT minus TEXT");
    }
    Word word = words.get(argument);
    if (!word.quoted() && word.text().equals("plus")) {
      return direction(point, argument);
    }
    requireEnd(argument + 1);
    return word.quoted() || !word.text().contains(TensorFile.SUFFIX)
        ? Rows.of(number("value", argument))
        : tensor(point, argument);
  }

  /** Reads {@code FILE.safetensors:NAME[INDEX]}; the default name is that of the hook point. */
  Rows tensor(HookPoint point, int argument) {
    Word word = argument < edit.arguments().size() ? edit.arguments().get(argument) : null;
    int end = word == null ? -1 : word.text().lastIndexOf(TensorFile.SUFFIX);
    if (word == null || word.quoted() || end < 0) {
      throw edit.refused("needs a FILE.safetensors:TENSOR");
    }
    end += TensorFile.SUFFIX.length();
    String name = word.text().substring(end);
    return TensorFile.read(
        files.tensors(word.text().substring(0, end)),
        name.startsWith(":") ? name.substring(1) : point.name(),
        word.index() == null ? Index.WHOLE : word.index());
  }

  /** Returns the difference in means of {@code plus TEXT … minus TEXT …}. */
  private Rows direction(HookPoint point, int argument) {
    List<int[]> plus = new ArrayList<>();
    List<int[]> minus = new ArrayList<>();
    List<int[]> which = plus;
    for (Word word : edit.arguments().subList(argument + 1, edit.arguments().size())) {
      if (!word.quoted() && word.text().equals("minus")) {
        which = minus;
      } else {
        which.add(text(word));
      }
    }
    return new Rows(SteeringVector.of(lens, point, plus, minus).values(), 1);
  }

  /** Returns whether a word is a text in quotes or its token ids, and not the name of a file. */
  private static boolean isText(Word word) {
    return word.quoted() || word.text().startsWith(IDS);
  }

  private int[] text(Word word) {
    if (!isText(word)) {
      throw edit.refused(word.text() + " must be a text in quotes, or token ids such as #5,12");
    }
    return word.quoted() ? lens.model().tokenizer().encode(word.text()) : ids(word.text());
  }

  private int[] ids(String written) {
    String[] parts = written.substring(IDS.length()).split(",", -1);
    var ids = new int[parts.length];
    for (int i = 0; i < ids.length; i++) {
      if (!parts[i].matches("\\d{1,9}")) {
        throw edit.refused(written + " must be token ids such as #5,12");
      }
      ids[i] = Integer.parseInt(parts[i]);
      Preconditions.requireToken(lens.model(), ids[i]);
    }
    return ids;
  }

  /** Returns a copy of the activation of another text at a hook point. */
  Activation activation(HookPoint point, int argument) {
    List<Word> words = edit.arguments();
    if (argument >= words.size()) {
      throw edit.refused("needs a text in quotes");
    }
    requireEnd(argument + 1);
    try (ActivationCache cache = lens.run(text(words.get(argument)), Capture.of(point.name()))) {
      Activation activation = cache.get(point);
      return new Activation(point, activation.shape(), MemorySegment.ofArray(activation.toArray()));
    }
  }

  /**
   * Returns rows of another text, at the positions of its index, or else at those of the edit.
   *
   * @param positions the positions of the edit
   */
  Rows patch(HookPoint point, int argument, Index.Range positions) {
    Activation activation = activation(point, argument);
    int tokens = activation.shape().getFirst();
    int width = Math.toIntExact(activation.elements() / tokens);
    Index index = edit.arguments().get(argument).index();
    Index.Range from = positions;
    if (index != null) {
      if (index.parts().size() > 1) {
        throw edit.refused("the index of a text must be one position or a range");
      }
      from = index.part(0).of("position of the other text", tokens);
    } else if (positions.to() > tokens) {
      throw new InvalidInputException(
          "positions of " + point,
          positions.from() + ":" + positions.to(),
          "the other text has " + tokens + " tokens; 'TEXT'[N] reads position N");
    }
    var values = new float[from.size() * width];
    for (int i = 0; i < from.size(); i++) {
      System.arraycopy(activation.row(from.from() + i), 0, values, i * width, width);
    }
    return new Rows(values, from.size());
  }

  /**
   * Returns the activations of texts at a hook point, which the caller closes.
   *
   * @param end the index after the last text or text file
   */
  List<ActivationCache> runs(HookPoint point, int end) {
    List<int[]> texts = new ArrayList<>();
    for (Word word : edit.arguments().subList(0, end)) {
      if (isText(word)) {
        texts.add(text(word));
      } else {
        int[] tokens = lens.model().tokenizer().encode(files.text(word.text()));
        int length = Math.min(LENGTH, lens.model().architecture().contextLength());
        texts.addAll(TextChunks.of(lens.model(), tokens, length));
      }
    }
    if (texts.isEmpty()) {
      throw edit.refused("needs texts in quotes, or files of text");
    }
    List<ActivationCache> runs = new ArrayList<>();
    try {
      texts.forEach(tokens -> runs.add(lens.run(tokens, Capture.of(point.name()))));
    } catch (RuntimeException e) {
      runs.forEach(ActivationCache::close);
      throw e;
    }
    return runs;
  }

  /** Returns the index of {@code seed N} at the end of the arguments, or their number. */
  int seedAt() {
    List<Word> words = edit.arguments();
    int at = words.size() - 2;
    return at >= 0 && !words.get(at).quoted() && words.get(at).text().equals("seed")
        ? at
        : words.size();
  }

  /** Returns the seed at an index of {@link #seedAt}, or 0 for none. */
  long seed(int at) {
    if (at == edit.arguments().size()) {
      return 0;
    }
    String digits = edit.arguments().get(at + 1).text();
    if (!digits.matches("-?\\d{1,18}")) {
      throw edit.refused("seed " + digits + " must be a whole number");
    }
    return Long.parseLong(digits);
  }
}
