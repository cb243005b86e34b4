package dev.vidrio.spring.autoconfigure;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineStatus;
import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/** The health of an engine: up while it accepts requests, out of service while it drains. */
final class EngineHealthIndicator extends AbstractHealthIndicator {
  private final Engine engine;

  EngineHealthIndicator(Engine engine) {
    super("engine health check failed");
    this.engine = engine;
  }

  @Override
  protected void doHealthCheck(Health.Builder builder) {
    EngineStatus status = engine.status();
    (engine.isDraining() ? builder.outOfService() : builder.up())
        .withDetail("model", engine.model().name())
        .withDetail("running", status.running())
        .withDetail("waiting", status.waiting())
        .withDetail("usedBlocks", status.usedBlocks())
        .withDetail("blocks", status.blocks());
  }
}
