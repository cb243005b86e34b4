/**
 * Attribution graphs (Ameisen et al. 2025): which features of a text caused which others, and the
 * prediction.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.graph;
