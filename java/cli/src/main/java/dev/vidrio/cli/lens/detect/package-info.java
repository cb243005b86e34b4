/** Commands that detect known kinds of heads and neurons. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.detect;
