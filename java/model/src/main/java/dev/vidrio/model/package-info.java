/**
 * Language models: open a file, and generate text.
 *
 * {@snippet file="GenerationExamples.java" region="open"}
 *
 * <p>{@link dev.vidrio.model.Model} gives {@link dev.vidrio.model.TokenStream streams} of text and
 * {@link dev.vidrio.model.Chat conversations}; {@link dev.vidrio.model.Session} and {@link
 * dev.vidrio.model.Generator} go step by step, with the logits in sight. Every error is a {@link
 * dev.vidrio.model.ModelException}, whose message is a line that names file, field, value and
 * limit.
 */
@NullMarked
package dev.vidrio.model;

import org.jspecify.annotations.NullMarked;
