/**
 * Text generation over DataFrames of Apache Spark: each executor opens a model once, and answers
 * the rows of its partitions in one batch.
 */
@NullMarked
package dev.vidrio.spark;

import org.jspecify.annotations.NullMarked;
