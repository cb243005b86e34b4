/**
 * What a linear function tells from activations: {@linkplain
 * dev.vidrio.lens.decode.probe.LinearProbe probes} of labelled {@linkplain
 * dev.vidrio.lens.decode.probe.Examples examples}, with {@linkplain
 * dev.vidrio.lens.decode.probe.ControlTask control tasks}, and {@linkplain
 * dev.vidrio.lens.decode.probe.Leace erasure} of what they tell.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.decode.probe;
