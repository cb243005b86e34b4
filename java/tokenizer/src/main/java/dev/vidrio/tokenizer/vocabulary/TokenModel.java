package dev.vidrio.tokenizer.vocabulary;

import java.util.List;

/**
 * How text between literal tokens becomes tokens: the part that differs between kinds of
 * tokenizers.
 */
public sealed interface TokenModel {

  /**
   * Byte-level BPE (Radford et al. 2019), GGUF's {@code gpt2}. Text is spelled in the byte alphabet
   * of GPT-2, in which {@code Ġ} is the space.
   *
   * @param preTokenizer the name of the rule that cuts text into words, as in GGUF's {@code
   *     tokenizer.ggml.pre}
   * @param merges pairs of spellings with a space between, the first to be merged first
   * @param normalization what is done to text before. GGUF files do not say it, and llama.cpp does
   *     none; the originals of Qwen2, GPT-NeoX and others do.
   */
  record ByteLevelBpe(String preTokenizer, List<String> merges, Normalization normalization)
      implements TokenModel {

    /** Copies the list. */
    public ByteLevelBpe {
      merges = List.copyOf(merges);
    }

    /** Takes text as it is. */
    public ByteLevelBpe(String preTokenizer, List<String> merges) {
      this(preTokenizer, merges, Normalization.NONE);
    }
  }

  /**
   * BPE as SentencePiece has it (Kudo and Richardson 2018), GGUF's {@code llama}. A space is
   * spelled U+2581, and a character without a token becomes the tokens of its bytes.
   *
   * @param scores of each token; of two merges, the one whose result has the higher score comes
   *     first
   * @param merges pairs of spellings with a space between, the first to be merged first; if there
   *     are any, they count instead of the scores, as in Hugging Face tokenizers
   * @param spacePrefix before which stretches of text a space is put
   */
  record SentencePieceBpe(List<Float> scores, List<String> merges, SpacePrefix spacePrefix)
      implements TokenModel {

    /** Copies the lists. */
    public SentencePieceBpe {
      scores = List.copyOf(scores);
      merges = List.copyOf(merges);
    }

    /** Merges by scores, with a space before each stretch of text or before none. */
    public SentencePieceBpe(List<Float> scores, boolean addSpacePrefix) {
      this(scores, List.of(), addSpacePrefix ? SpacePrefix.EACH : SpacePrefix.NEVER);
    }
  }

  /**
   * A pipeline of Hugging Face tokenizers that none of the others expresses. GGUF has no words for
   * it: a file names Vidrio's own kind of tokenizer, {@code vidrio}, so that other programs refuse
   * it rather than cut text in another way.
   *
   * @param stages JSON: {@code normalizer}, {@code pre_tokenizer} and {@code decoder} as in {@code
   *     tokenizer.json}, and {@code model} without the vocabulary
   * @param merges of BPE: pairs of spellings with a space between, the first to be merged first
   * @param scores of the unigram model: those of each token, logarithms of probabilities; minus
   *     infinity for those that only literal text becomes
   */
  record Pipeline(String stages, List<String> merges, List<Double> scores) implements TokenModel {

    /** Vidrio's own key for the {@link #stages}. */
    public static final String STAGES = "vidrio.tokenizer.pipeline";

    /** Vidrio's own key for the {@link #scores}, in double precision. */
    public static final String SCORES = "vidrio.tokenizer.scores";

    /** Copies the lists. */
    public Pipeline {
      merges = List.copyOf(merges);
      scores = List.copyOf(scores);
    }
  }

  /**
   * The unigram model of SentencePiece (Kudo 2018), GGUF's {@code t5}.
   *
   * @param scores of each token, logarithms of probabilities
   * @param addSpacePrefix whether a space is put before each stretch of text
   * @param removeExtraSpaces whether runs of spaces become one, and those at the ends none
   * @param charsmap what characters are replaced by
   */
  record Unigram(
      List<Float> scores, boolean addSpacePrefix, boolean removeExtraSpaces, Charsmap charsmap)
      implements TokenModel {

    /** Copies the list. */
    public Unigram {
      scores = List.copyOf(scores);
    }
  }
}
