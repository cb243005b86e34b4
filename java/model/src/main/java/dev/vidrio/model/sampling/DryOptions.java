package dev.vidrio.model.sampling;

import static dev.vidrio.error.InvalidInputException.requireRange;

import dev.vidrio.error.InvalidInputException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Options of DRY ("don't repeat yourself"), a penalty for tokens that would continue a repetition:
 * if the last n tokens have occurred before, n at least the allowed length, the token that followed
 * them then loses {@code multiplier · base^(n − allowedLength)} of its logit. As in llama.cpp.
 *
 * @param multiplier the scale of the penalty; 0 for none
 * @param base the growth of the penalty with each repeated token
 * @param allowedLength the length of repetitions that are not penalized yet
 * @param window number of last tokens, including the prompt, in which repetitions are found
 * @param breakers texts that end repetitions: these do not extend across one
 * @see <a href="https://github.com/oobabooga/text-generation-webui/pull/5677">the proposal</a>
 */
public record DryOptions(
    double multiplier, double base, int allowedLength, int window, List<String> breakers) {
  /** The maximum length of a breaker in UTF-8. */
  public static final int MAX_BREAKER_BYTES = 40;

  private static final int MAX_BREAKERS = 64;

  /** No penalty; the other values are llama.cpp's defaults. */
  public static final DryOptions OFF =
      new DryOptions(0, 1.75, 2, 64, List.of("\n", ":", "\"", "*"));

  /** Rejects values that are out of range. */
  public DryOptions {
    requireRange("DRY multiplier", multiplier, 0, 1e3);
    requireRange("DRY base", base, 1, 1e3);
    requireRange("DRY allowed length", allowedLength, 0, 1 << 20);
    requireRange("DRY window", window, 0, 1 << 20);
    breakers = List.copyOf(breakers);
    requireRange("DRY sequence breakers", breakers.size(), 0, MAX_BREAKERS);
    for (String breaker : breakers) {
      int bytes = breaker.getBytes(StandardCharsets.UTF_8).length;
      if (bytes == 0 || bytes > MAX_BREAKER_BYTES) {
        throw new InvalidInputException(
            "DRY sequence breaker", breaker, "must have 1 to " + MAX_BREAKER_BYTES + " bytes");
      }
    }
  }

  /** Returns whether there is a penalty. */
  public boolean isActive() {
    return multiplier > 0 && window > 0;
  }

  /** Returns a copy with another multiplier. */
  public DryOptions withMultiplier(double value) {
    return new DryOptions(value, base, allowedLength, window, breakers);
  }

  /** Returns a copy with another base. */
  public DryOptions withBase(double value) {
    return new DryOptions(multiplier, value, allowedLength, window, breakers);
  }

  /** Returns a copy with another allowed length. */
  public DryOptions withAllowedLength(int tokens) {
    return new DryOptions(multiplier, base, tokens, window, breakers);
  }

  /** Returns a copy with another window. */
  public DryOptions withWindow(int tokens) {
    return new DryOptions(multiplier, base, allowedLength, tokens, breakers);
  }

  /** Returns a copy with other breakers. */
  public DryOptions withBreakers(List<String> texts) {
    return new DryOptions(multiplier, base, allowedLength, window, texts);
  }
}
