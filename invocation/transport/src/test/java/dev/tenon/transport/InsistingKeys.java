package dev.tenon.transport;

import java.net.Socket;
import java.nio.file.Path;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Instant;
import javax.net.ssl.X509ExtendedKeyManager;

/** Shows its certificate whatever authorities the server names. */
final class InsistingKeys extends X509ExtendedKeyManager {
  private final String service;
  private final TlsMaterial material;

  private InsistingKeys(String service, TlsMaterial material) {
    this.service = service;
    this.material = material;
  }

  static InsistingKeys of(String service, Path files) {
    return new InsistingKeys(
        service, TlsMaterial.read(service, TlsFiles.in(files, service), Instant.now()));
  }

  @Override
  public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
    return service;
  }

  @Override
  public X509Certificate[] getCertificateChain(String alias) {
    return material.keyPair().certificateChain().toArray(X509Certificate[]::new);
  }

  @Override
  public PrivateKey getPrivateKey(String alias) {
    return material.keyPair().privateKey();
  }

  @Override
  public String[] getClientAliases(String type, Principal[] issuers) {
    return new String[] {service};
  }

  @Override
  public String[] getServerAliases(String type, Principal[] issuers) {
    return new String[0];
  }

  @Override
  public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
    return service;
  }
}
