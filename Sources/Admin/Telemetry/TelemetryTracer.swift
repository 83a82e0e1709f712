internal import Synchronization
internal import Tracing

/// A tracer whose ended spans go into a bounded queue, for ``TelemetryService``.
///
/// Nothing waits for it: an ended span costs a lock and an append, and is dropped if the queue is full.
struct TelemetryTracer: Tracer {
    let queue: TelemetryQueue

    func startSpan<Instant: TracerInstant>(
        _ operationName: String, context: @autoclosure () -> ServiceContext, ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
    ) -> TelemetrySpan {
        TelemetrySpan(
            operationName, context: context(), kind: kind, start: instant().nanosecondsSinceEpoch, queue: queue)
    }

    /// Nothing: the service sends what is there at its own pace, and all at its end.
    func forceFlush() {}

    func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier, into context: inout ServiceContext, using extractor: Extract
    ) where Extract.Carrier == Carrier {
        guard let text = extractor.extract(key: "traceparent", from: carrier) else { return }
        context.traceContext = TraceContext(text)
    }

    func inject<Carrier, Inject: Injector>(
        _ context: ServiceContext, into carrier: inout Carrier, using injector: Inject
    ) where Inject.Carrier == Carrier {
        guard let place = context.traceContext else { return }
        injector.inject(place.text, forKey: "traceparent", into: &carrier)
    }
}

/// A span that is going on.
final class TelemetrySpan: Span {
    /// The most attributes and events of a span; further ones are dropped.
    static let mostAttributes = 64, mostEvents = 64

    let context: ServiceContext
    private let state: Mutex<FinishedSpan?>
    private let name: Mutex<String>
    private let queue: TelemetryQueue

    init(_ name: String, context parent: ServiceContext, kind: SpanKind, start: UInt64, queue: TelemetryQueue) {
        let place = TraceContext(below: parent.traceContext)
        var own = parent
        own.traceContext = place
        context = own
        self.name = Mutex(name)
        self.queue = queue
        state = Mutex(
            FinishedSpan(
                place: place, parent: parent.traceContext?.span, name: name, kind: kind, start: start, end: start))
    }

    var operationName: String {
        get { name.withLock(\.self) }
        set { name.withLock { $0 = newValue } }
    }

    /// Until it has ended.
    var isRecording: Bool { state.withLock { $0 != nil } }

    var attributes: SpanAttributes {
        get { state.withLock { $0?.attributes ?? [:] } }
        set {
            guard newValue.count <= Self.mostAttributes else { return }
            state.withLock { $0?.attributes = newValue }
        }
    }

    func setStatus(_ status: SpanStatus) { state.withLock { $0?.status = status } }

    func addEvent(_ event: SpanEvent) {
        state.withLock { span in
            guard let count = span?.events.count, count < Self.mostEvents else { return }
            span?.events.append(event)
        }
    }

    func recordError<Instant: TracerInstant>(
        _ error: any Error, attributes: SpanAttributes, at instant: @autoclosure () -> Instant
    ) {
        var all = attributes
        // As the semantic conventions for exceptions name them.
        all["exception.type"] = String(describing: type(of: error))
        all["exception.message"] = "\(error)"
        addEvent(SpanEvent(name: "exception", at: instant(), attributes: all))
    }

    /// Nothing: no span of Curfew has links.
    func addLink(_ link: SpanLink) {}

    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        let finished = state.withLock { span in
            defer { span = nil }
            return span
        }
        guard var finished else { return }
        finished.name = operationName
        finished.end = instant().nanosecondsSinceEpoch
        queue.append(finished)
    }
}

/// What a span has when it has ended.
struct FinishedSpan: Sendable {
    var place: TraceContext
    var parent: String?
    var name: String
    var kind: SpanKind
    /// Nanoseconds since 1970, by the clock of this machine.
    var start: UInt64
    var end: UInt64
    var attributes: SpanAttributes = [:]
    var events: [SpanEvent] = []
    var status: SpanStatus?
}
