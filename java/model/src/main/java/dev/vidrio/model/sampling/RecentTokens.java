package dev.vidrio.model.sampling;

/** Counts the tokens in a sliding window. Not thread-safe. */
final class RecentTokens {
  /** Receives a token and its count. */
  interface Visitor {
    void visit(int token, int count);
  }

  private final int[] window;
  private final int[] counts;
  private int size;
  private int oldest;

  RecentTokens(int vocabulary, int capacity) {
    this.window = new int[capacity];
    this.counts = new int[capacity == 0 ? 0 : vocabulary];
  }

  /** Adds a token, and removes the oldest if the window is full. */
  void add(int token) {
    if (window.length == 0) {
      return;
    }
    if (size == window.length) {
      counts[window[oldest]]--;
      window[oldest] = token;
      oldest = (oldest + 1) % window.length;
    } else {
      window[size++] = token;
    }
    counts[token]++;
  }

  /** Visits each token once. */
  void forEach(Visitor visitor) {
    for (int i = 0; i < size; i++) {
      int token = window[i];
      if (counts[token] > 0) {
        visitor.visit(token, counts[token]);
        counts[token] = -counts[token]; // marks it as visited
      }
    }
    for (int i = 0; i < size; i++) {
      counts[window[i]] = Math.abs(counts[window[i]]);
    }
  }
}
