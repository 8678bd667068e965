package dev.tenon.certificates;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.List;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcaPKCS8Generator;

/** Reads and writes PEM files; each is replaced as a whole, so a reader never sees half of one. */
final class PemFiles {
  /** Who may read a file. */
  enum Readers {
    OWNER("rw-------"),
    ALL("rw-r--r--");

    private final String mode;

    Readers(String mode) {
      this.mode = mode;
    }
  }

  private PemFiles() {}

  static List<X509Certificate> certificates(Path file) throws IOException, CertificateException {
    List<X509Certificate> certificates = new ArrayList<>();
    try (PEMParser parser = new PEMParser(new StringReader(Files.readString(file)))) {
      for (Object next = parser.readObject(); next != null; next = parser.readObject()) {
        if (next instanceof X509CertificateHolder holder) {
          certificates.add(new JcaX509CertificateConverter().getCertificate(holder));
        }
      }
    }
    if (certificates.isEmpty()) {
      throw new CertificateException("no certificate in " + file);
    }
    return List.copyOf(certificates);
  }

  static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
    try (PEMParser parser = new PEMParser(new StringReader(Files.readString(file)))) {
      if (parser.readObject() instanceof PrivateKeyInfo info) {
        // By the JDK: another library's provider may be there for a while, with keys of its own.
        return KeyFactory.getInstance("EC")
            .generatePrivate(new PKCS8EncodedKeySpec(info.getEncoded()));
      }
    }
    throw new IOException("no PKCS #8 private key in " + file);
  }

  static void write(Path file, PrivateKey key) throws IOException {
    replace(file, pem(List.of(new JcaPKCS8Generator(key, null))), Readers.OWNER);
  }

  static void write(Path file, List<X509Certificate> certificates) throws IOException {
    replace(file, pem(certificates), Readers.ALL);
  }

  private static String pem(List<?> objects) throws IOException {
    StringWriter text = new StringWriter();
    try (JcaPEMWriter writer = new JcaPEMWriter(text)) {
      for (Object each : objects) {
        writer.writeObject(each);
      }
    }
    return text.toString();
  }

  private static void replace(Path file, String content, Readers readers) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(fresh);
    boolean posix = Files.getFileStore(directoryOf(file)).supportsFileAttributeView("posix");
    if (posix) {
      var owner = PosixFilePermissions.fromString(Readers.OWNER.mode);
      Files.createFile(fresh, PosixFilePermissions.asFileAttribute(owner));
    }
    Files.writeString(fresh, content);
    if (posix) {
      Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString(readers.mode));
    }
    Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  private static Path directoryOf(Path file) throws FileAlreadyExistsException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory == null) {
      throw new FileAlreadyExistsException(file.toString());
    }
    return directory;
  }
}
