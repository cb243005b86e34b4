/**
 * Opens language models and generates text.
 *
 * {@snippet file="GenerationExamples.java" region="open"}
 *
 * <p>{@link dev.vidrio.model.Model} gives {@link dev.vidrio.model.TokenStream streams} of text and
 * {@link dev.vidrio.model.Chat conversations}. {@link dev.vidrio.model.Session} and {@link
 * dev.vidrio.model.Generator} work step by step and expose the logits. Every error is a {@link
 * dev.vidrio.error.ModelException}, whose one-line message names file, field, value and limit.
 */
@NullMarked
package dev.vidrio.model;


import org.jspecify.annotations.NullMarked;
