package dev.tenon.global;

import dev.tenon.global.spi.XidSigner;

/**
 * An xid as it travels: its text, a full stop, and the starter's signature.
 *
 * @param xid the transaction
 * @param header the value of the header {@code tenon-xid}
 */
record SignedXid(Xid xid, String header) {
  private static final char SEPARATOR = '.';

  /** Signs an xid of this service. */
  static SignedXid sign(Xid xid, XidSigner signer) {
    String text = xid.text();
    return new SignedXid(xid, text + SEPARATOR + signer.sign(text));
  }

  /**
   * Reads what came with a call, and checks the signature.
   *
   * @throws IllegalArgumentException if it is none, or not signed by the service that it names
   */
  static SignedXid verify(String header, XidSigner signer) {
    int end = header.indexOf(SEPARATOR);
    if (end < 0) {
      throw new IllegalArgumentException("tenon-xid: no full stop (expected: xid.signature)");
    }
    String text = header.substring(0, end);
    Xid xid = Xid.parse(text);
    if (!signer.verify(xid.starter(), text, header.substring(end + 1))) {
      throw new IllegalArgumentException(
          "tenon-xid: " + text + " (expected: signed by " + xid.starter() + ")");
    }
    return new SignedXid(xid, header);
  }
}
