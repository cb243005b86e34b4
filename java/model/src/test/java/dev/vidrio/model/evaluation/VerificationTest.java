package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.Generator;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.model.testfiles.TinyModels;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests that receipts of answers verify on every executor, and that every change is found. */
class VerificationTest {
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT.withTokens(24).withReceipt(true);

  private static Model bard;

  @TempDir Path directory;

  @BeforeAll
  static void open() {
    bard = Model.open(BardFiles.q8());
  }

  @AfterAll
  static void close() {
    bard.close();
  }

  private static Receipt receipt(Model model, GenerationOptions options, SessionOptions session) {
    int[] prompt = {1, 2, 3, 40, 5, 6};
    try (TextStream stream = model.generate(prompt, options, session)) {
      return Objects.requireNonNull(stream.result().receipt());
    }
  }

  private static Receipt receipt(GenerationOptions options) {
    return receipt(bard, options, SessionOptions.DEFAULT);
  }

  private static void assertVerified(Model model, Receipt receipt) {
    assertNull(Verification.of(model, receipt).difference());
  }

  private static Verification.Difference difference(Receipt receipt) {
    Verification checked = Verification.of(bard, receipt);
    assertFalse(checked.isVerified());
    return Objects.requireNonNull(checked.difference());
  }

  /** Returns answers by all settings. */
  private static List<GenerationOptions> settings() {
    SamplingOptions.Builder sampling = SamplingOptions.builder().seed(7);
    return List.of(
        OPTIONS.withSampling(SamplingOptions.GREEDY),
        OPTIONS.withSampling(sampling.temperature(1).topK(0).topP(1).minP(0).build()),
        OPTIONS.withSampling(sampling.temperature(1.5).topP(0.9).build()),
        OPTIONS.withSampling(sampling.topK(200).minP(0.01).build()),
        OPTIONS.withSampling(
            sampling
                .repeatPenalty(1.3)
                .frequencyPenalty(0.4)
                .presencePenalty(0.2)
                .penaltyWindow(8)
                .logitBias(Map.of(40, 3.5f, 41, -2f))
                .build()),
        OPTIONS.withSampling(
            sampling.logitBias(Map.of(bard.tokenizer().eos().orElseThrow(), 12f)).build()),
        OPTIONS.withSampling(
            SamplingOptions.builder()
                .dry(DryOptions.OFF.withMultiplier(0.8).withAllowedLength(1))
                .topNSigma(1.5)
                .xtc(0.5, 0.05)
                .seed(9)
                .build()),
        OPTIONS.withSampling(
            SamplingOptions.builder().temperature(1).topK(0).topP(1).minP(0).xtc(0.7, 0.1).build()),
        OPTIONS.withStop("e", "zzz"),
        OPTIONS.withTokens(1),
        OPTIONS.withTokens(0),
        OPTIONS.withIgnoreEnd(true),
        OPTIONS.withGrammar(Grammar.regex("(spring|summer) of 1[56][0-9]{2}")),
        OPTIONS.withGrammar(Grammar.jsonSchema("{\"enum\":[true,[1,\"a\"]]}")),
        OPTIONS.withGrammar(Grammar.choice(List.of("to be", "not to be"))));
  }

  @Test
  void verifiesAnswersOfAllSettings() {
    List<Receipt> receipts = settings().stream().map(VerificationTest::receipt).toList();
    receipts.forEach(receipt -> assertVerified(bard, receipt));
    assertEquals(receipts, settings().stream().map(VerificationTest::receipt).toList());
    assertEquals(
        List.of("length", "stop"),
        receipts.stream().map(Receipt::finish).distinct().sorted().toList());
    assertTrue(receipts.stream().anyMatch(receipt -> receipt.endToken() != null));
  }

  @Test
  void receiptsDependOnEverySetting() {
    assertEquals(
        settings().size(),
        settings().stream().map(each -> receipt(each).chain()).distinct().count());
  }

  @Test
  void verifiesAfterReadingFromJson() {
    for (GenerationOptions options : settings()) {
      Receipt receipt = receipt(options);
      Receipt read = Receipt.parse("receipt", receipt.toJson());
      assertEquals(receipt, read);
      assertVerified(bard, read);
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void verifiesAnswersOfArchitecture(String name) throws IOException {
    Path file = TinyModels.write(directory.resolve(name + ".gguf"), name);
    GenerationOptions options = OPTIONS.withIgnoreEnd(true).withTokens(20);
    Receipt receipt;
    try (Model model = Model.open(file)) {
      receipt = receipt(model, options, SessionOptions.DEFAULT);
      assertVerified(model, receipt);
    }
    TestExecutors.all(1)
        .forEach(
            executor -> {
              try (Model model = Model.open(file, ModelOptions.with(executor))) {
                assertVerified(model, receipt);
              }
            });
  }

  @ParameterizedTest
  @EnumSource(KvType.class)
  void verifiesAnswersOfCacheType(KvType type) {
    Receipt receipt = receipt(bard, OPTIONS, SessionOptions.DEFAULT.withKvType(type));
    assertEquals(type, receipt.arithmetic().cache());
    assertVerified(bard, receipt);
  }

  /** A receipt tells whether the factors of long contexts applied. */
  @Test
  void verifiesAnswersOfLongContexts() throws IOException {
    Path file = TinyModels.write(directory.resolve("model.gguf"), "phi3-longrope");
    try (Model model = Model.open(file)) {
      int above = Objects.requireNonNull(model.architecture().longContext()).above();
      GenerationOptions options = OPTIONS.withIgnoreEnd(true).withTokens(4);
      Receipt brief = receipt(model, options, SessionOptions.DEFAULT.withContext(above));
      Receipt wide = receipt(model, options, SessionOptions.DEFAULT.withContext(above + 1));
      assertFalse(brief.arithmetic().longContext());
      assertTrue(wide.arithmetic().longContext());
      assertNotEquals(brief.logits(), wide.logits());
      assertVerified(model, brief);
      assertVerified(model, wide);
    }
  }

  @Test
  void verifiesAnswersOfAdapters() throws IOException {
    Path base = directory.resolve("base.gguf");
    Files.write(base, TinyModel.writer(TinyModel.Options.standard()).toBytes());
    Path first = TinyAdapter.write(directory.resolve("first.gguf"), 4, 8, 1);
    Path second = TinyAdapter.write(directory.resolve("second.gguf"), 4, 8, 2);
    try (Model model = Model.open(base)) {
      Adapter adapter = model.openAdapter(first);
      GenerationOptions options = OPTIONS.withIgnoreEnd(true);
      Receipt adapted =
          receipt(
              model, options, SessionOptions.DEFAULT.withAdaptation(new Adaptation(adapter, 0.5f)));
      assertNull(Verification.of(model, adapted, adapter).difference());
      assertEquals(
          "adapter: the receipt is of the adapter with SHA-256 %s; given: none"
              .formatted(adapter.sha256()),
          Objects.requireNonNull(Verification.of(model, adapted).difference()).message());
      Verification other = Verification.of(model, adapted, model.openAdapter(second));
      assertEquals("adapter", Objects.requireNonNull(other.difference()).field());
      Receipt plain = receipt(model, options, SessionOptions.DEFAULT);
      assertEquals(
          "adapter",
          Objects.requireNonNull(Verification.of(model, plain, adapter).difference()).field());
    }
  }

  @Test
  void verifiesLongAnswersInSeveralSteps() {
    int[] prompt = new Random(1).ints(600, 0, bard.architecture().vocabulary()).toArray();
    GenerationOptions options = OPTIONS.withTokens(300).withIgnoreEnd(true);
    int context = bard.architecture().contextLength();
    int[] fitting = IntStream.of(prompt).limit(Math.max(1, context - 300)).toArray();
    GenerationOptions some = options.withTokens(Math.min(300, context / 2));
    try (TextStream stream = bard.generate(fitting, some)) {
      assertVerified(bard, Objects.requireNonNull(stream.result().receipt()));
    }
  }

  @Test
  void verifiesCanceledAnswers() {
    try (TextStream stream = bard.generate(new int[] {1, 2, 3}, OPTIONS)) {
      Iterator<?> tokens = stream.tokens();
      for (int i = 0; i < 5; i++) {
        tokens.next();
      }
      stream.cancel();
      GenerationResult result = stream.result();
      assertEquals(FinishReason.CANCELED, result.finish());
      Receipt receipt = Objects.requireNonNull(result.receipt());
      assertEquals(5, receipt.answer().size());
      assertVerified(bard, receipt);
    }
    TextStream closed = bard.generate(new int[] {1, 2, 3}, OPTIONS);
    closed.close();
    assertNull(closed.result().receipt());
  }

  /** Each flipped bit of a weight gives another model, even if its name claims otherwise. */
  @Test
  void findsFlippedBitOfWeight() throws IOException {
    Receipt receipt = receipt(OPTIONS.withSampling(SamplingOptions.GREEDY));
    byte[] file = Files.readAllBytes(BardFiles.q8());
    Path flipped = directory.resolve("flipped.gguf");
    flip(file, "blk.0.attn_q.weight");
    Files.write(flipped, file);
    try (Model other = Model.open(flipped)) {
      Verification.Difference found =
          Objects.requireNonNull(Verification.of(other, receipt).difference());
      assertEquals("model", found.field());
      assertEquals(receipt.model().sha256(), found.expected());
      assertTrue(found.message().contains(found.computed()), found.message());
      // Logits differ, too: the receipt of the flipped model under the name of the other one.
      Receipt forged =
          resealed(
              receipt(other, OPTIONS.withSampling(SamplingOptions.GREEDY), SessionOptions.DEFAULT),
              receipt.model());
      Verification.Difference logits = difference(forged);
      assertEquals("logits", logits.field());
      assertEquals(0, logits.position());
    }
  }

  /** Flips the lowest bit of a code of a Q8_0 weight. */
  private static void flip(byte[] file, String tensor) {
    byte[] data = bard.gguf().tensor(tensor).data().toArray(JAVA_BYTE);
    int at = indexOf(file, data);
    file[at + 2] ^= 1; // after the scale of the first block
  }

  private static int indexOf(byte[] file, byte[] data) {
    for (int i = 0; i <= file.length - data.length; i += 32) {
      if (Arrays.equals(file, i, i + data.length, data, 0, data.length)) {
        return i;
      }
    }
    throw new AssertionError("the file does not contain the tensor");
  }

  private static Receipt resealed(Receipt from, Receipt.Identity model) {
    return Receipt.of(
        model,
        from.adapter(),
        from.arithmetic(),
        from.sampling(),
        from.stop(),
        from.grammar(),
        from.prompt(),
        from.answer(),
        from.endToken(),
        from.finish(),
        from.logits());
  }

  private static Receipt with(
      Receipt from, List<Integer> answer, List<Long> logits, String finish) {
    return Receipt.of(
        from.model(),
        from.adapter(),
        from.arithmetic(),
        from.sampling(),
        from.stop(),
        from.grammar(),
        from.prompt(),
        answer,
        from.endToken(),
        finish,
        logits);
  }

  @Test
  void findsChangesThatTheChainCovers() {
    Receipt receipt = receipt(OPTIONS);
    String json = receipt.toJson();
    for (String change :
        List.of(
            "\"seed\":0/\"seed\":1",
            "\"temperature\":0.8/\"temperature\":0.81",
            "\"long_context\":false/\"long_context\":true",
            "\"cache\":\"f16\"/\"cache\":\"f32\"",
            "\"prompt\": [1,/\"prompt\": [2,",
            "\"tokens\":24/\"tokens\":25",
            "\"strings\":[]/\"strings\":[\"x\"]",
            "\"token_ids\":[]/\"token_ids\":[9]",
            "\"grammar\": null/\"grammar\": {\"regex\":\"a\"}",
            "\"adapter\": null/\"adapter\": {\"sha256\":\"%s\",\"strength\":1}"
                .formatted("a".repeat(64)))) {
      String[] parts = change.split("/", 2);
      assertTrue(json.contains(parts[0]), parts[0] + " in " + json);
      Receipt changed = Receipt.parse("receipt", json.replace(parts[0], parts[1]));
      assertEquals("chain", difference(changed).field(), change);
      assertEquals(
          "chain: does not match the receipt's own settings, tokens and hashes of logits: it was"
              + " changed",
          difference(changed).message());
    }
  }

  @Test
  void findsFirstDifferentTokenAndLogits() {
    Receipt receipt = receipt(OPTIONS);
    List<Integer> answer = new ArrayList<>(receipt.answer());
    answer.set(9, answer.get(9) + 1);
    Verification.Difference token =
        difference(with(receipt, answer, receipt.logits(), receipt.finish()));
    assertEquals("token", token.field());
    assertEquals(9, token.position());
    assertEquals(receipt.answer().get(9).toString(), token.computed());
    assertTrue(
        token
            .message()
            .matches(
                "(?s)token 9 of the answer: \\d+ '.*' in the receipt, but the settings choose \\d+"
                    + " '.*'"),
        token.message());
    List<Long> logits = new ArrayList<>(receipt.logits());
    logits.set(11, logits.get(11) ^ 1);
    Verification.Difference row =
        difference(with(receipt, receipt.answer(), logits, receipt.finish()));
    assertEquals("logits", row.field());
    assertEquals(11, row.position());
    assertTrue(row.message().startsWith("logits before token 11 of the answer, "), row.message());
  }

  @Test
  void findsWrongEnds() {
    Receipt receipt = receipt(OPTIONS);
    assertEquals("length", receipt.finish());
    Verification.Difference end =
        difference(with(receipt, receipt.answer(), receipt.logits(), "stop"));
    assertEquals("finish after 24 tokens: stop in the receipt, computed length", end.message());
    int most = receipt.answer().size() - 1;
    Receipt cut =
        with(
            receipt,
            receipt.answer().subList(0, most),
            receipt.logits().subList(0, most),
            "length");
    assertEquals("continues", difference(cut).computed());
    assertVerified(bard, with(receipt, cut.answer(), cut.logits(), "canceled"));
  }

  /** A consistent receipt may still have ids that the model does not have. */
  @Test
  void rejectsUnknownTokens() {
    Receipt receipt = receipt(OPTIONS);
    int unknown = bard.architecture().vocabulary();
    List<Integer> answer = new ArrayList<>(receipt.answer());
    answer.set(3, unknown);
    String limit = " " + unknown + ": must be 0 to " + (unknown - 1);
    assertEquals(
        "answer: token id" + limit,
        assertThrows(
                InvalidInputException.class,
                () ->
                    Verification.of(
                        bard, with(receipt, answer, receipt.logits(), receipt.finish())))
            .getMessage());
    String json =
        receipt
            .toJson()
            .replace("\"prompt\": [1,", "\"prompt\": [" + unknown + ",")
            .replace("\"presence_penalty\":0.0", "\"presence_penalty\":0.5");
    Receipt changed = Receipt.parse("receipt", json);
    Receipt forged =
        Receipt.parse("receipt", json.replace(receipt.chain(), changed.computeChain()));
    assertEquals(
        "prompt: token id" + limit,
        assertThrows(InvalidInputException.class, () -> Verification.of(bard, forged))
            .getMessage());
  }

  @Test
  void answersOfConversationsHaveReceipts() throws IOException {
    try (Model model = Model.open(TinyModel.writeChat(directory.resolve("chat.gguf")));
        Chat chat =
            model.newChat(ChatOptions.DEFAULT, OPTIONS.withTokens(8), SessionOptions.DEFAULT)) {
      for (String message : List.of("a", "b", "c")) {
        assertVerified(model, Objects.requireNonNull(chat.send(message).result().receipt()));
      }
    }
  }

  @Test
  void answersInBf16HaveOtherReceipts() {
    Receipt bf16 = receipt(bard, OPTIONS, SessionOptions.DEFAULT.withArithmetic(Arithmetic.BF16));
    Receipt int8 = receipt(bard, OPTIONS, SessionOptions.DEFAULT);
    assertEquals(Arithmetic.BF16, bf16.arithmetic().products());
    assertNotEquals(int8.logits(), bf16.logits());
    assertVerified(bard, bf16);
  }

  @Test
  void sessionsOfTheModelsPlanHaveReceipts() {
    try (Session session =
        bard.newSession(
            SessionOptions.DEFAULT,
            new GatherHoisting()
                .apply(
                    bard.architecture()
                        .plan(SessionOptions.DEFAULT.positions(bard.architecture()))))) {
      new Generator(session, OPTIONS).prompt(session.newSequence(), 1);
    }
  }
}
