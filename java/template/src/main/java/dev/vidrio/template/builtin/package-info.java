/** What Jinja and transformers offer to every template: filters, tests and functions. */
@NullMarked
package dev.vidrio.template.builtin;

import org.jspecify.annotations.NullMarked;
