/**
 * Cuts text into the words within which tokens are made, as families of models and the steps of
 * pipelines do. The module keeps it to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.word;

import org.jspecify.annotations.NullMarked;
