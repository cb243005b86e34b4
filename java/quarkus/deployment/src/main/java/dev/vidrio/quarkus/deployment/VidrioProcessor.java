package dev.vidrio.quarkus.deployment;

import dev.vidrio.quarkus.EngineHealthCheck;
import dev.vidrio.quarkus.LangChainBeans;
import dev.vidrio.quarkus.ModelBeans;
import dev.vidrio.quarkus.SystemPropertyFilter;
import io.quarkus.arc.deployment.AdditionalBeanBuildItem;
import io.quarkus.deployment.annotations.BuildProducer;
import io.quarkus.deployment.annotations.BuildStep;
import io.quarkus.deployment.builditem.FeatureBuildItem;
import io.quarkus.deployment.builditem.ModuleEnableNativeAccessBuildItem;
import io.quarkus.deployment.builditem.RunTimeConfigBuilderBuildItem;
import io.quarkus.smallrye.health.deployment.spi.HealthBuildItem;

/** The build steps of the extension. */
class VidrioProcessor {
  @BuildStep
  FeatureBuildItem feature() {
    return new FeatureBuildItem("vidrio");
  }

  @BuildStep
  AdditionalBeanBuildItem beans() {
    return AdditionalBeanBuildItem.builder()
        .addBeanClasses(ModelBeans.class, LangChainBeans.class)
        .build();
  }

  @BuildStep
  RunTimeConfigBuilderBuildItem systemProperties() {
    return new RunTimeConfigBuilderBuildItem(SystemPropertyFilter.class);
  }

  /** Adds the health check if the application has health checks. */
  @BuildStep
  HealthBuildItem health(HealthBuildConfig config) {
    return new HealthBuildItem(EngineHealthCheck.class.getName(), config.enabled());
  }

  /** Allows the modules that call C to do so, in the application's manifest and in dev mode. */
  @BuildStep
  void nativeAccess(BuildProducer<ModuleEnableNativeAccessBuildItem> modules) {
    modules.produce(new ModuleEnableNativeAccessBuildItem("dev.vidrio.bindings"));
    modules.produce(new ModuleEnableNativeAccessBuildItem("dev.vidrio.kernel"));
  }
}
