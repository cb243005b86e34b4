/**
 * Matrices of weights, their types and how they lie in memory, and the low-rank updates of
 * adapters.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.weight;
