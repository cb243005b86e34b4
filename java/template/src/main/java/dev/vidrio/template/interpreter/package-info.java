/**
 * The interpreter: runs statements and evaluates expressions, with scopes, loops and macros. Not
 * exported.
 */
@NullMarked
package dev.vidrio.template.interpreter;

import org.jspecify.annotations.NullMarked;
