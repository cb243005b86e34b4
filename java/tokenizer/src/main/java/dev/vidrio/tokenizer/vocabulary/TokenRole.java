package dev.vidrio.tokenizer.vocabulary;

/** What a special token is for. A token may have several roles, and a role no token. */
public enum TokenRole {
  /** Begins a text. */
  BOS("bos_token_id"),
  /** Ends a text. */
  EOS("eos_token_id"),
  /** Ends a turn of a conversation. */
  EOT("eot_token_id"),
  /** Ends a message within a turn, such as a call of a tool. */
  EOM("eom_token_id"),
  /** Stands for what the vocabulary cannot express. */
  UNKNOWN("unknown_token_id"),
  /** Separates texts. */
  SEPARATOR("seperator_token_id"),
  /** Fills up a batch. */
  PADDING("padding_token_id"),
  /** Hides a token in training. */
  MASK("mask_token_id"),
  /** Before the code that precedes a hole to be filled in. */
  FIM_PREFIX("fim_pre_token_id"),
  /** Before the code that follows a hole. */
  FIM_SUFFIX("fim_suf_token_id"),
  /** Before what fills a hole. */
  FIM_MIDDLE("fim_mid_token_id"),
  /** Fills up an example of filling in. */
  FIM_PADDING("fim_pad_token_id"),
  /** Before the name of a code repository. */
  FIM_REPOSITORY("fim_rep_token_id"),
  /** Between the files of a code repository. */
  FIM_FILE_SEPARATOR("fim_sep_token_id");

  private final String key;

  TokenRole(String key) {
    this.key = key;
  }

  /** Returns the key of GGUF under {@code tokenizer.ggml} that names the token of this role. */
  public String key() {
    return key;
  }
}
