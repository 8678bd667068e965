package dev.tenon.cli;

import dev.tenon.certificates.CertificateFiles;
import dev.tenon.certificates.CertificateFiles.Existing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ./tenon certs}. */
@Command(
    name = "certs",
    description = "Certificates for TLS between services, of an authority of one's own.",
    synopsisSubcommandLabel = "COMMAND")
final class CertsCommand {

  @Command(
      name = "generate",
      description =
          "Makes a key and certificate for each service, and the authority if there is none."
              + " Later services are signed by the same authority.")
  int generate(
      @Option(names = "--directory", required = true, paramLabel = "DIR") Path directory,
      @Option(
              names = "--days",
              defaultValue = "90",
              paramLabel = "N",
              description = "How long they count; ${DEFAULT-VALUE} by default.")
          int days,
      @Option(
              names = "--renew",
              description = "Replaces certificates that are there; without it, they are kept.")
          boolean renew,
      @Option(
              names = "--host",
              paramLabel = "NAME",
              description =
                  "A further host name or IP address in the certificates, for clients such as curl"
                      + " that look for it. May be repeated.")
          List<String> hosts,
      @Parameters(paramLabel = "SERVICE", arity = "1..*") List<String> services) {
    CertificateFiles files = CertificateFiles.in(directory);
    if (!renew) {
      checkNoneIsThere(files, services);
    }
    List<String> further = hosts == null ? List.of() : hosts;
    Table table = new Table("service", "certificate", "key (for it alone)", "ends");
    for (String service : services) {
      files.issue(service, Duration.ofDays(days), renew ? Existing.RENEW : Existing.KEEP, further);
      table.row(
          service, files.certificateFile(service), files.keyFile(service), files.ends(service));
    }
    System.out.println(table);
    System.out.println();
    System.out.println(nextSteps(directory, services.getFirst()));
    return 0;
  }

  @Command(
      name = "change-authority",
      description =
          "Makes a new authority that signs from now on. The one before stays trusted, so that"
              + " services change one after another.")
  int changeAuthority(
      @Option(names = "--directory", required = true, paramLabel = "DIR") Path directory) {
    CertificateFiles.in(directory).changeAuthority();
    Path trusted = directory.resolve(CertificateFiles.AUTHORITY_CERTIFICATE_FILE);
    System.out.printf(
        """
        %s now holds the new authority and the one before.
        1. Give it to every service, and wait until all have it (they look once a second).
        2. Renew: ./tenon certs generate --renew --directory %s SERVICE...
        3. Give each service its new certificate and key.
        """,
        trusted, directory);
    return 0;
  }

  /** All or nothing: no half of the list is made. */
  private static void checkNoneIsThere(CertificateFiles files, List<String> services) {
    List<String> there =
        services.stream()
            .filter(
                service ->
                    Files.exists(files.certificateFile(service))
                        || Files.exists(files.keyFile(service)))
            .toList();
    if (!there.isEmpty()) {
      throw new CliException(
          "Could not make certificates [services=%s]: they have some, and nothing was changed."
                  .formatted(String.join(", ", there))
              + " Add --renew to replace them.");
    }
  }

  private static String nextSteps(Path directory, String service) {
    return """
    Give each service its own two files and %1$s, never %2$s. Then set

      tenon.tls.directory=%3$s
      tenon.addresses.%4$s=HOST:PORT

    in all services that call each other, or in none. A certificate is checked for the name of
    the service (%4$s), wherever it runs. Changed files are taken within a second, without a
    restart.\
    """
        .formatted(
            CertificateFiles.AUTHORITY_CERTIFICATE_FILE,
            CertificateFiles.AUTHORITY_KEY_FILE,
            directory,
            service);
  }
}
