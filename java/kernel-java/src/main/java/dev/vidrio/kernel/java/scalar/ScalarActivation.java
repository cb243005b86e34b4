package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.op.Op;

/**
 * The activation functions of docs/numerics.md and their slopes: all that the Java executors need
 * to run and differentiate a function. A vector version in {@code VectorActivation} is optional.
 */
public final class ScalarActivation {
  /** The limit to which gpt-oss clamps the two factors of a gated block. */
  public static final float SWISH_LIMIT = 7;

  public static final float SWISH_SLOPE = 1.702f;

  private static final float GELU_3_CUBIC = 0.134145f;

  /** The bound of the divisor in the derivative of a decay's complement, which is steep at 0. */
  private static final float MIN_COMPLEMENT = 0.0005f;

  /** 1 / √(2π). */
  private static final float NORMAL_DENSITY = 0.3989423f;

  private ScalarActivation() {}

  /** Returns f(x). */
  public static float activate(Op.ActivationKind kind, float x) {
    return switch (kind) {
      case SILU -> x / (1 + ScalarMath.exp(-x));
      case GELU_TANH ->
          x
              / (1
                  + ScalarMath.exp(
                      ScalarMath.GELU_OUTER * (x * Math.fma(ScalarMath.GELU_CUBIC * x, x, 1))));
      case RELU -> x > 0 ? x : 0;
      case GELU -> gelu(x);
      case TANH -> ScalarMath.tanh(x);
      case SQUARED_RELU -> x > 0 ? x * x : 0;
      case ELU -> x > 0 ? x : ScalarMath.exponentialLessOne(x);
      case HARD_TANH -> Math.min(Math.max(x, -1f), 1f);
      case CLAMPED_SWISH -> {
        float c = x > SWISH_LIMIT ? SWISH_LIMIT : x;
        yield c / (1 + ScalarMath.exp(-SWISH_SLOPE * c));
      }
      case CLAMPED_LINEAR -> {
        float c = x > SWISH_LIMIT ? SWISH_LIMIT : x;
        yield 1 + (c < -SWISH_LIMIT ? -SWISH_LIMIT : c);
      }
      case IDENTITY -> x;
      case SIGMOID -> ScalarMath.sigmoid(x);
      case SOFTPLUS -> ScalarMath.softplus(x);
      case DECAY_COMPLEMENT ->
          (float) Math.sqrt(0f - ScalarMath.exponentialLessOne(2 * Math.min(x, 0f)));
    };
  }

  /** Returns x times the normal distribution function of x. */
  private static float gelu(float x) {
    ScalarMath.NormalTail tail = ScalarMath.NormalTail.of(x);
    return Math.fma(-tail.a(), tail.share(), x > 0 ? x : 0);
  }

  /**
   * The slopes of an activation function at x.
   *
   * @param secant {@code (f(x) − f(0)) / x}
   * @param derivative {@code f'(x)}
   */
  record Slopes(float secant, float derivative) {}

  /** Returns the slopes of an activation function. */
  static Slopes slopes(Op.ActivationKind kind, float x) {
    return switch (kind) {
      case SILU -> {
        float s = ScalarMath.sigmoid(x);
        yield new Slopes(s, s * Math.fma(x, 1 - s, 1));
      }
      case GELU_TANH -> {
        float cubic = Math.fma(ScalarMath.GELU_CUBIC * x, x, 1);
        float s = 1 / (1 + ScalarMath.exp(ScalarMath.GELU_OUTER * (x * cubic)));
        float inner = -ScalarMath.GELU_OUTER * Math.fma(GELU_3_CUBIC * x, x, 1);
        yield new Slopes(s, Math.fma(x * s, (1 - s) * inner, s));
      }
      case RELU -> new Slopes(step(x), step(x));
      case GELU -> {
        ScalarMath.NormalTail tail = ScalarMath.NormalTail.of(x);
        float s = Math.abs(step(x) - tail.share());
        yield new Slopes(s, Math.fma(x, tail.e() * NORMAL_DENSITY, s));
      }
      case TANH -> {
        float y = ScalarMath.tanh(x);
        yield new Slopes(secant(y, x), Math.fma(-y, y, 1));
      }
      case SQUARED_RELU -> {
        float r = x > 0 ? x : 0;
        yield new Slopes(r, r + r);
      }
      case ELU -> new Slopes(secant(activate(kind, x), x), ScalarMath.exp(Math.min(x, 0)));
      case HARD_TANH -> new Slopes(secant(activate(kind, x), x), 1 - step(Math.abs(x) - 1));
      case CLAMPED_SWISH -> {
        float c = x > SWISH_LIMIT ? SWISH_LIMIT : x;
        float s = 1 / (1 + ScalarMath.exp(-SWISH_SLOPE * c));
        float bent = Math.fma(SWISH_SLOPE * c, 1 - s, 1);
        yield new Slopes(s * kept(x), s * bent * inside(x));
      }
      case IDENTITY -> new Slopes(1, 1);
      case SIGMOID -> { // sigmoid(x) − 1/2 = tanh(x/2) / 2
        float half = 0.5f * x;
        float p = ScalarMath.sigmoid(x);
        yield new Slopes(0.25f * secant(ScalarMath.tanh(half), half), p * (1 - p));
      }
      case SOFTPLUS -> {
        float s = 0.5f * secant(ScalarMath.centeredSoftplus(x), 0.5f * x);
        yield new Slopes(s, ScalarMath.sigmoid(x));
      }
      case CLAMPED_LINEAR -> new Slopes(kept(Math.abs(x)), inside(Math.abs(x)));
      case DECAY_COMPLEMENT -> {
        float y = activate(kind, x);
        float inverse = ScalarMath.exp(2 * Math.min(x, 0f)) / Math.max(y, MIN_COMPLEMENT);
        yield new Slopes(-secant(y, x), (1 - step(x)) * -inverse);
      }
    };
  }

  /** Returns y / x, also if both are 0. */
  private static float secant(float y, float x) {
    return Math.max(Math.abs(y), Float.MIN_NORMAL) / Math.max(Math.abs(x), Float.MIN_NORMAL);
  }

  /** Returns 1 up to the limit, and limit / x beyond it. */
  private static float kept(float x) {
    return SWISH_LIMIT / (x > SWISH_LIMIT ? x : SWISH_LIMIT);
  }

  /** Returns 1 up to the limit, else 0. */
  private static float inside(float x) {
    return x > SWISH_LIMIT ? 0 : 1;
  }

  private static float step(float x) {
    return x > 0 ? 1 : 0;
  }
}
