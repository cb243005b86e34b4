package dev.vidrio.tokenizer.encoding;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Caches the tokens of short words. Each word maps to one slot, which keeps the last word put
 * there; so the cache is bounded and lock-free.
 */
public final class WordCache {

  private static final int SLOTS = 1 << 14;
  private static final int MAX_WORD = 48;

  private final AtomicReferenceArray<@Nullable Entry> entries = new AtomicReferenceArray<>(SLOTS);

  /** Immutable, so that it may be published without synchronization. */
  private static final class Entry {
    private final byte[] word;
    private final int[] tokens;

    private Entry(byte[] word, int[] tokens) {
      this.word = word;
      this.tokens = tokens;
    }
  }

  /**
   * Appends the tokens of a word: from the cache, or else by an encoder. The result of the encoder
   * is cached if the word is short enough.
   */
  public void encode(byte[] text, int start, int end, IntList out, WordModel.WordEncoder encoder) {
    if (end - start > MAX_WORD) {
      encoder.encode(text, start, end, out);
      return;
    }
    int slot = slot(text, start, end);
    Entry entry = entries.getPlain(slot);
    if (entry != null && Arrays.equals(entry.word, 0, entry.word.length, text, start, end)) {
      out.addAll(entry.tokens);
      return;
    }
    int mark = out.size();
    encoder.encode(text, start, end, out);
    byte[] word = Arrays.copyOfRange(text, start, end);
    entries.setPlain(slot, new Entry(word, out.toArray(mark)));
  }

  private static int slot(byte[] text, int start, int end) {
    int hash = 0;
    for (int i = start; i < end; i++) {
      hash = 31 * hash + text[i];
    }
    hash *= 0x9E3779B9;
    return hash >>> (Integer.SIZE - Integer.numberOfTrailingZeros(SLOTS));
  }
}
