package dev.vidrio.tokenizer.vocabulary;

/** The purpose of a special token. A token may have several roles, and a role may have no token. */
public enum TokenRole {
  /** Begins a sequence. */
  BOS("bos_token_id"),
  /** Ends a sequence. */
  EOS("eos_token_id"),
  /** Ends a turn of a conversation. */
  EOT("eot_token_id"),
  /** Ends a message within a turn, such as a tool call. */
  EOM("eom_token_id"),
  /** Represents text that the vocabulary cannot express. */
  UNKNOWN("unknown_token_id"),
  /** Separates sequences. */
  SEPARATOR("seperator_token_id"),
  /** Fills up a batch. */
  PADDING("padding_token_id"),
  /** Masks a token in training. */
  MASK("mask_token_id"),
  /** Precedes the code before the gap in fill-in-the-middle. */
  FIM_PREFIX("fim_pre_token_id"),
  /** Precedes the code after the gap. */
  FIM_SUFFIX("fim_suf_token_id"),
  /** Precedes the code that fills the gap. */
  FIM_MIDDLE("fim_mid_token_id"),
  /** Pads a fill-in-the-middle example. */
  FIM_PADDING("fim_pad_token_id"),
  /** Precedes the name of a code repository. */
  FIM_REPOSITORY("fim_rep_token_id"),
  /** Separates the files of a code repository. */
  FIM_FILE_SEPARATOR("fim_sep_token_id");

  private final String key;

  TokenRole(String key) {
    this.key = key;
  }

  /** Returns the key under {@code tokenizer.ggml} that declares the token of this role. */
  public String key() {
    return key;
  }
}
