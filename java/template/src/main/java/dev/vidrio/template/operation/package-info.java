/** What Python does with values: operators, attributes, iteration, methods and formats. */
@NullMarked
package dev.vidrio.template.operation;

import org.jspecify.annotations.NullMarked;
