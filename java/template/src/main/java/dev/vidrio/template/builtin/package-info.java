/**
 * The built-in filters, tests and functions of Jinja and Hugging Face transformers. Not exported.
 */
@NullMarked
package dev.vidrio.template.builtin;

import org.jspecify.annotations.NullMarked;
