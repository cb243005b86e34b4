/** Arithmetic with vectors, whose sums are of doubles. */
package dev.vidrio.lens.vector;
