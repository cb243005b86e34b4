package dev.vidrio.lens.dataset;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DatasetTest {
  private static final EncodeOptions BARE = EncodeOptions.DEFAULT.withAddBosEos(false);

  @ParameterizedTest
  @EnumSource(Dataset.class)
  void pairsFitVocabularyAndSeed(Dataset dataset) {
    Tokenizer tokenizer = new WordTokenizer(1);
    List<PairText> pairs = dataset.generate(tokenizer, 50, 7);
    assertEquals(50, Set.copyOf(pairs).size());
    assertEquals(pairs, dataset.generate(new WordTokenizer(1), 50, 7));
    assertEquals(pairs.subList(0, 20), dataset.generate(new WordTokenizer(1), 20, 7));
    assertNotEquals(pairs, dataset.generate(tokenizer, 50, 8));
    for (PairText pair : pairs) {
      int[] clean = tokenizer.encode(pair.clean(), BARE);
      assertEquals(clean.length, tokenizer.encode(pair.corrupted(), BARE).length, pair.toString());
      assertNotEquals(pair.clean(), pair.corrupted());
      for (List<String> answers : List.of(pair.answers(), pair.wrong())) {
        assertTrue(!answers.isEmpty(), pair.toString());
        for (String answer : answers) {
          int[] both = tokenizer.encode(pair.clean() + answer, BARE);
          assertArrayEquals(clean, Arrays.copyOf(both, both.length - 1), pair + answer);
          assertEquals(tokenizer.token(answer), both[both.length - 1]);
        }
      }
    }
  }

  /** One of the two names is repeated, in both orders; the answer is the other. */
  @Test
  void ioiRepeatsTheSubject() {
    Set<Boolean> orders = new HashSet<>();
    for (Dataset dataset : List.of(Dataset.IOI, Dataset.IOI_SWAP)) {
      for (PairText pair : dataset.generate(new WordTokenizer(1), 200, 1)) {
        String object = pair.answers().getFirst().strip();
        String subject = pair.wrong().getFirst().strip();
        assertEquals(1, count(pair.clean(), object), pair.clean());
        assertEquals(2, count(pair.clean(), subject), pair.clean());
        boolean swap = dataset == Dataset.IOI_SWAP;
        assertEquals(swap ? 2 : 0, count(pair.corrupted(), object), pair.corrupted());
        assertEquals(swap ? 1 : 0, count(pair.corrupted(), subject), pair.corrupted());
        orders.add(pair.clean().indexOf(object) < pair.clean().indexOf(subject));
      }
    }
    assertEquals(2, orders.size());
  }

  private static int count(String text, String word) {
    return (int) Arrays.stream(text.split("\\W+")).filter(word::equals).count();
  }

  private static final Pattern YEARS =
      Pattern.compile("The \\w+ lasted from the year (\\d\\d)(\\d\\d) to the year (\\d\\d)");

  @Test
  void greaterThanDividesNumbersAsTheVocabularyDoes() {
    for (int digits : new int[] {1, 2}) {
      for (PairText pair : Dataset.GREATER_THAN.generate(new WordTokenizer(digits), 100, 3)) {
        Matcher clean = YEARS.matcher(pair.clean());
        assertTrue(clean.matches(), pair.clean());
        assertEquals(clean.group(1), clean.group(3));
        assertTrue(pair.corrupted().contains(" " + clean.group(1) + "01 to"), pair.corrupted());
        int year = Integer.parseInt(clean.group(2));
        int tens = year / 10;
        assertEquals(digits == 1 ? 9 - tens : 99 - year, pair.answers().size());
        assertEquals(digits == 1 ? tens : year + 1, pair.wrong().size());
        for (String answer : pair.answers()) {
          assertEquals(digits, answer.length());
          assertTrue(Integer.parseInt(answer) > (digits == 1 ? tens : year), answer);
        }
      }
    }
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> Dataset.GREATER_THAN.generate(new WordTokenizer(3), 1, 0))
            .getMessage();
    assertEquals(
        "data set greater-than: needs years of two-digit or one-digit tokens, but 1732 is \" \""
            + " \"173\" \"2\"",
        message);
  }

  /** The words before the repetition are those after it, up to the answer. */
  @Test
  void inductionRepeatsWords() {
    for (PairText pair : Dataset.INDUCTION.generate(new WordTokenizer(1), 100, 3)) {
      List<String> words = List.of(pair.clean().split(" "));
      List<String> other = List.of(pair.corrupted().split(" "));
      int again = words.size() - 12;
      assertEquals(words.subList(0, again), words.subList(12, words.size()));
      assertEquals(" " + words.get(again), pair.answers().getFirst());
      assertEquals(" " + other.get(again), pair.wrong().getFirst());
      assertEquals(12, new HashSet<>(words).size());
    }
  }

  /** The embedded model knows few names, but its vocabulary has words to repeat. */
  @Test
  void namesWhatVocabularyLacks() {
    try (Model bard = Model.open(BardFiles.q8())) {
      assertEquals(5, Dataset.INDUCTION.generate(bard.tokenizer(), 5, 0).size());
      String message =
          assertThrows(
                  InvalidInputException.class,
                  () -> Dataset.CAPITALS.generate(bard.tokenizer(), 5, 0))
              .getMessage();
      assertTrue(
          message.matches("data set capitals: the vocabulary has \\d of \\d+ answers as single.*"),
          message);
    }
    Tokenizer tokenizer = new WordTokenizer(1);
    String many =
        assertThrows(
                InvalidInputException.class, () -> Dataset.CAPITALS.generate(tokenizer, 100_000, 0))
            .getMessage();
    assertTrue(many.matches("data set capitals: \\d+ different pairs found for.*"), many);
    assertThrows(InvalidInputException.class, () -> Dataset.IOI.generate(tokenizer, 0, 0));
    assertEquals(
        "data set magic: unknown; available: ioi, ioi-swap, greater-than, gender, induction,"
            + " capitals, antonyms, agreement",
        assertThrows(InvalidInputException.class, () -> Dataset.of("magic")).getMessage());
  }

  /** The page has a line for each data set, as the command line describes it. */
  @ParameterizedTest
  @EnumSource(Dataset.class)
  void pageListsDatasets(Dataset dataset) throws IOException {
    String page = Files.readString(Path.of("..", "..", "docs", "lens", "datasets.md"));
    String line =
        "| `" + dataset.key() + "` | `" + dataset.metric().key() + "` | " + dataset.description();
    assertTrue(page.contains(line), line);
  }
}
