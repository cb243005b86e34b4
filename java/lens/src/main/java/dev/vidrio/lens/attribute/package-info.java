/**
 * How much each token of a text counts for what a model makes of it: by gradients, by leaving it
 * out, and by how tokens mix (section 3.1 of the primer, arXiv 2405.00208).
 */
package dev.vidrio.lens.attribute;
