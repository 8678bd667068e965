package dev.tenon.certificates;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CertificateFilesIT {
  private static final Instant NOW = Instant.parse("2026-11-23T10:00:00Z");
  private static final Duration LIFE = Duration.ofDays(90);

  @TempDir private Path directory;

  private CertificateFiles files() {
    return CertificateFiles.in(directory.resolve("certs"), () -> NOW);
  }

  private X509Certificate read(String file) throws Exception {
    return PemFiles.certificates(directory.resolve("certs").resolve(file)).getFirst();
  }

  @Test
  void signsServicesByOneAuthorityAndAddsOthersLater() throws Exception {
    files().issue("order", LIFE, CertificateFiles.Existing.KEEP, List.of());
    files().issue("user", LIFE, CertificateFiles.Existing.KEEP, List.of("user.internal"));

    X509Certificate authority = read("ca.cert.pem");
    read("order.cert.pem").verify(authority.getPublicKey());
    read("user.cert.pem").verify(authority.getPublicKey());
    assertThat(read("user.cert.pem").getSubjectAlternativeNames())
        .contains(List.of(6, "tenon://user"), List.of(2, "user.internal"), List.of(2, "localhost"));
    assertThat(files().ends("order")).isEqualTo(NOW.plus(LIFE));
  }

  @Test
  void keepsPrivateKeysFromOthers() throws Exception {
    files().issue("order", LIFE, CertificateFiles.Existing.KEEP, List.of());

    for (String file : List.of("ca.key.pem", "order.key.pem")) {
      assertThat(
              PosixFilePermissions.toString(
                  Files.getPosixFilePermissions(directory.resolve("certs").resolve(file))))
          .isEqualTo("rw-------");
    }
    assertThat(directory.resolve("certs")).isDirectoryNotContaining("glob:**.new");
  }

  @Test
  void overwritesOnlyWhenTold() throws Exception {
    files().issue("order", LIFE, CertificateFiles.Existing.KEEP, List.of());
    X509Certificate first = read("order.cert.pem");

    assertThatThrownBy(
            () -> files().issue("order", LIFE, CertificateFiles.Existing.KEEP, List.of()))
        .isInstanceOf(CertificateFilesException.class)
        .hasMessageContaining("there is one. Renew it, or remove it.");
    assertThat(read("order.cert.pem")).isEqualTo(first);
    files().issue("order", LIFE, CertificateFiles.Existing.RENEW, List.of());
    assertThat(read("order.cert.pem")).isNotEqualTo(first);
    read("order.cert.pem").verify(read("ca.cert.pem").getPublicKey());
  }

  @Test
  void leavesTheAuthorityBeforeTrusted() throws Exception {
    files().issue("order", LIFE, CertificateFiles.Existing.KEEP, List.of());
    X509Certificate before = read("ca.cert.pem");
    files().changeAuthority();
    files().issue("user", LIFE, CertificateFiles.Existing.KEEP, List.of());

    List<X509Certificate> trusted =
        PemFiles.certificates(directory.resolve("certs").resolve("ca.cert.pem"));
    assertThat(trusted).hasSize(2).endsWith(before);
    assertThat(trusted.getFirst().getSubjectX500Principal())
        .isNotEqualTo(before.getSubjectX500Principal());
    read("user.cert.pem").verify(trusted.getFirst().getPublicKey());
    files().changeAuthority();
    assertThat(PemFiles.certificates(directory.resolve("certs").resolve("ca.cert.pem")))
        .hasSize(2)
        .doesNotContain(before);
  }

  @Test
  void refusesWhatIsNoName() {
    for (String name : List.of("ca", "../x", "", "a b")) {
      assertThatThrownBy(() -> files().issue(name, LIFE, CertificateFiles.Existing.KEEP, List.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("service: ");
    }
  }
}
