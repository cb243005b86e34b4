package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.lens.decode.sae.ActiveTokens;
import dev.vidrio.lens.decode.sae.index.IndexHeader.Window;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A uniform sample of a corpus's texts, a random window of each, with the features that are active
 * in it. Not thread-safe.
 */
final class BackgroundWindows {
  /** The first key of random numbers, which is not a feature. */
  private static final int NO_FEATURE = -1;

  private final int features;
  private final IndexOptions options;

  /** In ascending order of their numbers. */
  private final List<Sampled> sample = new ArrayList<>();

  private record Sampled(long priority, TextWindow window, BitSet active) {}

  BackgroundWindows(int features, IndexOptions options) {
    this.features = features;
    this.options = options;
  }

  /** Adds a text of at least two tokens. */
  void add(int text, int[] ids, ActiveTokens tokens) {
    long priority = Priority.of(options.seed(), NO_FEATURE, text, 0);
    if (sample.size() == options.background()) {
      if (priority >= sample.getLast().priority) {
        return;
      }
      sample.removeLast();
    }
    long random = Priority.of(options.seed(), NO_FEATURE, text, 1);
    int position = 1 + (int) Math.floorMod(random, ids.length - 1L);
    TextWindow window = TextWindow.of(text, ids, position, options.around());
    int at = sample.size();
    while (at > 0 && sample.get(at - 1).priority > priority) {
      at--;
    }
    sample.add(at, new Sampled(priority, window, active(tokens, window)));
  }

  private BitSet active(ActiveTokens tokens, TextWindow window) {
    var active = new BitSet(features);
    for (int f = 0; f < features; f++) {
      for (int i = tokens.begin(f); i < tokens.begin(f + 1); i++) {
        if (tokens.position(i) >= window.from() && tokens.position(i) < window.to()) {
          active.set(f);
        }
      }
    }
    return active;
  }

  /** Returns the windows. */
  List<Window> windows(Tokenizer tokenizer) {
    return sample.stream()
        .map(Sampled::window)
        .map(window -> new Window(window.text(), window.from(), window.tokens(tokenizer)))
        .toList();
  }

  /** Returns the indices of random windows in which a feature is not active, in random order. */
  List<Integer> inactive(int feature) {
    return IntStream.range(0, sample.size())
        .filter(i -> !sample.get(i).active.get(feature))
        .boxed()
        .sorted(Comparator.comparingLong(i -> Priority.of(options.seed(), feature, i, NO_FEATURE)))
        .limit(options.sample())
        .toList();
  }
}
