package dev.vidrio.tokenizer.encoding;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Remembers the tokens of short words. Each word has one place, where the last one that was put
 * stays; so the cache is bounded and needs no lock.
 */
public final class WordCache {

  private static final int PLACES = 1 << 14;
  private static final int MAX_WORD = 48;

  private final AtomicReferenceArray<@Nullable Entry> entries = new AtomicReferenceArray<>(PLACES);

  /** Immutable, so that threads may pass it on without synchronization. */
  private static final class Entry {
    private final byte[] word;
    private final int[] tokens;

    private Entry(byte[] word, int[] tokens) {
      this.word = word;
      this.tokens = tokens;
    }
  }

  /** Appends the tokens of a word, if they are known, and says whether they are. */
  public boolean addTo(IntList out, byte[] text, int start, int end) {
    if (end - start > MAX_WORD) {
      return false;
    }
    Entry entry = entries.getPlain(place(text, start, end));
    if (entry == null || !Arrays.equals(entry.word, 0, entry.word.length, text, start, end)) {
      return false;
    }
    out.addAll(entry.tokens);
    return true;
  }

  /** Remembers the tokens of a word, if it is short enough. */
  public void put(byte[] text, int start, int end, int[] tokens) {
    if (end - start <= MAX_WORD) {
      Entry entry = new Entry(Arrays.copyOfRange(text, start, end), tokens);
      entries.setPlain(place(text, start, end), entry);
    }
  }

  private static int place(byte[] text, int start, int end) {
    int hash = 0;
    for (int i = start; i < end; i++) {
      hash = 31 * hash + text[i];
    }
    hash *= 0x9E3779B9;
    return hash >>> (Integer.SIZE - Integer.numberOfTrailingZeros(PLACES));
  }
}
