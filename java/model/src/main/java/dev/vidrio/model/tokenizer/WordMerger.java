package dev.vidrio.model.tokenizer;

/**
 * Merges the bytes of a word into tokens: of all neighbours that merge, those of the lowest rank,
 * and of these the leftmost, until none is left (Sennrich et al. 2016). A heap finds them, so that
 * a word of n bytes takes O(n log n) steps.
 *
 * <p>A byte that the vocabulary has no token for is left out, and its neighbours become each
 * other's, as in Hugging Face tokenizers. (In llama.cpp it gives no token either, but keeps them
 * apart.)
 *
 * <p>Holds the buffers of the work; for one thread.
 */
final class WordMerger {

  private static final int NONE = -1;

  private final int[] byteTokens;
  private final Merges merges;

  /** Merges to try: rank in the upper half, position of the left token in the lower. */
  private final LongHeap candidates = new LongHeap();

  // a token is known by the position of its first byte; what lies within another is no longer
  // linked
  private int[] ids = {};
  private int[] previous = {};
  private int[] next = {};
  private int[] ranks = {};
  private int length;

  /**
   * Makes a merger.
   *
   * @param byteTokens the token of each byte, −1 where there is none
   */
  WordMerger(int[] byteTokens, Merges merges) {
    this.byteTokens = byteTokens;
    this.merges = merges;
  }

  /** Appends the tokens of the word from {@code start} to before {@code end}. */
  void merge(byte[] text, int start, int end, IntList out) {
    link(text, start, end);
    for (int i = 0; i < length; i++) {
      propose(i);
    }
    while (!candidates.isEmpty()) {
      long candidate = candidates.removeFirst();
      int rank = (int) (candidate >>> 32);
      int left = (int) candidate;
      // what was proposed before one of the two merged with another is void
      if (ranks[left] == rank) {
        join(left, rank);
      }
    }
    for (int i = 0; i < length; i = next[i]) {
      out.add(ids[i]);
    }
  }

  private void link(byte[] text, int start, int end) {
    if (ids.length < end - start) {
      int capacity = Math.max(64, end - start);
      ids = new int[capacity];
      previous = new int[capacity];
      next = new int[capacity];
      ranks = new int[capacity];
    }
    length = 0;
    for (int i = start; i < end; i++) {
      int id = byteTokens[Byte.toUnsignedInt(text[i])];
      if (id != NONE) {
        ids[length] = id;
        previous[length] = length - 1;
        next[length] = length + 1;
        length++;
      }
    }
  }

  private void propose(int left) {
    int right = next[left];
    ranks[left] = right < length ? merges.rank(ids[left], ids[right]) : NONE;
    if (ranks[left] != NONE) {
      candidates.add(((long) ranks[left] << 32) | left);
    }
  }

  private void join(int left, int rank) {
    int right = next[left];
    ids[left] = merges.result(rank);
    next[left] = next[right];
    ranks[right] = NONE;
    if (next[left] < length) {
      previous[next[left]] = left;
    }
    propose(left);
    if (previous[left] >= 0) {
      propose(previous[left]);
    }
  }
}
