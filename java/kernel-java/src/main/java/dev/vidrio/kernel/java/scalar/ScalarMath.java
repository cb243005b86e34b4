package dev.vidrio.kernel.java.scalar;

/**
 * The elementary functions of docs/numerics.md and their constants. Error bounds are given there.
 */
public final class ScalarMath {
  /** The arguments at which exp is 0, and infinity. */
  public static final float EXP_MIN = -104f;

  public static final float EXP_MAX = 89f;
  public static final float LOG2_E = 0x1.715476p+0f;

  /** −ln(2) in two parts; multiples of the upper part up to 150 are exact. */
  public static final float LN_2_UPPER = -0x1.62e4p-1f;

  public static final float LN_2_LOWER = -0x1.7f7d1cp-20f;

  /** Coefficients of (eʳ − 1 − r)/r². */
  public static final float C6 = 0x1.6a23d0p-10f;

  public static final float C5 = 0x1.123a20p-7f;
  public static final float C4 = 0x1.5558f2p-5f;
  public static final float C3 = 0x1.555492p-3f;
  public static final float C2 = 0x1.fffffcp-2f;

  /** Coefficients of ln(1 + r) in odd powers of s = r/(2 + r), except the first. */
  public static final float LOG_9 = 0x1.1ed7bep-2f;

  public static final float LOG_7 = 0x1.1ebd0ep-2f;
  public static final float LOG_5 = 0x1.99d208p-2f;
  public static final float LOG_3 = 0x1.555502p-1f;

  /** −2·√(2/π). */
  public static final float GELU_OUTER = -1.5957692f;

  public static final float GELU_CUBIC = 0.044715f;

  /** The magnitude from which on the normal distribution function is 0 or 1 in f32. */
  public static final float GELU_END = 15;

  private static final float[] GELU_TAIL = {
    -0x1.4ab9d0p-13f,
    -0x1.46c29ep-12f,
    0x1.66d454p-11f,
    0x1.4ad120p-9f,
    -0x1.a3a5e4p-10f,
    -0x1.0c78a4p-6f,
    0x1.2ea424p-7f,
    0x1.0e4f30p-3f,
    -0x1.bc19c2p-2f,
    0x1.69cee6p-1f
  };

  /** The number of coefficients of {@link #geluTail}. */
  public static final int GELU_TAIL_TERMS = GELU_TAIL.length;

  private ScalarMath() {}

  /** Returns the i-th coefficient, from the highest on, of the factor of exp(−x²/2) in GELU. */
  public static float geluTail(int i) {
    return GELU_TAIL[i];
  }

  /** Returns eˣ. */
  public static float exp(float argument) {
    float x = Math.min(Math.max(argument, EXP_MIN), EXP_MAX);
    float m = (float) Math.rint(x * LOG2_E);
    float p = exponentialMinusOne(remainder(x, m)) + 1;
    int half = (int) m >> 1;
    return p * powerOfTwo(half) * powerOfTwo((int) m - half);
  }

  /** Returns the hyperbolic tangent. */
  static float tanh(float x) {
    float e = exponentialLessOne(2 * x);
    return e / (e + 2);
  }

  /** Returns eˣ − 1, with x clamped to [−20, 20]. */
  static float exponentialLessOne(float x) {
    float y = Math.min(Math.max(x, -20f), 20f);
    float m = (float) Math.rint(y * LOG2_E);
    float power = powerOfTwo((int) m);
    return Math.fma(exponentialMinusOne(remainder(y, m)), power, power - 1);
  }

  /** Returns {@code 1 / (1 + e⁻ˣ)}. */
  static float sigmoid(float x) {
    return 1 / (1 + exp(-x));
  }

  /** Returns {@code ln(1 + eˣ)}. */
  static float softplus(float x) {
    return (x > 0 ? x : 0) + logOnePlus(exp(-Math.abs(x)));
  }

  /** Returns {@code softplus(x) − ln(2)}, which is 0 at 0. */
  static float centeredSoftplus(float x) {
    return (x > 0 ? x : 0) + logOnePlus(0.5f * exponentialLessOne(-Math.abs(x)));
  }

  /** Returns ln(1 + r) for −1/2 ≤ r ≤ 1. */
  private static float logOnePlus(float r) {
    float s = r / (2 + r);
    float z = s * s;
    float q = LOG_9;
    q = Math.fma(q, z, LOG_7);
    q = Math.fma(q, z, LOG_5);
    q = Math.fma(q, z, LOG_3);
    return Math.fma(s, Math.fma(q, z, -r), r);
  }

  /** Returns x − m · ln(2). */
  private static float remainder(float x, float m) {
    return Math.fma(m, LN_2_LOWER, Math.fma(m, LN_2_UPPER, x));
  }

  /** Returns eʳ − 1 for |r| ≤ ln(2)/2. */
  private static float exponentialMinusOne(float r) {
    float q = C6;
    q = Math.fma(q, r, C5);
    q = Math.fma(q, r, C4);
    q = Math.fma(q, r, C3);
    q = Math.fma(q, r, C2);
    return Math.fma(r * r, q, r);
  }

  /** Returns 2ⁿ for −126 ≤ n ≤ 127. */
  private static float powerOfTwo(int n) {
    return Float.intBitsToFloat((n + 127) << 23);
  }

  /**
   * The tail of the normal distribution beyond a magnitude.
   *
   * @param a |x|, at most {@link #GELU_END}
   * @param e exp(−a²/2)
   * @param share probability beyond a
   */
  record NormalTail(float a, float e, float share) {
    static NormalTail of(float x) {
      float a = Math.min(Math.abs(x), GELU_END);
      float t = 1 / (a + 2.5f);
      float u = Math.fma(-5, t, 1);
      float q = GELU_TAIL[0];
      for (int i = 1; i < GELU_TAIL.length; i++) {
        q = Math.fma(q, u, GELU_TAIL[i]);
      }
      float s = a * a;
      float rest = Math.fma(a, a, -s);
      float e = exp(-0.5f * s);
      e = Math.fma(e, -0.5f * rest, e);
      return new NormalTail(a, e, e * (q * t));
    }
  }
}
