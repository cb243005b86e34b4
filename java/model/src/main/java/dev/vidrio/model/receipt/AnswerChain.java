package dev.vidrio.model.receipt;

import dev.vidrio.kernel.host.Sha256;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The hash chain of a receipt, which binds settings, prompt, tokens and logits together:
 *
 * <pre>
 *   h(0) = SHA-256(header)
 *   h(i) = SHA-256(h(i − 1), token i as int32, XXH64 of the logits [V] before it as int64)
 * </pre>
 *
 * All numbers are little-endian. The header has, in this order, integers as int64, other numbers as
 * binary64, and texts as their length in UTF-8 and their bytes: see {@link #of}.
 */
final class AnswerChain {
  private static final JsonMapper SORTED =
      JsonMapper.builder().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS).build();

  private final MessageDigest digest = Sha256.newDigest();

  private AnswerChain() {}

  /** Returns the last hash of a receipt's chain, in hexadecimal digits. */
  static String of(Receipt receipt) {
    var chain = new AnswerChain();
    chain.addHeader(receipt);
    byte[] last = chain.digest.digest();
    ByteBuffer step = buffer(Integer.BYTES + Long.BYTES);
    for (int i = 0; i < receipt.logits().size(); i++) {
      step.clear().putInt(receipt.token(i)).putLong(receipt.logits().get(i)).flip();
      chain.digest.update(last);
      chain.digest.update(step);
      last = chain.digest.digest();
    }
    return HexFormat.of().formatHex(last);
  }

  private void addHeader(Receipt receipt) {
    Receipt.Adapted adapter = receipt.adapter();
    put("vidrio receipt");
    put(Receipt.FORMAT);
    put(receipt.model().sha256());
    put(adapter == null ? "" : adapter.sha256());
    put(adapter == null ? 0.0 : adapter.strength());
    put(receipt.arithmetic().version());
    put(receipt.arithmetic().products().label());
    put(receipt.arithmetic().cache().name());
    put(receipt.arithmetic().longContext());
    putSampling(receipt.sampling());
    Receipt.Stop stop = receipt.stop();
    put(stop.tokens());
    put(stop.minTokens());
    putTexts(stop.strings());
    putIds(stop.tokenIds());
    put(stop.ignoreEnd());
    put(json(receipt.grammar()));
    putIds(receipt.prompt());
  }

  private void putSampling(SamplingOptions sampling) {
    put(sampling.temperature());
    put(sampling.topK());
    put(sampling.topP());
    put(sampling.minP());
    put(sampling.repeatPenalty());
    put(sampling.frequencyPenalty());
    put(sampling.presencePenalty());
    put(sampling.penaltyWindow());
    DryOptions dry = sampling.dry();
    put(dry.multiplier());
    put(dry.base());
    put(dry.allowedLength());
    put(dry.window());
    putTexts(dry.breakers());
    put(sampling.topNSigma());
    put(sampling.xtcProbability());
    put(sampling.xtcThreshold());
    put(sampling.logitBias().size());
    new TreeMap<>(sampling.logitBias())
        .forEach(
            (token, bias) -> {
              put(token);
              put((double) bias);
            });
    put(sampling.seed());
  }

  /** Returns compact JSON with sorted keys; empty for null. */
  private static String json(@Nullable Map<String, Object> grammar) {
    return grammar == null ? "" : SORTED.writeValueAsString(grammar);
  }

  private void put(String text) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    put(utf8.length);
    digest.update(utf8);
  }

  private void putTexts(List<String> texts) {
    put(texts.size());
    texts.forEach(this::put);
  }

  private void put(long value) {
    digest.update(buffer(Long.BYTES).putLong(value).flip());
  }

  private void put(double value) {
    digest.update(buffer(Double.BYTES).putDouble(value).flip());
  }

  private void put(boolean value) {
    put(value ? 1 : 0);
  }

  private void putIds(List<Integer> ids) {
    ByteBuffer all = buffer((ids.size() + 1) * Long.BYTES).putLong(ids.size());
    ids.forEach(all::putLong);
    digest.update(all.flip());
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
