/**
 * Python's operations on values: operators, attributes, iteration, methods and formats. Not
 * exported.
 */
@NullMarked
package dev.vidrio.template.operation;

import org.jspecify.annotations.NullMarked;
