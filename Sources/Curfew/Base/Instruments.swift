package import Metrics
package import Tracing

/// What a program that imports Curfew has injected to watch its runs: metrics and traces.
///
/// Nothing of it costs anything where it isn't there.
package struct Instruments: Sendable {
    /// Where metrics go; nil for nowhere.
    package let metrics: (any MetricsFactory)?
    /// What makes spans; nil for none.
    package let tracer: (any Tracer)?

    /// Nothing is watched: the program `curfew` has metrics of its own.
    package static let none = Instruments(metrics: nil, tracer: nil)

    private init(metrics: (any MetricsFactory)?, tracer: (any Tracer)?) {
        (self.metrics, self.tracer) = (metrics, tracer)
    }

    /// Spans alone.
    package static func spans(of tracer: any Tracer) -> Instruments { Instruments(metrics: nil, tracer: tracer) }

    /// The given ones; otherwise those that the program has bootstrapped.
    package static func given(metrics: (any MetricsFactory)?, tracer: (any Tracer)?) -> Instruments {
        let tracer = tracer ?? InstrumentationSystem.tracer
        return Instruments(
            metrics: metrics ?? MetricsSystem.factory, tracer: tracer is NoOpTracer ? nil : tracer)
    }

    /// Runs a body within a span; `attributes` names what is known at its start.
    func traced<Value>(
        _ name: String, _ attributes: @autoclosure () -> SpanAttributes,
        _ body: ((any Span)?) async -> Value
    ) async -> Value {
        guard let tracer else { return await body(nil) }
        return await Self.traced(tracer, name, attributes(), body)
    }

    private static func traced<Value>(
        _ tracer: some Tracer, _ name: String, _ attributes: SpanAttributes, _ body: ((any Span)?) async -> Value
    ) async -> Value {
        await tracer.withSpan(name) { span in
            span.attributes = attributes
            return await body(span)
        }
    }

    /// Starts a span that somebody else ends; nil without a tracer.
    func span(_ name: String, within parent: (any Span)? = nil) -> (any Span)? {
        guard let tracer else { return nil }
        return Self.start(tracer, name, parent?.context ?? .current ?? .topLevel)
    }

    private static func start(_ tracer: some Tracer, _ name: String, _ context: ServiceContext) -> any Span {
        tracer.startSpan(name, context: context)
    }
}
