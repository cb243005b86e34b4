package dev.vidrio.spring.autoconfigure;

import dev.vidrio.engine.EmbeddingEngine;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.micrometer.EngineMetrics;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.spring.VidrioChatModel;
import dev.vidrio.spring.VidrioEmbeddingModel;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.observation.ObservationRegistry;
import java.nio.file.Path;
import java.time.Duration;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Auto-configuration of a model, an engine, and Spring AI's chat and embedding models, if {@code
 * vidrio.model} is set. The application's own beans replace those of this configuration. If several
 * libraries provide models, {@code spring.ai.model.chat} and {@code spring.ai.model.embedding}
 * select one ({@code vidrio}).
 *
 * @see VidrioProperties
 */
@AutoConfiguration(
    afterName =
        "org.springframework.boot.micrometer.metrics.autoconfigure"
            + ".CompositeMeterRegistryAutoConfiguration")
@ConditionalOnProperty("vidrio.model")
@EnableConfigurationProperties(VidrioProperties.class)
public class VidrioAutoConfiguration {
  /** Creates the configuration. */
  public VidrioAutoConfiguration() {}

  /** Opens the model. It is closed after the beans that use it. */
  @Bean
  @ConditionalOnMissingBean
  Model vidrioModel(VidrioProperties properties) {
    return Model.open(properties.requiredModel(), properties.modelOptions());
  }

  @Bean
  @ConditionalOnMissingBean(VidrioChatModel.class)
  @ConditionalOnProperty(
      name = "spring.ai.model.chat",
      havingValue = "vidrio",
      matchIfMissing = true)
  VidrioChatModel vidrioChatModel(
      Engine engine, VidrioProperties properties, ObjectProvider<ObservationRegistry> registry) {
    return new VidrioChatModel(
        engine,
        properties.generationOptions(),
        registry.getIfUnique(() -> ObservationRegistry.NOOP));
  }

  /** The engine, unless the application has one. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnMissingBean(Engine.class)
  static class EngineConfiguration {
    @Bean
    Engine vidrioEngine(
        Model model, VidrioProperties properties, ObjectProvider<EngineListener> listener) {
      return Engine.open(
          model,
          properties.engineOptions().withListener(listener.getIfUnique(() -> EngineListener.NONE)));
    }

    /** Drains the engine before it is closed. */
    @Bean
    DisposableBean vidrioDrain(Engine engine, VidrioProperties properties) {
      Duration drain = properties.requiredDrain();
      return () -> engine.drain(drain);
    }
  }

  /** The embedding model. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnProperty(
      name = "spring.ai.model.embedding",
      havingValue = "vidrio",
      matchIfMissing = true)
  static class EmbeddingConfiguration {
    @Bean
    @ConditionalOnMissingBean
    EmbeddingEngine vidrioEmbeddingEngine(Model model, VidrioProperties properties) {
      VidrioProperties.Embedding embedding = properties.embedding();
      Pooling pooling = embedding.pooling();
      return new EmbeddingEngine(
          model, pooling == null ? Embeddings.pooling(model) : pooling, embedding.normalize());
    }

    @Bean
    @ConditionalOnMissingBean
    VidrioEmbeddingModel vidrioEmbeddingModel(
        EmbeddingEngine engine, ObjectProvider<ObservationRegistry> registry) {
      return new VidrioEmbeddingModel(engine, registry.getIfUnique(() -> ObservationRegistry.NOOP));
    }
  }

  /** The engine's meters, if there is a meter registry and no other listener. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass({MeterRegistry.class, EngineMetrics.class})
  @ConditionalOnBean(MeterRegistry.class)
  @ConditionalOnMissingBean(EngineListener.class)
  static class MetricsConfiguration {
    @Bean
    EngineMetrics vidrioMetrics(MeterRegistry registry, Model model) {
      return new EngineMetrics(registry, String.valueOf(Path.of(model.name()).getFileName()));
    }

    @Bean
    SmartInitializingSingleton vidrioWatch(EngineMetrics metrics, Engine engine) {
      return () -> metrics.watch(engine);
    }
  }

  /** The health indicator, if health checks are on the class path. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(HealthIndicator.class)
  static class HealthConfiguration {
    @Bean
    @ConditionalOnMissingBean(name = "vidrioHealthIndicator")
    @ConditionalOnEnabledHealthIndicator("vidrio")
    HealthIndicator vidrioHealthIndicator(Engine engine) {
      return new EngineHealthIndicator(engine);
    }
  }
}
