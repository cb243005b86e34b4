package dev.vidrio.model.state;

import dev.vidrio.kernel.host.Sha256;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.session.Session;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The address of a computed prefix: a SHA-256 of everything that its keys, values and states depend
 * on. A chain of keys begins with a {@linkplain #root root} and continues with each {@value #SPAN}
 * tokens:
 *
 * <pre>
 *   root     = SHA-256("vidrio state", arithmetic, model, plan, KV type, salt, adapter, strength)
 *   key(i+1) = SHA-256(key(i), tokens [16 i, 16 i + 16) as int32, little-endian)
 * </pre>
 *
 * <p>Equal keys mean equal bits, on every executor and instruction set (docs/numerics.md), so that
 * a state can be read by another process or machine. Immutable; a value.
 *
 * @see "docs/adr/026-states-on-disk.md"
 */
public final class StateKey {
  /** The number of tokens from one key of a chain to the next. */
  public static final int SPAN = 16;

  /**
   * The version of the arithmetic of docs/numerics.md and of the layout of blocks and slots of a
   * shape. A change of either must increase it, so that states of earlier versions are not found;
   * {@code StateBitsTest} fails otherwise. So must a change of the sampler's choices, since
   * receipts of earlier versions are refused by it; {@code ReceiptKitTest} fails otherwise.
   */
  public static final int ARITHMETIC = 1;

  private final byte[] hash;

  private StateKey(byte[] hash) {
    this.hash = hash;
  }

  /**
   * Returns the first key of the sequences of a session.
   *
   * @param model identifies the weights and hyperparameters
   * @param salt separates the prefixes of tenants; empty for none
   * @param adaptation the adapter, or null
   */
  public static StateKey root(
      ModelHash model, Session session, String salt, @Nullable Adaptation adaptation) {
    return root(
        "vidrio state",
        Integer.toString(ARITHMETIC),
        model.hex(),
        plan(session),
        session.cache().shape().toString(),
        session.cache().type().name(),
        salt,
        adaptation == null ? "" : adaptation.adapter().sha256(),
        adaptation == null ? "" : Float.toHexString(adaptation.strength()));
  }

  /** Returns a key that depends on each part. */
  static StateKey root(String... parts) {
    MessageDigest digest = Sha256.newDigest();
    for (String part : parts) {
      byte[] utf8 = part.getBytes(StandardCharsets.UTF_8);
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, utf8.length));
      digest.update(utf8);
    }
    return new StateKey(digest.digest());
  }

  /** Returns what distinguishes the plans over a model's weights. */
  private static String plan(Session session) {
    String products = session.options().arithmetic().label();
    return (session.hasLongContext() ? "long " : "short ") + products + drafts(session.model());
  }

  /** The blocks of a model with a draft block have more layers, which depend on its weights. */
  private static String drafts(LoadedModel model) {
    if (model.architecture().draft() == null) {
      return "";
    }
    return model
        .draftHead()
        .map(head -> model.cached(HeadHash.class, arena -> new HeadHash(ModelHash.of(head))))
        .map(head -> " with draft head " + head.hash().hex())
        .orElse(" with draft block");
  }

  /** The hash of a draft head, which is computed once per model. */
  private record HeadHash(ModelHash hash) {}

  /** Returns the key after the next {@value #SPAN} tokens. */
  public StateKey next(int[] tokens, int from) {
    ByteBuffer more = ByteBuffer.allocate(SPAN * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    more.asIntBuffer().put(tokens, from, SPAN);
    MessageDigest digest = Sha256.newDigest();
    digest.update(hash);
    digest.update(more);
    return new StateKey(digest.digest());
  }

  /** Returns the key after the tokens [from, to), of a number that {@value #SPAN} divides. */
  public StateKey next(int[] tokens, int from, int to) {
    StateKey key = this;
    for (int i = from; i < to; i += SPAN) {
      key = key.next(tokens, i);
    }
    return key;
  }

  /** Returns the hash in hexadecimal digits. */
  String hex() {
    return HexFormat.of().formatHex(hash);
  }

  /** Copies the hash to a buffer. */
  void putTo(ByteBuffer buffer) {
    buffer.put(hash);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof StateKey key && Arrays.equals(hash, key.hash);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(hash);
  }

  @Override
  public String toString() {
    return hex();
  }
}
