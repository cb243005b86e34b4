package dev.vidrio.lens.graph;

/**
 * The direct effect of a node on another.
 *
 * @param source index of the node that writes
 * @param target index of the node that reads
 * @param weight the part of the target's value that comes from the source, with attention patterns
 *     and the divisors of norms held constant, and not through other feed-forward blocks
 */
public record GraphEdge(int source, int target, double weight) {}
