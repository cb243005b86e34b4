package dev.vidrio.quarkus.deployment;

import dev.vidrio.quarkus.EngineJsonRpc;
import io.quarkus.deployment.IsDevelopment;
import io.quarkus.deployment.annotations.BuildStep;
import io.quarkus.devui.spi.JsonRPCProvidersBuildItem;
import io.quarkus.devui.spi.page.CardPageBuildItem;
import io.quarkus.devui.spi.page.Page;

/** The build steps of the extension's page in the Dev UI. */
class DevUiProcessor {
  @BuildStep(onlyIf = IsDevelopment.class)
  CardPageBuildItem card() {
    var card = new CardPageBuildItem();
    card.addPage(
        Page.webComponentPageBuilder()
            .title("Engine")
            .icon("font-awesome-solid:cube")
            .componentLink("qwc-vidrio-engine.js")
            .dynamicLabelJsonRPCMethodName("model"));
    return card;
  }

  /** Registers the page's data. Quarkus requires it in every mode, to check annotations. */
  @BuildStep
  JsonRPCProvidersBuildItem data() {
    return new JsonRPCProvidersBuildItem(EngineJsonRpc.class);
  }
}
