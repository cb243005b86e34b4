/** Products and decompositions of matrices, and optimizers, that several methods need. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.numeric;
