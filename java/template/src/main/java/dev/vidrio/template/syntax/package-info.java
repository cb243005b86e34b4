/** The language Jinja: tokens, and the statements and expressions that are parsed from them. */
@NullMarked
package dev.vidrio.template.syntax;

import org.jspecify.annotations.NullMarked;
