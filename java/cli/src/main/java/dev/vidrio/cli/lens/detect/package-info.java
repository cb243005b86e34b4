/** Commands that find heads and neurons of known kinds. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.detect;
