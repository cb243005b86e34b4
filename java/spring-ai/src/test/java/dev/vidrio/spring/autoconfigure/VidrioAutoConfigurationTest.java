package dev.vidrio.spring.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.KvType;
import dev.vidrio.micrometer.EngineMetrics;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ScriptedModel;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.memory.ChatMemory;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.embedding.EmbeddingModel;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinitionCustomizer;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.diagnostics.FailureAnalyzer;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.core.io.support.SpringFactoriesLoader;
import org.springframework.core.io.support.SpringFactoriesLoader.FailureHandler;

/** Auto-configured applications with real models. */
class VidrioAutoConfigurationTest {
  private static final String ANSWER = "The capital of Germany is Berlin.";

  @TempDir private static Path directory;
  private static Path scripted;

  private final ApplicationContextRunner runner =
      new ApplicationContextRunner()
          .withConfiguration(AutoConfigurations.of(VidrioAutoConfiguration.class));

  @BeforeAll
  static void write() throws IOException {
    scripted = ScriptedModel.write(directory.resolve("scripted.gguf"));
  }

  private ApplicationContextRunner withModel() {
    return runner.withPropertyValues("vidrio.model=" + scripted);
  }

  @Test
  void needsOnlyAModel() {
    withModel()
        .run(
            context -> {
              assertThat(context.getBean(ChatModel.class).call("The capital?")).isEqualTo(ANSWER);
              int width = context.getBean(Model.class).architecture().width();
              assertThat(context.getBean(EmbeddingModel.class).embed("text")).hasSize(width);
            });
  }

  /** Returns an application with all auto-configurations and a meter registry. */
  @EnableAutoConfiguration
  static class Application {
    @Bean
    MeterRegistry registry() {
      return new SimpleMeterRegistry();
    }

    @Bean
    ObservationRegistry observations(ObjectProvider<ObservationHandler<?>> handlers) {
      ObservationRegistry observations = ObservationRegistry.create();
      handlers.forEach(observations.observationConfig()::observationHandler);
      return observations;
    }
  }

  @Test
  void providesClientMemoryAndMeters() {
    new ApplicationContextRunner()
        .withUserConfiguration(Application.class)
        .withPropertyValues("vidrio.model=" + scripted)
        .run(
            context -> {
              ChatClient client = context.getBean(ChatClient.Builder.class).build();
              assertThat(client.prompt("The capital?").call().content()).isEqualTo(ANSWER);
              assertThat(context).hasSingleBean(ChatMemory.class);
              var _ = context.getBean(EmbeddingModel.class).embed("text");
              MeterRegistry registry = context.getBean(MeterRegistry.class);
              for (String operation : new String[] {"chat", "embedding"}) {
                assertThat(
                        registry
                            .get("gen_ai.client.token.usage")
                            .tag("gen_ai.operation.name", operation)
                            .tag("gen_ai.request.model", "scripted.gguf")
                            .counters())
                    .isNotEmpty();
              }
            });
  }

  @Test
  void configuresNothingWithoutModel() {
    runner.run(
        context ->
            assertThat(context)
                .hasNotFailed()
                .doesNotHaveBean(Engine.class)
                .doesNotHaveBean(ChatModel.class));
  }

  @ParameterizedTest
  @CsvSource(
      textBlock =
          """
          vidrio.model=/none.gguf, /none.gguf: no such file
          vidrio.model=, vidrio.model: must be set
          vidrio.threads=-2, vidrio.threads -2: must be
          vidrio.drain=-5s, vidrio.drain PT-5S: must not be negative
          vidrio.draft.block=true, a draft block (multi-token prediction) is not supported
          vidrio.draft.head=/none.gguf, /none.gguf: no such file
          vidrio.latent-cache=true, scripted.gguf
          vidrio.sequences=0, sequences 0: must be
          vidrio.chat.temperature=-1, temperature -1: must be
          """)
  void explainsInvalidProperties(String property, String description) {
    withModel()
        .withPropertyValues(property)
        .run(
            context -> {
              Throwable failure = Objects.requireNonNull(context.getStartupFailure());
              FailureHandler others = (type, name, error) -> {}; // that want a bean factory
              FailureAnalysis analysis =
                  SpringFactoriesLoader.forDefaultResourceLocation()
                      .load(FailureAnalyzer.class, others)
                      .stream()
                      .filter(ModelFailureAnalyzer.class::isInstance)
                      .map(analyzer -> Objects.requireNonNull(analyzer.analyze(failure)))
                      .findFirst()
                      .orElseThrow();
              assertThat(analysis.getDescription()).contains(description);
            });
  }

  @Test
  void appliesProperties() {
    withModel()
        .withPropertyValues(
            "vidrio.sequences=4",
            "vidrio.queue=5",
            "vidrio.step-tokens=64",
            "vidrio.stream-interval=20ms",
            "vidrio.context=256",
            "vidrio.cache-size=1MB",
            "vidrio.kv-type=bf16",
            "vidrio.cache-directory=" + directory,
            "vidrio.cache-directory-size=1MB",
            "vidrio.draft.tokens=3",
            "vidrio.threads=1",
            "vidrio.chat.max-tokens=2",
            "vidrio.chat.temperature=0",
            "vidrio.embedding.pooling=last")
        .run(
            context -> {
              EngineOptions options = context.getBean(Engine.class).options();
              assertThat(options.sequences()).isEqualTo(4);
              assertThat(options.queue()).isEqualTo(5);
              assertThat(options.stepTokens()).isEqualTo(64);
              assertThat(options.streamInterval()).isEqualTo(Duration.ofMillis(20));
              assertThat(options.context()).isEqualTo(256);
              assertThat(options.cacheBytes()).isLessThanOrEqualTo(1 << 20);
              assertThat(options.kvType()).isEqualTo(KvType.BF16);
              assertThat(options.prefixCache()).isTrue();
              assertThat(options.cacheDirectory()).isEqualTo(directory);
              assertThat(options.cacheDirectoryBytes()).isEqualTo(1 << 20);
              assertThat(options.draftTokens()).isEqualTo(3);
              ChatModel chat = context.getBean(ChatModel.class);
              assertThat(chat.call("The capital?")).isEqualTo("The capital");
              assertThat(chat.getOptions().getTemperature()).isZero();
            });
  }

  @Test
  void failsToStartIfTheFileIsMissing() {
    runner
        .withPropertyValues("vidrio.model=" + directory.resolve("none.gguf"))
        .run(
            context ->
                assertThat(context.getStartupFailure())
                    .rootCause()
                    .hasMessageContaining("none.gguf"));
  }

  @Test
  void selectsOtherModels() {
    withModel()
        .withPropertyValues("spring.ai.model.chat=other", "spring.ai.model.embedding=none")
        .run(
            context ->
                assertThat(context)
                    .hasSingleBean(Engine.class)
                    .doesNotHaveBean(ChatModel.class)
                    .doesNotHaveBean(EmbeddingModel.class));
  }

  @Test
  void embedsWithoutChatTemplate() {
    var bard = runner.withPropertyValues("vidrio.model=" + BardFiles.q8().toAbsolutePath());
    bard.run(
        context ->
            assertThat(context.getStartupFailure())
                .rootCause()
                .hasMessageContaining("chat template"));
    bard.withPropertyValues("spring.ai.model.chat=none")
        .run(context -> assertThat(context).hasSingleBean(EmbeddingModel.class));
  }

  @Test
  void applicationBeansTakePrecedence() {
    try (Model model = Model.open(scripted);
        Engine engine = Engine.open(model)) {
      withModel()
          .withBean(
              "own", Engine.class, () -> engine, definition -> definition.setDestroyMethodName(""))
          .run(context -> assertThat(context.getBean(Engine.class)).isSameAs(engine));
      assertThat(engine.isDraining()).isFalse();
    }
  }

  @Test
  void keepsConfiguredEngineBesideNonDefaultEngine() {
    try (Model model = Model.open(scripted);
        Engine engine = Engine.open(model)) {
      BeanDefinitionCustomizer second =
          definition -> {
            definition.setDestroyMethodName("");
            ((AbstractBeanDefinition) definition).setDefaultCandidate(false);
          };
      withModel()
          .withBean("second", Engine.class, () -> engine, second)
          .run(
              context -> {
                assertThat(context.getBeansOfType(Engine.class)).hasSize(2);
                assertThat(context.getBean(ChatModel.class).call("The capital?")).isEqualTo(ANSWER);
                assertThat(engine.status().steps()).isZero();
              });
    }
  }

  @Test
  void notifiesListeners() {
    var steps = new AtomicInteger();
    EngineListener listener =
        new EngineListener() {
          @Override
          public void onStep(int tokens, int sequences, Duration duration) {
            steps.incrementAndGet();
          }
        };
    withModel()
        .withBean(EngineListener.class, () -> listener)
        .run(context -> context.getBean(ChatModel.class).call("The capital?"));
    assertThat(steps).hasPositiveValue();
  }

  @Test
  void registersEngineMeters() {
    var registry = new SimpleMeterRegistry();
    withModel()
        .withBean(MeterRegistry.class, () -> registry)
        .run(
            context -> {
              var _ = context.getBean(ChatModel.class).call("The capital?");
              assertThat(registry.get("vidrio.tokens.generated").functionCounter().count())
                  .isEqualTo(6);
              assertThat(registry.get("gen_ai.server.request.duration").timer().count()).isOne();
            });
    withModel()
        .withBean(MeterRegistry.class, () -> registry)
        .withClassLoader(new FilteredClassLoader(EngineMetrics.class))
        .run(context -> assertThat(context).hasSingleBean(ChatModel.class));
  }

  @Test
  void reportsEngineHealth() {
    withModel()
        .run(
            context -> {
              HealthIndicator indicator = context.getBean(HealthIndicator.class);
              Health health = Objects.requireNonNull(indicator.health());
              assertThat(health.getStatus()).isEqualTo(Status.UP);
              assertThat(health.getDetails()).containsEntry("running", 0);
              assertThat(context.getBean(Engine.class).drain(Duration.ZERO)).isIn(true, false);
              assertThat(Objects.requireNonNull(indicator.health()).getStatus())
                  .isEqualTo(Status.OUT_OF_SERVICE);
            });
    withModel()
        .withPropertyValues("management.health.vidrio.enabled=false")
        .run(context -> assertThat(context).doesNotHaveBean(HealthIndicator.class));
    withModel()
        .withClassLoader(new FilteredClassLoader(HealthIndicator.class))
        .run(context -> assertThat(context).hasSingleBean(ChatModel.class));
  }

  @Test
  void shutdownDrainsAndCloses() {
    Engine[] engine = new Engine[1];
    EmbeddingEngine[] embedding = new EmbeddingEngine[1];
    withModel()
        .run(
            context -> {
              engine[0] = context.getBean(Engine.class);
              embedding[0] = context.getBean(EmbeddingEngine.class);
            });
    assertThat(engine[0].isDraining()).isTrue();
    Model model = engine[0].model();
    assertThatThrownBy(() -> model.generate("text")).isInstanceOf(IllegalStateException.class);
  }
}
