/**
 * The Jinja language: lexer, parser, and the syntax tree of statements and expressions. Not
 * exported.
 */
@NullMarked
package dev.vidrio.template.syntax;

import org.jspecify.annotations.NullMarked;
