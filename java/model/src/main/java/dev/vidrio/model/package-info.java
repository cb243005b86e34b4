/**
 * Opens language models and generates text.
 *
 * {@snippet file="GenerationExamples.java" region="open"}
 *
 * <p>{@link dev.vidrio.model.Model} is the entry point. It returns {@linkplain
 * dev.vidrio.model.generation.TextStream streams} of text, {@linkplain dev.vidrio.model.chat.Chat
 * conversations}, and {@linkplain dev.vidrio.model.session.Session sessions} that run step by step
 * and expose the logits. Invalid files and inputs are reported by a {@link
 * dev.vidrio.error.ModelException} with a one-line message that names file, field, value and limit.
 */
@NullMarked
package dev.vidrio.model;

import org.jspecify.annotations.NullMarked;
