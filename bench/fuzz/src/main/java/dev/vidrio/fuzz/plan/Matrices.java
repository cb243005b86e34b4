package dev.vidrio.fuzz.plan;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.memory.Packer;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Random weights, which depend on their key alone and are kept, since many plans use equal ones.
 * All bits of quantized blocks are random but for their factors, which keep products small.
 */
final class Matrices {
  /** Variants of the weights of one type and shape; the last one has extreme values. */
  static final int VARIANTS = 4;

  /** The bytes that are kept from one plan to the next. */
  private static final long MAX_BYTES = 256L << 20;

  private static final Map<Key, Weights> KEPT = new HashMap<>();
  private static Arena arena = Arena.ofShared();
  private static long bytes;

  private record Key(WeightType type, Weights.Layout layout, int n, int k, int variant) {}

  private Matrices() {}

  /** Returns a matrix in a layout. */
  static synchronized Weights of(
      WeightType type, Weights.Layout layout, int n, int k, int variant) {
    return KEPT.computeIfAbsent(new Key(type, layout, n, k, variant), Matrices::create);
  }

  /** Frees all matrices if they take much memory. Plans over them must no longer run. */
  static synchronized void trim() {
    if (bytes > MAX_BYTES) {
      KEPT.clear();
      arena.close();
      arena = Arena.ofShared();
      bytes = 0;
    }
  }

  private static MemorySegment allocate(long size) {
    bytes += size;
    return arena.allocate(size, 64);
  }

  /** Returns a matrix of this class in another layout. */
  static Weights in(Weights.Layout layout, Weights w) {
    int variant = Integer.parseInt(w.name().substring(w.name().indexOf('#') + 1));
    return of(w.type(), layout, w.n(), w.k(), variant);
  }

  private static Weights create(Key key) {
    MemorySegment rows = allocate(key.n * key.type.bytes(key.k));
    fill(key.type, rows, new SplittableRandom(seed(key)), key.variant == VARIANTS - 1);
    MemorySegment data = rows;
    if (key.layout == Weights.Layout.PACKED) {
      data = allocate(Packing.bytes(key.type, key.n, key.k));
      pack(key, rows, data);
    }
    String name = key.type + "[" + key.n + "," + key.k + "]#" + key.variant;
    return new Weights(name, key.type, key.layout, key.n, key.k, data);
  }

  /** Packs one variant in Java, the others in C. */
  private static void pack(Key key, MemorySegment rows, MemorySegment packed) {
    if (key.variant == 0) {
      new Packer(key.type, key.n, key.k, rows, packed).pack(0, Packing.groups(key.n));
    } else {
      Native.EXECUTOR.pack(key.type, key.n, key.k, rows, packed);
    }
  }

  /** Loads the library when the first matrix is packed by it. */
  private static final class Native {
    static final NativeExecutor EXECUTOR = NativeExecutor.create(Isa.SCALAR, 1);
  }

  /** Returns a seed that is the same for all layouts. */
  private static long seed(Key key) {
    return ((key.type.id() * 4099L + key.n) * 4099 + key.k) * VARIANTS + key.variant;
  }

  private static void fill(
      WeightType type, MemorySegment data, SplittableRandom random, boolean extreme) {
    if (type.quantized()) {
      byte[] bytes = new byte[Math.toIntExact(data.byteSize())];
      random.nextBytes(bytes);
      MemorySegment.copy(bytes, 0, data, JAVA_BYTE, 0, bytes.length);
      setFactors(type, data, random, extreme);
      return;
    }
    int elementBytes = type.blockBytes();
    for (long at = 0; at < data.byteSize(); at += elementBytes) {
      float value = value(random, extreme);
      switch (type) {
        case F32 -> data.set(JAVA_FLOAT_UNALIGNED, at, value);
        case F16 -> data.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(value));
        default ->
            data.set(JAVA_SHORT_UNALIGNED, at, (short) (Float.floatToRawIntBits(value) >> 16));
      }
    }
  }

  /** Returns a float around 1, or an extreme one that is finite. */
  static float value(SplittableRandom random, boolean extreme) {
    float plain = (float) (random.nextDouble() + random.nextDouble() - 1);
    if (!extreme || random.nextInt(3) > 0) {
      return plain;
    }
    return switch (random.nextInt(6)) {
      case 0 -> 0;
      case 1 -> -0.0f;
      case 2 -> Math.scalb(plain, -130);
      case 3 -> Math.scalb(plain, 12);
      case 4 -> Math.scalb(plain, -40);
      default -> Math.signum(plain);
    };
  }

  private static void setFactors(
      WeightType type, MemorySegment data, SplittableRandom random, boolean extreme) {
    float magnitude = type.blockElements() == 256 ? 0.01f / 16 : 0.01f;
    for (long block = 0; block < data.byteSize(); block += type.blockBytes()) {
      if (type == WeightType.MXFP4) {
        data.set(JAVA_BYTE, block, (byte) random.nextInt(extreme ? 0 : 118, 128));
      }
      for (int half = 0; half < type.halves(); half++) {
        short bits = Float.floatToFloat16(magnitude * value(random, extreme));
        setHalf(type, data, block, half, bits);
      }
    }
  }

  /** Sets a half-precision factor; IQ1_M has the nibbles of one in four scales. */
  private static void setHalf(
      WeightType type, MemorySegment data, long block, int half, short bits) {
    if (type != WeightType.IQ1_M) {
      data.set(JAVA_SHORT_UNALIGNED, block + type.halfOffset() + 2L * half, bits);
      return;
    }
    for (int i = 0; i < 4; i++) {
      long at = block + 49 + 2L * i;
      int low = data.get(JAVA_BYTE, at) & 15;
      data.set(JAVA_BYTE, at, (byte) (low | (bits >> (4 * i) & 15) << 4));
    }
  }
}
