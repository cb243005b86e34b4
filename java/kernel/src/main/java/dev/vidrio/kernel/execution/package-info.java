/** What executors share: when workers wait for each other, and where activations are in memory. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.execution;
