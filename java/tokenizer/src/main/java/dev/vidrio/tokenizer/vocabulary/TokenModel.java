package dev.vidrio.tokenizer.vocabulary;

import java.util.List;

/**
 * The algorithm that encodes the text between literal tokens, with its parameters. Sealed: {@link
 * ByteLevelBpe}, {@link SentencePieceBpe}, {@link Unigram}, {@link WordPiece} or {@link Pipeline}.
 */
public sealed interface TokenModel {

  /**
   * Byte-level BPE (Radford et al. 2019), {@code gpt2} in GGUF. Tokens are spelled in GPT-2's byte
   * alphabet, in which {@code Ġ} is the space.
   *
   * @param preTokenizer the name of the pre-tokenizer, as in {@code tokenizer.ggml.pre}
   * @param merges pairs of spellings separated by a space, in order of rank
   * @param normalization applied to text first. GGUF does not record it and llama.cpp does not
   *     normalize; the original tokenizers of Qwen2, GPT-NeoX and others do
   */
  record ByteLevelBpe(String preTokenizer, List<String> merges, Normalization normalization)
      implements TokenModel {

    /** Copies the list. */
    public ByteLevelBpe {
      merges = List.copyOf(merges);
    }
  }

  /**
   * SentencePiece BPE (Kudo and Richardson 2018, arXiv 1808.06226), {@code llama} in GGUF. A space
   * is spelled U+2581, and a character without a token becomes the tokens of its bytes.
   *
   * @param scores the score of each token; the merge into the token of highest score comes first
   * @param merges pairs of spellings separated by a space, in order of rank; if not empty, they
   *     replace the scores, as in Hugging Face tokenizers
   * @param spacePrefix when a space is prepended to a segment of text
   */
  record SentencePieceBpe(List<Float> scores, List<String> merges, SpacePrefix spacePrefix)
      implements TokenModel {

    /** Copies the lists. */
    public SentencePieceBpe {
      scores = List.copyOf(scores);
      merges = List.copyOf(merges);
    }
  }

  /**
   * A pipeline of Hugging Face tokenizers that no other model expresses. GGUF has no keys for it:
   * the file names Vidrio's own tokenizer model, {@code vidrio}, so that other programs reject it
   * instead of tokenizing differently.
   *
   * @param stages JSON: {@code normalizer}, {@code pre_tokenizer} and {@code decoder} as in {@code
   *     tokenizer.json}, and {@code model} without the vocabulary
   * @param merges for BPE: pairs of spellings separated by a space, in order of rank
   * @param scores for the unigram model: the log probability of each token; −∞ for added tokens
   */
  record Pipeline(String stages, List<String> merges, List<Double> scores) implements TokenModel {

    /** The GGUF key of the {@link #stages}. */
    public static final String STAGES = "vidrio.tokenizer.pipeline";

    /** The GGUF key of the {@link #scores}, in double precision. */
    public static final String SCORES = "vidrio.tokenizer.scores";

    /** Copies the lists. */
    public Pipeline {
      merges = List.copyOf(merges);
      scores = List.copyOf(scores);
    }
  }

  /**
   * The unigram model of SentencePiece (Kudo 2018, arXiv 1804.10959), {@code t5} in GGUF.
   *
   * @param scores the log probability of each token
   * @param addSpacePrefix whether a space is prepended to each segment of text
   * @param removeExtraSpaces whether runs of spaces are collapsed and spaces at the ends removed
   * @param charsmap the replacements of characters
   */
  record Unigram(
      List<Float> scores, boolean addSpacePrefix, boolean removeExtraSpaces, Charsmap charsmap)
      implements TokenModel {

    /** Copies the list. */
    public Unigram {
      scores = List.copyOf(scores);
    }
  }

  /**
   * WordPiece with the normalization of BERT (Devlin et al. 2018, arXiv 1810.04805), {@code bert}
   * in GGUF. As there, a token that begins a word is spelled with U+2581 before it, and a token
   * that continues one without {@code ##}.
   *
   * @param lowercases whether text is lowercased
   * @param stripsAccents whether accents are stripped
   */
  record WordPiece(boolean lowercases, boolean stripsAccents) implements TokenModel {

    /** Marks the beginning of a word in the spelling of a token. */
    public static final String START = "\u2581";

    /** The GGUF key of {@link #lowercases}. */
    public static final String LOWERCASE = "tokenizer.ggml.normalizer.lowercase";

    /** The GGUF key of {@link #stripsAccents}. */
    public static final String STRIP_ACCENTS = "tokenizer.ggml.normalizer.strip_accents";
  }
}
