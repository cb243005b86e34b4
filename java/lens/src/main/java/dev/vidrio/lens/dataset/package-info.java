/** Data sets of pairs of texts: files, and generators of those of the literature. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.dataset;
