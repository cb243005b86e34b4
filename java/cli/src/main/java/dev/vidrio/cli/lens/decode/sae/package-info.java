/** {@code vidrio lens sae}: sparse autoencoders and transcoders. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.decode.sae;
