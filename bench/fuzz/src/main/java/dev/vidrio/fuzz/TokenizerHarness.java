package dev.vidrio.fuzz;

import static java.util.stream.Collectors.joining;

import dev.vidrio.tokenizer.Tokenizers;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Reads a {@code tokenizer.json}, and a {@code tokenizer_config.json} that may follow it after a
 * zero byte; encodes texts and decodes every token.
 */
public final class TokenizerHarness {
  private static final Path DIRECTORY = Fixtures.scratch();
  private static final Path WITH_OPTIONS = Fixtures.scratch();

  private TokenizerHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    Fixtures.Two files = Fixtures.Two.of(data);
    boolean isAlone = files.second().length == 0;
    Path directory = isAlone ? DIRECTORY : WITH_OPTIONS;
    Fixtures.write(directory.resolve("tokenizer.json"), files.first());
    if (!isAlone) {
      Fixtures.write(directory.resolve("tokenizer_config.json"), files.second());
    }
    VocabularyHarness.use(() -> Tokenizers.fromHuggingFace(directory));
  }

  /** Returns a tokenizer of each model, with the stages of known families. */
  public static List<byte[]> seeds() {
    return Fixtures.bytes(
        """
        {"added_tokens":[{"id":5,"content":"<s>","special":true,"lstrip":true}],
        "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"},
        {"type":"Replace","pattern":{"Regex":" {2,}"},"content":" "}]},
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[
        {"type":"Split","pattern":{"Regex":"\\\\p{N}{1,3}|[^\\\\s\\\\p{L}]+"},"behavior":"Isolated","invert":false},
        {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]},
        "post_processor":{"type":"TemplateProcessing",
        "single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
        "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}},
        {"SpecialToken":{"id":"<s>","type_id":1}}]},
        "decoder":{"type":"ByteLevel"},
        "model":{"type":"BPE","unk_token":"a","vocab":{"a":0,"b":1,"Ġ":2,"ab":3,"Ġab":4},
        "merges":["a b","Ġ ab"]}}
        """,
        """
        {"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
        {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
        "decoder":{"type":"Sequence","decoders":[
        {"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},
        {"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
        "model":{"type":"BPE","unk_token":"<unk>","byte_fallback":true,"fuse_unk":true,
        "vocab":{"<unk>":0,@BYTES@"▁":257,"a":258,"▁a":259},"merges":[["▁","a"]]}}
        """
            .replace("@BYTES@", bytes()),
        """
        {"normalizer":{"type":"NFKC"},
        "pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true},
        "decoder":{"type":"Metaspace","replacement":"▁","prepend_scheme":"always"},
        "post_processor":{"type":"RobertaProcessing","sep":["</s>",2],"cls":["<s>",1]},
        "model":{"type":"Unigram","unk_id":0,"byte_fallback":false,
        "vocab":[["<unk>",0.0],["<s>",0.0],["</s>",0.0],["▁",-2.5],["a",-3.0],["▁the",-4.25]]}}
        """,
        """
        {"added_tokens":[{"id":1,"content":"[CLS]","special":true},
        {"id":2,"content":"[SEP]","special":true}],
        "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,
        "strip_accents":null,"lowercase":true},
        "pre_tokenizer":{"type":"BertPreTokenizer"},
        "post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},
        "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
        "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
        "max_input_chars_per_word":100,
        "vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"the":3,"##or":4,"##y":5}}}
        """,
        """
        {"added_tokens":[{"id":1,"content":"<s>","special":true}],
        "model":{"type":"BPE","vocab":{"a":0,"<s>":1},"merges":[]},
        "decoder":{"type":"ByteLevel"},"pre_tokenizer":{"type":"ByteLevel"}}
        \0{"tokenizer_class":"LlamaTokenizer","bos_token":"<s>","eos_token":{"content":"<s>"},
        "add_bos_token":true,"add_eos_token":false,"unk_token":null,"pad_token":"<s>",
        "chat_template":[{"name":"default","template":"{{ 1 }}"}],"legacy":false}
        """,
        """
        {"normalizer":{"type":"Sequence","normalizers":[{"type":"StripAccents"},
        {"type":"Strip","strip_left":true,"strip_right":true}]},
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Whitespace"},
        {"type":"Digits","individual_digits":true},{"type":"Punctuation","behavior":"Contiguous"}]},
        "model":{"type":"BPE","unk_token":"u","vocab":{"u":0,"t":1,"h":2,"th":3,"1":4},
        "merges":["t h"]}}
        """);
  }

  /** Returns the members of a vocabulary for the tokens of all bytes, which byte fallback needs. */
  private static String bytes() {
    return IntStream.range(0, 256)
        .mapToObj(b -> "\"<0x%02X>\":%d,".formatted(b, b + 1))
        .collect(joining());
  }
}
