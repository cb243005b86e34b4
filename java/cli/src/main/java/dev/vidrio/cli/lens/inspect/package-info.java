/** Commands that inspect activations: logit lens, direct logit attribution, attention, norms. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.inspect;
