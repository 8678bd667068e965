package dev.tenon.global.spi;

/** Proves that a distributed transaction was started by the service it names. Thread-safe. */
public interface XidSigner {

  /**
   * Signs an xid of this service.
   *
   * @param xid the xid's text
   * @return the signature, in visible ASCII without full stops; empty if this service has no key
   */
  String sign(String xid);

  /**
   * Checks a signature.
   *
   * @param starter the service that the xid names
   * @param xid the xid's text
   * @param signature what came with it
   * @return whether that service signed it
   */
  boolean verify(String starter, String xid, String signature);
}
