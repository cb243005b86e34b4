/** Matrix products, decompositions and optimizers, shared by several methods. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.numeric;
