/** Runs a template: its statements and expressions, with scopes, loops and macros. */
@NullMarked
package dev.vidrio.template.interpreter;

import org.jspecify.annotations.NullMarked;
