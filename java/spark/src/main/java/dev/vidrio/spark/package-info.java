/**
 * Text generation, embeddings and reranking over DataFrames of Apache Spark. Each executor opens a
 * model once and processes the rows of its tasks in batches.
 */
@NullMarked
package dev.vidrio.spark;

import org.jspecify.annotations.NullMarked;
