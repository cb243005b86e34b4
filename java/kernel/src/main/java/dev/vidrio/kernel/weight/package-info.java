/** Weight matrices, their types and memory layouts, and the low-rank updates of adapters. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.weight;
