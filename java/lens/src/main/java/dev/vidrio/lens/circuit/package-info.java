/**
 * The graph of a model's components and circuits in it: scored by gradients, discovered, run and
 * evaluated (section 3.2 of the primer, arXiv 2405.00208).
 */
package dev.vidrio.lens.circuit;
