package dev.vidrio.grammar;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * A trie of tokens' bytes with its nodes in preorder, so that a subtree is skipped by jumping to
 * its end.
 */
final class TokenTrie {

  private final byte[][] texts;

  /**
   * For each node its byte, its depth, and the first node after its subtree. Node 0 is the root.
   */
  private final byte[] labels;

  private final int[] depths;
  private final int[] subtreeEnd;

  /** The tokens in node order, and the index of each node's first token. */
  private final int[] tokens;

  private final int[] firstToken;
  private final int maxDepth;

  /**
   * Builds the trie of selected tokens.
   *
   * @param bytes the bytes of each token, by id
   * @param ids the selected ids
   */
  TokenTrie(byte[][] bytes, List<Integer> ids) {
    Comparator<Integer> byBytes = (a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]);
    tokens = ids.stream().sorted(byBytes).mapToInt(Integer::intValue).toArray();
    texts = Arrays.stream(tokens).mapToObj(id -> bytes[id]).toArray(byte[][]::new);
    maxDepth = Arrays.stream(texts).mapToInt(text -> text.length).max().orElse(0);
    int nodes = 1 + countNodes();
    labels = new byte[nodes];
    depths = new int[nodes];
    subtreeEnd = new int[nodes];
    firstToken = new int[nodes + 1];
    build();
  }

  private int countNodes() {
    int nodes = 0;
    for (int i = 0; i < tokens.length; i++) {
      nodes = Math.addExact(nodes, texts[i].length - common(i));
    }
    return nodes;
  }

  /** Returns the length of the common prefix of a token and the one before it. */
  private int common(int i) {
    if (i == 0) {
      return 0;
    }
    int mismatch = Arrays.mismatch(texts[i - 1], texts[i]);
    return mismatch < 0 ? texts[i].length : mismatch;
  }

  private void build() {
    int node = 0;
    int[] path = new int[1 + maxDepth];
    for (int i = 0; i < tokens.length; i++) {
      byte[] text = texts[i];
      int common = common(i);
      int before = depths[node];
      for (int depth = common; depth < before; depth++) {
        subtreeEnd[path[depth + 1]] = node + 1;
      }
      for (int depth = common; depth < text.length; depth++) {
        node++;
        labels[node] = text[depth];
        depths[node] = depth + 1;
        path[depth + 1] = node;
        firstToken[node] = i;
      }
      firstToken[node + 1] = i + 1;
    }
    for (int depth = 0; depth <= depths[node]; depth++) {
      subtreeEnd[path[depth]] = node + 1;
    }
  }

  int maxDepth() {
    return maxDepth;
  }

  int depth(int node) {
    return depths[node];
  }

  int label(int node) {
    return Byte.toUnsignedInt(labels[node]);
  }

  /** Returns the first node after the subtree of a node. */
  int subtreeEnd(int node) {
    return subtreeEnd[node];
  }

  /** Adds the tokens of a node to a bit set. */
  void addTokens(int node, long[] bits) {
    for (int i = firstToken[node]; i < firstToken[node + 1]; i++) {
      bits[tokens[i] / 64] |= 1L << tokens[i];
    }
  }
}
