package dev.vidrio.lens.decode.sae;

/**
 * The measurements of a step of training.
 *
 * @param step its number, from 1
 * @param loss squared error over the squared norm of the outputs, of scaled activations
 * @param l0 mean number of active features per token, of all layers together
 * @param dead number of features that were not active for some time
 */
public record TrainingProgress(int step, double loss, double l0, int dead) {}
