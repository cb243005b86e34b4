package dev.vidrio.tokenizer;

import dev.vidrio.bard.Bard;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.Normalization;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Vocabularies for tests. */
public final class TestVocabulary {

  private static final Vocabulary BARD = readBard();

  private TestVocabulary() {}

  private static Vocabulary readBard() {
    try (InputStream in = Bard.open()) {
      Gguf gguf = Gguf.parse("bard", MemorySegment.ofArray(in.readAllBytes()));
      return Tokenizers.readVocabulary(gguf.metadata());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the vocabulary of the embedded model. */
  public static Vocabulary bard() {
    return BARD;
  }

  /** Returns the embedded model's vocabulary with another pre-tokenizer. */
  public static Vocabulary bard(String preTokenizer) {
    return new Vocabulary(
        "bard",
        new TokenModel.ByteLevelBpe(preTokenizer, merges(BARD), Normalization.NONE),
        BARD.tokens(),
        BARD.types(),
        BARD.roles(),
        BARD.addBos(),
        BARD.addEos(),
        LiteralRules.NONE);
  }

  /** Returns the merges of a byte-level BPE vocabulary. */
  public static List<String> merges(Vocabulary vocabulary) {
    return ((TokenModel.ByteLevelBpe) vocabulary.model()).merges();
  }

  /** Returns a builder with one token per byte: id = byte. */
  public static Builder bytes() {
    Builder builder = new Builder();
    for (int b = 0; b < 256; b++) {
      builder.token(ReferenceTokenizer.spell(new byte[] {(byte) b}), TokenType.NORMAL);
    }
    return builder;
  }

  /** Builds a vocabulary. */
  public static final class Builder {
    final List<String> tokens = new ArrayList<>();
    public final List<TokenType> types = new ArrayList<>();
    final List<String> merges = new ArrayList<>();
    final Map<TokenRole, Integer> roles = new EnumMap<>(TokenRole.class);
    String preTokenizer = "gpt-2";
    boolean addBos;
    boolean addEos;

    /** Creates a builder without tokens. */
    public Builder() {}

    public Builder preTokenizer(String name) {
      preTokenizer = name;
      return this;
    }

    public Builder token(String spelling, TokenType type) {
      tokens.add(spelling);
      types.add(type);
      return this;
    }

    public Builder control(String... spellings) {
      for (String spelling : spellings) {
        token(spelling, TokenType.CONTROL);
      }
      return this;
    }

    /** Adds a merge without its result. */
    public Builder merge(String merge) {
      merges.add(merge);
      return this;
    }

    /** Adds a merge and its result. */
    public Builder merged(String merge) {
      return merge(merge).token(merge.replace(" ", ""), TokenType.NORMAL);
    }

    public Builder role(TokenRole role, int id) {
      roles.put(role, id);
      return this;
    }

    public Builder addBos() {
      addBos = true;
      return this;
    }

    public Builder addEos() {
      addEos = true;
      return this;
    }

    public Vocabulary vocabulary() {
      return new Vocabulary(
          "test.gguf",
          new TokenModel.ByteLevelBpe(preTokenizer, merges, Normalization.NONE),
          tokens,
          types,
          roles,
          addBos,
          addEos,
          LiteralRules.NONE);
    }

    public Tokenizer tokenizer() {
      return Tokenizers.of(vocabulary());
    }
  }
}
