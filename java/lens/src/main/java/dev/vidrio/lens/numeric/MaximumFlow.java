package dev.vidrio.lens.numeric;

import java.util.Arrays;

/**
 * The maximum flow between two nodes of a directed graph with real capacities, by Dinic's algorithm
 * (1970): shortest augmenting paths, phase by phase. Each path saturates an edge exactly, so that
 * rounding does not prolong it.
 *
 * <p>Edges are added first. Then flows may be computed on several threads.
 */
public final class MaximumFlow {
  private static final int NONE = -1;

  /** The last edge that begins at each node. */
  private final int[] last;

  /** The nodes where edges end; edge {@code e ^ 1} is the reverse of e. */
  private int[] to;

  /** The edge before each that begins at the same node. */
  private int[] previous;

  private double[] capacities;
  private int edges;

  /** Creates a graph without edges. */
  public MaximumFlow(int nodes) {
    last = new int[nodes];
    Arrays.fill(last, NONE);
    to = new int[16];
    previous = new int[16];
    capacities = new double[16];
  }

  /**
   * Adds an edge.
   *
   * @param capacity 0 or more
   */
  public void add(int from, int end, double capacity) {
    if (edges == to.length) {
      to = Arrays.copyOf(to, 2 * edges);
      previous = Arrays.copyOf(previous, 2 * edges);
      capacities = Arrays.copyOf(capacities, 2 * edges);
    }
    half(from, end, capacity);
    half(end, from, 0);
  }

  private void half(int from, int end, double capacity) {
    to[edges] = end;
    previous[edges] = last[from];
    capacities[edges] = capacity;
    last[from] = edges++;
  }

  /** Returns the maximum flow from a node to another. */
  public double between(int source, int sink) {
    return new Run(source, sink).flow();
  }

  /** A search. */
  private final class Run {
    final int source;
    final int sink;
    final double[] residual = Arrays.copyOf(capacities, edges);
    final int[] distance = new int[last.length];

    /** The next edge to try at each node. */
    final int[] next = new int[last.length];

    Run(int source, int sink) {
      this.source = source;
      this.sink = sink;
    }

    double flow() {
      double sum = 0;
      while (reaches()) {
        System.arraycopy(last, 0, next, 0, next.length);
        for (double path = push(); path > 0; path = push()) {
          sum += path;
        }
      }
      return sum;
    }

    /** Computes the distances from the source, and returns whether the sink has one. */
    boolean reaches() {
      Arrays.fill(distance, NONE);
      var queue = new int[last.length];
      int end = 0;
      queue[end++] = source;
      distance[source] = 0;
      for (int begin = 0; begin < end; begin++) {
        int node = queue[begin];
        for (int e = last[node]; e != NONE; e = previous[e]) {
          if (residual[e] > 0 && distance[to[e]] == NONE) {
            distance[to[e]] = distance[node] + 1;
            queue[end++] = to[e];
          }
        }
      }
      return distance[sink] != NONE;
    }

    /** Sends flow along a shortest path; returns 0 if there is none. */
    double push() {
      var path = new int[last.length];
      int length = 0;
      int node = source;
      while (node != sink) {
        int e = next[node];
        if (e != NONE && (residual[e] <= 0 || distance[to[e]] != distance[node] + 1)) {
          next[node] = previous[e];
        } else if (e != NONE) {
          path[length++] = e;
          node = to[e];
        } else if (length == 0) {
          return 0;
        } else {
          // A dead end: the edge to it is not tried again.
          int back = path[--length];
          node = to[back ^ 1];
          next[node] = previous[back];
        }
      }
      double least = Double.POSITIVE_INFINITY;
      for (int i = 0; i < length; i++) {
        least = Math.min(least, residual[path[i]]);
      }
      for (int i = 0; i < length; i++) {
        residual[path[i]] -= least;
        residual[path[i] ^ 1] += least;
      }
      return least;
    }
  }
}
