package dev.vidrio.tokenizer.bpe;

import dev.vidrio.tokenizer.encoding.IntList;
import dev.vidrio.tokenizer.encoding.TextModel;
import dev.vidrio.tokenizer.encoding.WordCache;
import dev.vidrio.tokenizer.encoding.WordModel;
import dev.vidrio.tokenizer.normalization.ByteAlphabet;
import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.text.WorkLimit;
import dev.vidrio.tokenizer.vocabulary.Normalization;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.word.PreTokenizer;
import dev.vidrio.tokenizer.word.WordSplitter;
import java.util.Map;

/**
 * Byte-level BPE (Radford et al. 2019): splits text into words by the pre-tokenizer's patterns and
 * merges the bytes of each word into tokens.
 *
 * <p>Some vocabularies lack tokens for bytes that their training data did not contain; such bytes
 * are dropped, as in llama.cpp and Hugging Face tokenizers.
 */
public final class ByteLevelModel implements TextModel {

  private final Normalization normalization;
  private final WordSplitter splitter;
  private final boolean ignoreMerges;
  private final Map<String, Integer> ids;
  private final TokenType[] types;
  private final MergeRules merges;
  private final WordCache cache = new WordCache();

  /**
   * Creates the model.
   *
   * @param vocabulary the source, for errors
   * @param ids the id of each spelling
   * @param types the type of each token
   */
  public ByteLevelModel(
      Vocabulary vocabulary,
      TokenModel.ByteLevelBpe bpe,
      Map<String, Integer> ids,
      TokenType[] types) {
    PreTokenizer preTokenizer = PreTokenizer.require(vocabulary.source(), bpe.preTokenizer());
    normalization = bpe.normalization();
    splitter = preTokenizer.splitter();
    ignoreMerges = preTokenizer.ignoreMerges();
    this.ids = ids;
    this.types = types;
    int[] byteTokens = new int[256];
    for (int b = 0; b < byteTokens.length; b++) {
      byteTokens[b] = normalToken(String.valueOf(ByteAlphabet.letter(b)));
    }
    merges = new ByteMerges(new MergeTable(vocabulary, bpe.merges(), ids), byteTokens);
  }

  /** Returns the normal token with a spelling, or −1. */
  private int normalToken(String spelling) {
    Integer id = ids.get(spelling);
    return id != null && types[id] == TokenType.NORMAL ? id : -1;
  }

  @Override
  public TextTransform normalizer() {
    return normalization::apply;
  }

  @Override
  public TextEncoder encoder(IntList out) {
    WordMerger merger = new WordMerger(merges);
    WordModel.WordEncoder encoder =
        (text, start, end, tokens) -> encodeWord(text, start, end, merger, tokens);
    WordSplitter.WordSink sink = (text, start, end) -> cache.encode(text, start, end, out, encoder);
    return (text, start, end, first) ->
        splitter.split(text, start, end, new WorkLimit(end - start), sink);
  }

  private void encodeWord(byte[] text, int start, int end, WordMerger merger, IntList out) {
    int whole = ignoreMerges ? normalToken(ByteAlphabet.spell(text, start, end)) : -1;
    if (whole >= 0) {
      out.add(whole);
    } else {
      merger.merge(text, start, end, out);
    }
  }
}
