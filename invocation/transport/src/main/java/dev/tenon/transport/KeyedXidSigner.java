package dev.tenon.transport;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.tenon.global.spi.XidSigner;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Signs xids with a service's Ed25519 key: the base64url of a signature over {@code tenon-xid}, a
 * blank and the xid's text. What was proved is remembered until the public keys change.
 * Thread-safe.
 */
final class KeyedXidSigner implements XidSigner {
  private static final String ALGORITHM = "Ed25519";
  private static final String PURPOSE = "tenon-xid "; // so that no token is ever taken for an xid
  private static final int REMEMBERED_MAX = 1000;
  private static final int SIGNATURE_LENGTH = 86; // 64 bytes

  private final String service;
  private final PrivateKey privateKey;
  private final PublicKeys publicKeys;

  /** By xid and signature, at which reading of the keys it was proved for the service named. */
  private final Map<Proof, Integer> proved = new ConcurrentHashMap<>();

  private record Proof(String starter, String xid, String signature) {}

  KeyedXidSigner(String service, PrivateKey privateKey, PublicKeys publicKeys) {
    this.service = service;
    this.privateKey = privateKey;
    this.publicKeys = publicKeys;
  }

  @Override
  public String sign(String xid) {
    try {
      Signature signing = Signature.getInstance(ALGORITHM);
      signing.initSign(privateKey);
      signing.update(signed(xid));
      return Base64.getUrlEncoder().withoutPadding().encodeToString(signing.sign());
    } catch (GeneralSecurityException e) {
      throw new TransportException("Could not sign an xid [service=" + service + "].", e);
    }
  }

  @Override
  public boolean verify(String starter, String xid, String signature) {
    if (signature.length() != SIGNATURE_LENGTH) {
      return false;
    }
    PublicKeys.Loaded keys = publicKeys.current();
    Proof proof = new Proof(starter, xid, signature);
    Integer known = proved.get(proof);
    if (known != null && known == keys.reading()) {
      return true;
    }
    boolean genuine =
        keys.of(starter).stream().anyMatch(key -> isSignedBy(key, signed(xid), signature));
    if (genuine) {
      if (proved.size() >= REMEMBERED_MAX) {
        proved.clear();
      }
      proved.put(proof, keys.reading());
    }
    return genuine;
  }

  private static byte[] signed(String xid) {
    return (PURPOSE + xid).getBytes(US_ASCII);
  }

  private static boolean isSignedBy(PublicKey key, byte[] content, String signature) {
    try {
      Signature checking = Signature.getInstance(ALGORITHM);
      checking.initVerify(key);
      checking.update(content);
      return checking.verify(Base64.getUrlDecoder().decode(signature));
    } catch (GeneralSecurityException | IllegalArgumentException e) {
      return false; // a key of another kind, or no base64url: not signed by it
    }
  }
}
