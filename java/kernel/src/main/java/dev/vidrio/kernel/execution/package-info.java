/**
 * What executors have in common: when workers wait for each other, and where activations lie in
 * memory.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.execution;
