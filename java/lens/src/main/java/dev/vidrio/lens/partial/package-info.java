/**
 * Executes parts of a model's plan on rows of the caller: single matrices, the operations between
 * two hook points, and their gradients. Not exported.
 */
package dev.vidrio.lens.partial;
