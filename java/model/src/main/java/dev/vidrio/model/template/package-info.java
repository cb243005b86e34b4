/**
 * Chat templates: what turns a conversation into the prompt that a model was trained on.
 *
 * <p>Model files carry their template in the Jinja language. {@link
 * dev.vidrio.model.template.ChatTemplate} interprets it as Python's Jinja does in the environment
 * that Hugging Face transformers sets up, character by character. A template reaches nothing but
 * the values it is given, and steps, memory and depth are limited, so that one from an untrusted
 * file is safe to render.
 */
@NullMarked
package dev.vidrio.model.template;

import org.jspecify.annotations.NullMarked;
