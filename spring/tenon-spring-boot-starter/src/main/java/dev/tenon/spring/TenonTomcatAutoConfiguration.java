package dev.tenon.spring;

import org.apache.catalina.startup.Tomcat;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.tomcat.ConfigurableTomcatWebServerFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;

/** Where server.port is Tomcat's: the limits of the Tenon port hold there too, and HTTP/2 is on. */
@AutoConfiguration(after = TenonAutoConfiguration.class)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
@ConditionalOnClass({Tomcat.class, ConfigurableTomcatWebServerFactory.class})
public final class TenonTomcatAutoConfiguration {
  /** Made by Spring. */
  TenonTomcatAutoConfiguration() {}

  @Bean
  TomcatLimits tenonTomcatLimits(TenonProperties properties, Environment environment) {
    return new TomcatLimits(properties.limits(), environment);
  }
}
