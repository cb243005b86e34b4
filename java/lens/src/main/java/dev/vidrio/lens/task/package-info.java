/** Tasks that a model performs from examples in its context. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.task;
