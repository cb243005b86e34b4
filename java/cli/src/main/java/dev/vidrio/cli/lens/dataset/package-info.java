/** Commands that make data sets of pairs of texts and measure whether a model can do their task. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.dataset;
