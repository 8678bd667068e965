package dev.tenon.invocation;

/**
 * The names under which a call's context travels, in HTTP headers and in gRPC metadata alike. All
 * are in lower case.
 */
public final class CallHeaders {
  /** The trace that the call belongs to (W3C Trace Context). */
  public static final String TRACEPARENT = "traceparent";

  /** What the tracing systems on the way have added (W3C Trace Context). */
  public static final String TRACESTATE = "tracestate";

  /**
   * How long the caller still waits: a whole number of at most eight digits and a unit, as in
   * gRPC's {@code grpc-timeout}: {@code 1500m} are 1,500 ms. A time left, not a time of day, as
   * clocks differ. On gRPC, {@code grpc-timeout} itself says it.
   */
  public static final String TIMEOUT = "tenon-timeout";

  /** gRPC's own name of {@link #TIMEOUT}. */
  public static final String GRPC_TIMEOUT = "grpc-timeout";

  /** The distributed transaction that the call belongs to. */
  public static final String XID = "tenon-xid";

  /** Which step of its transaction the call is. */
  public static final String STEP = "tenon-step";

  /** What the callee must have seen to answer. */
  public static final String CONSISTENCY = "tenon-consistency";

  /** On whose behalf the call is made. The calling service itself proves who it is otherwise. */
  public static final String PRINCIPAL = "tenon-principal";

  /**
   * Under which a repeated request is answered as the first was (IETF,
   * draft-ietf-httpapi-idempotency-key-header). Never handed on by itself.
   */
  public static final String IDEMPOTENCY_KEY = "idempotency-key";

  /** When the caller made its idempotency key, for keys that do not say it (ISO 8601). */
  public static final String KEY_TIME = "tenon-key-time";

  /** On an answer: it was given before, and was not worked out anew. */
  public static final String IDEMPOTENCY_REPLAYED = "idempotency-replayed";

  /**
   * On an answer: the request was refused before anything was done for it; it may be repeated. The
   * value says why: {@link #STARTING}, {@link #STOPPING}, or something else that may pass sooner.
   */
  public static final String REFUSED = "tenon-refused";

  /** Why a request was refused: the instance does not serve yet. */
  public static final String STARTING = "starting";

  /** Why a request was refused: the instance serves no more. */
  public static final String STOPPING = "stopping";

  private CallHeaders() {}
}
