package dev.vidrio.cli;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.TokenizerOption;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.EncodedPair;
import dev.vidrio.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio tokenize}. */
@Command(name = "tokenize", description = "Shows the tokens of a text.")
final class TokenizeCommand implements Runnable {
  @Mixin private TokenizerOption model = new TokenizerOption();

  @Parameters(
      arity = "0..1",
      paramLabel = "TEXT",
      description = "The text. Default: standard input.")
  private @Nullable String text;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      description = "A file with the text, in UTF-8; - is standard input.")
  private @Nullable Path file;

  @Option(
      names = "--batch",
      paramLabel = "FILE",
      description = "A JSON array of strings; prints a JSON array of arrays of ids.")
  private @Nullable Path batch;

  @Option(
      names = "--pairs",
      paramLabel = "FILE",
      description =
          "A JSON array of pairs of strings, as rerankers read them; prints a JSON array of ids and"
              + " types for each, with the model's special tokens.")
  private @Nullable Path pairs;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "With --pairs: cut longer pairs, the longer text first. Default: no limit.")
  private int maxTokens = Integer.MAX_VALUE;

  @Option(names = "--ids", description = "Print only a JSON array of ids.")
  private boolean idsOnly;

  @Option(names = "--no-special", description = "Treat names of special tokens as plain text.")
  private boolean noSpecial;

  @Option(names = "--bos", description = "Add the begin and end tokens that the model expects.")
  private boolean bos;

  @Option(names = "--json", description = "Print a JSON array of ids and pieces.")
  private boolean json;

  @Override
  public void run() {
    if (Stream.of(text, file, batch, pairs).filter(Objects::nonNull).count() > 1) {
      throw new UsageException("TEXT, --file, --batch and --pairs exclude each other");
    }
    if (pairs == null && maxTokens != Integer.MAX_VALUE) {
      throw new UsageException("--max-tokens " + maxTokens + ": needs --pairs");
    }
    Tokenizer tokenizer = model.open();
    var options = new EncodeOptions(!noSpecial, bos);
    if (batch != null) {
      List<int[]> all = new ArrayList<>();
      Json.readStrings(batch).forEach(each -> all.add(tokenizer.encode(each, options)));
      Json.printCompact(all);
    } else if (pairs != null) {
      Json.printCompact(encodePairs(tokenizer, pairs));
    } else {
      print(tokenizer, tokenizer.encode(input(), options));
    }
  }

  private List<List<int[]>> encodePairs(Tokenizer tokenizer, Path file) {
    var options = new EncodeOptions(!noSpecial, true);
    return Json.readStringLists(file, 2).stream()
        .map(
            pair -> {
              EncodedPair encoded =
                  tokenizer.encodePair(pair.getFirst(), pair.getLast(), options, maxTokens);
              return List.of(encoded.ids(), encoded.types());
            })
        .toList();
  }

  private String input() {
    if (text != null) {
      return text;
    }
    return file == null || file.toString().equals("-")
        ? InputOutput.readStandardInput()
        : InputOutput.read(file);
  }

  private void print(Tokenizer tokenizer, int[] ids) {
    if (idsOnly) {
      Json.printCompact(ids);
    } else if (json) {
      Json.print(Arrays.stream(ids).mapToObj(id -> describe(tokenizer, id)).toList());
    } else {
      System.out.println("     id  token");
      for (int id : ids) {
        System.out.printf("%7d  %s%n", id, Escapes.quote(tokenizer.piece(id)));
      }
    }
  }

  private static JsonObject describe(Tokenizer tokenizer, int id) {
    return new JsonObject()
        .with("id", id)
        .with("piece", tokenizer.piece(id))
        .with("special", tokenizer.isSpecial(id));
  }
}
