package dev.vidrio.model.sampling;

import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The texts that end repetitions for {@link DryOptions}, as tokens. A token that contains such a
 * text is one; a token that ends with its beginning is one together with the tokens of the rest.
 * Immutable.
 */
final class SequenceBreakers {
  static final SequenceBreakers NONE = new SequenceBreakers(Map.of());

  private static final int MAX_TAIL = 20;

  /** The tokens after the first one, for each first token. */
  private final Map<Integer, List<int[]>> tails;

  private SequenceBreakers(Map<Integer, List<int[]>> tails) {
    this.tails = tails;
  }

  /** The breakers of a model that were used last, since finding them reads all tokens. */
  private static final class Known {
    private static final int CAPACITY = 16;

    private final Map<List<String>, SequenceBreakers> recent = new LinkedHashMap<>(16, 0.75f, true);

    synchronized SequenceBreakers get(Tokenizer tokenizer, List<String> texts) {
      SequenceBreakers found = recent.get(texts);
      if (found == null) {
        found = of(tokenizer, texts);
        recent.put(texts, found);
        if (recent.size() > CAPACITY) {
          recent.remove(recent.keySet().iterator().next());
        }
      }
      return found;
    }
  }

  /** Returns the breakers of texts in a model's vocabulary. */
  static SequenceBreakers of(LoadedModel model, List<String> texts) {
    return model.cached(Known.class, arena -> new Known()).get(model.tokenizer(), texts);
  }

  static SequenceBreakers of(Tokenizer tokenizer, List<String> texts) {
    Map<Integer, List<int[]>> tails = new HashMap<>();
    List<byte[]> utf8 = texts.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList();
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      byte[] token = tokenizer.bytes(id);
      for (byte[] text : utf8) {
        add(tails, tokenizer, id, token, text);
      }
    }
    return new SequenceBreakers(tails);
  }

  private static void add(
      Map<Integer, List<int[]>> tails, Tokenizer tokenizer, int id, byte[] token, byte[] text) {
    for (int i = 0; i < token.length; i++) {
      int common = Math.min(text.length, token.length - i);
      if (Arrays.equals(token, i, i + common, text, 0, common) && common == text.length) {
        tails.computeIfAbsent(id, head -> new ArrayList<>()).add(new int[0]);
        return;
      }
    }
    for (int i = 0; i < token.length; i++) {
      int common = Math.min(text.length, token.length - i);
      if (Arrays.equals(token, i, i + common, text, 0, common)) {
        int[] rest =
            tokenizer.encode(
                Arrays.copyOfRange(text, common, text.length), new EncodeOptions(false, false));
        int[] tail = Arrays.copyOf(rest, Math.min(rest.length, MAX_TAIL));
        List<int[]> known = tails.computeIfAbsent(id, head -> new ArrayList<>());
        if (known.stream().noneMatch(each -> Arrays.equals(each, tail))) {
          known.add(tail);
        }
      }
    }
  }

  /** Returns the tokens after a first one, for all breakers that begin with it. */
  List<int[]> tails(int token) {
    return tails.getOrDefault(token, List.of());
  }

  /** Returns whether a token is a breaker by itself. */
  boolean isBreaker(int token) {
    return tails(token).stream().anyMatch(tail -> tail.length == 0);
  }
}
