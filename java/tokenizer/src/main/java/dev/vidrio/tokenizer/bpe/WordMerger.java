package dev.vidrio.tokenizer.bpe;

import static dev.vidrio.tokenizer.bpe.MergeRules.DROPPED;
import static dev.vidrio.tokenizer.bpe.MergeRules.NONE;

import dev.vidrio.tokenizer.encoding.IntList;

/**
 * Merges the symbols of a word into tokens (Sennrich et al. 2016, arXiv 1508.07909): repeatedly the
 * adjacent pair of lowest rank, the leftmost of equal ranks. A heap of candidates makes it O(n log
 * n) for n symbols.
 *
 * <p>Contains the working buffers; not thread-safe.
 */
final class WordMerger {

  private static final long UPPER_HALF = -1L << 32;

  private final MergeRules rules;

  /**
   * Candidate merges: the rank in the upper half, the position of the left token in the lower half.
   */
  private final LongHeap candidates = new LongHeap();

  // A token is identified by the position of its first symbol; symbols inside a token are unlinked.
  private int[] starts = {};
  private int[] ids = {};
  private int[] previous = {};
  private int[] next = {};
  private long[] merges = {};
  private int length;

  WordMerger(MergeRules rules) {
    this.rules = rules;
  }

  /** Appends the tokens of the word from {@code start} to before {@code end}. */
  void merge(byte[] text, int start, int end, IntList out) {
    link(text, start, end);
    for (int i = 0; i < length; i++) {
      propose(text, i);
    }
    while (!candidates.isEmpty()) {
      long candidate = candidates.removeFirst();
      int left = (int) candidate;
      // A candidate is stale if one of its two tokens has merged since.
      if (merges[left] != NONE && merges[left] >> 32 == candidate >> 32) {
        join(text, left);
      }
    }
    for (int i = 0; i < length; i = next[i]) {
      if (ids[i] == NONE) {
        rules.spell(text, starts[i], starts[next[i]], out);
      } else {
        out.add(ids[i]);
      }
    }
  }

  private void link(byte[] text, int start, int end) {
    reserve(end - start);
    length = 0;
    for (int pos = start; pos < end; ) {
      int after = pos + rules.symbolLength(text, pos, end);
      int id = rules.symbol(text, pos, after);
      if (id != DROPPED) {
        starts[length] = pos;
        ids[length] = id;
        previous[length] = length - 1;
        next[length] = length + 1;
        length++;
      }
      pos = after;
    }
    starts[length] = end;
  }

  private void reserve(int symbols) {
    if (ids.length < symbols) {
      int capacity = Math.max(64, symbols);
      starts = new int[capacity + 1];
      ids = new int[capacity];
      previous = new int[capacity];
      next = new int[capacity];
      merges = new long[capacity];
    }
  }

  private void propose(byte[] text, int left) {
    int right = next[left];
    merges[left] =
        right < length
            ? rules.merge(ids[left], ids[right], text, starts[left], starts[next[right]])
            : NONE;
    if (merges[left] != NONE) {
      candidates.add((merges[left] & UPPER_HALF) | left);
    }
  }

  private void join(byte[] text, int left) {
    int right = next[left];
    ids[left] = (int) merges[left];
    next[left] = next[right];
    merges[right] = NONE;
    if (next[left] < length) {
      previous[next[left]] = left;
    }
    propose(text, left);
    if (previous[left] >= 0) {
      propose(text, previous[left]);
    }
  }
}
