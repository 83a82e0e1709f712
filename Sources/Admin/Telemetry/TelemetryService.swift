package import Curfew
internal import Foundation
package import Logging
internal import Metrics
internal import RedisClient
internal import ServiceLifecycle

/// Sends traces and metrics to a collector: the section `otel` of the file.
///
/// Spans go from the engine through a bounded queue; nothing waits for the collector. It sends what has come every two
/// seconds, at most 512 spans in a request. If the collector is away or busy, a request is repeated with growing delays,
/// and given up after five attempts; meanwhile the queue fills, and what doesn't fit is dropped and counted. What a
/// collector refuses as wrong isn't repeated. At the end it has two seconds for the rest.
///
/// Metrics of this process are sent by each instance, those of the whole fleet by one: with the same numbers from every
/// instance a sum over instances would be wrong, and reading them costs Redis as much as a scrape of `/metrics`.
package struct TelemetryService: Service {
    /// How often ended spans are sent.
    static let pause = Duration.seconds(2)
    /// How long the end of the process may wait for the collector.
    static let farewell = Duration.seconds(2)
    /// How often a request is sent before its spans are given up.
    static let mostTries = 5
    /// The longest pause that a collector can ask for; it must not keep the queue full for an hour.
    static let longestPause = Duration.seconds(60)

    private static let dropped = "curfew_telemetry_dropped_spans_total"
    private static let failed = "curfew_telemetry_failed_requests_total"
    /// The help texts of what it measures.
    static let help = [
        dropped: "Spans that were not delivered to the collector.",
        failed: "Requests to the collector that failed.",
    ]

    /// The registry of this process, for its HTTP server too.
    let service: AdminService
    private let queue: TelemetryQueue
    private let settings: TelemetrySettings
    private let worker: Worker?
    private let logger: Logger
    private let exposition: Exposition

    /// Creates the service of a process.
    ///
    /// - Parameters:
    /// - queue: where the spans of the engine end.
    /// - worker: the worker of the process; without one only traces and what the process itself measures are sent.
    package init(
        _ settings: TelemetrySettings, _ queue: TelemetryQueue, source: EngineSource, worker: Worker? = nil,
        logger: Logger
    ) {
        self.queue = queue
        service = AdminService(source: source, worker: worker)
        exposition = Exposition(service: service)
        (self.settings, self.worker, self.logger) = (settings, worker, logger)
    }

    /// Sends until a graceful shutdown or cancellation, and then what is left.
    package func run() async throws {
        await during {
            do {
                try await gracefulShutdown()
            } catch {
                // Cancelled: the same end.
                return
            }
        }
    }

    /// Sends while a body runs, and then what is left.
    package func during<Value: Sendable>(_ body: () async throws -> Value) async rethrows -> Value {
        // The end waits for an attempt to connect.
        try await WebCaller.withCaller(connect: Self.farewell, logger: logger) { caller in
            let value: Value
            do {
                value = try await sending(caller, body)
            } catch {
                await sendRest(caller)
                throw error
            }
            await sendRest(caller)
            return value
        }
    }

    private func sending<Value: Sendable>(
        _ caller: WebCaller, _ body: () async throws -> Value
    ) async rethrows -> Value {
        // Both end with this scope.
        async let _: Void = sendTraces(caller)
        async let _: Void = sendMetrics(caller)
        return try await body()
    }

    private func sendTraces(_ caller: WebCaller) async {
        while await Self.slept(Self.pause) {
            while queue.count > 0, !Task.isCancelled { await deliver(queue.take(), caller) }
        }
    }

    private func sendMetrics(_ caller: WebCaller) async {
        while await Self.slept(settings.every) {
            for message in await metrics(withFleet: worker?.isWatching ?? false) {
                // A failed one isn't repeated: the next ones have its numbers, too.
                guard await post(message, "/v1/metrics", caller, settings.timeout) == nil else { break }
            }
        }
    }

    /// Delivers spans, or drops them after a while; puts them back if it is cancelled.
    private func deliver(_ spans: [FinishedSpan], _ caller: WebCaller) async {
        let message = OTLP.Traces(spans, from: resource(isOwn: true))
        var retries = Retries(Backoff(first: .seconds(1), factor: 2, most: .seconds(30)))
        while true {
            guard let failure = await post(message, "/v1/traces", caller, settings.timeout) else { return }
            if Task.isCancelled { return queue.putBack(spans) }
            let delay = max(retries.failed(), min(failure.pause ?? .zero, Self.longestPause))
            guard failure.mayPass, retries.failures < Self.mostTries else { return drop(spans) }
            guard await Self.slept(delay) else { return queue.putBack(spans) }
        }
    }

    /// Sends what is left, once, as far as there is time.
    private func sendRest(_ caller: WebCaller) async {
        let end = ContinuousClock.now.advanced(by: Self.farewell)
        func left() -> Duration { min(settings.timeout, ContinuousClock.now.duration(to: end)) }
        while queue.count > 0 {
            let spans = queue.take()
            let message = OTLP.Traces(spans, from: resource(isOwn: true))
            let failure = left() > .zero ? await post(message, "/v1/traces", caller, left()) : Failure(mayPass: true)
            if failure != nil { drop(spans) }
        }
        for message in await metrics(withFleet: false) where left() > .zero {
            guard await post(message, "/v1/metrics", caller, left()) == nil else { break }
        }
        if queue.dropped > 0 {
            logger.warning("spans were not delivered", metadata: ["dropped": .stringConvertible(queue.dropped)])
        }
    }

    private func drop(_ spans: [FinishedSpan]) {
        queue.drop(spans.count)
    }

    /// The messages with all numbers.
    private func metrics(withFleet: Bool) async -> [OTLP.Metrics] {
        Counter(label: Self.dropped, factory: service.registry).increment(by: queue.takeDropped())
        var own = OTLPMetrics(at: Date())
        exposition.addProcess(to: &own)
        var messages = own.parts.map { OTLP.Metrics($0, from: resource(isOwn: true)) }
        if withFleet {
            var fleet = OTLPMetrics(at: Date())
            await exposition.addFleet(to: &fleet)
            messages += fleet.parts.map { OTLP.Metrics($0, from: resource(isOwn: false)) }
        }
        return messages
    }

    /// Who sends: this instance, or all of them together.
    private func resource(isOwn: Bool) -> OTLP.Resource {
        let fleet = [OTLP.Attribute("service.name", settings.service)]
        guard isOwn else { return OTLP.Resource(attributes: fleet) }
        return OTLP.Resource(
            attributes: fleet + [
                OTLP.Attribute("service.instance.id", service.engine.instance.id),
                OTLP.Attribute("service.version", CurfewVersion.current),
            ])
    }

    private struct Failure {
        var mayPass: Bool
        var pause: Duration?
    }

    /// Sends one message; nil if it was accepted.
    private func post(
        _ message: some Encodable, _ path: String, _ caller: WebCaller, _ timeout: Duration
    ) async -> Failure? {
        let text: String
        do {
            text = try OTLP.text(message)
        } catch {
            logger.error("a message for the collector can't be written", metadata: ["error": "\(error)"])
            return Failure(mayPass: false)
        }
        let delivery = await caller.deliver(
            text, headers: settings.headers.map { ($0.name, $0.value.revealed) },
            to: settings.endpoint.appending(path: path), timeout: timeout)
        let reason: String
        switch delivery.outcome {
        case .accepted:
            if queue.isAway(false) {
                logger.notice("the collector accepts telemetry again", metadata: ["host": "\(settings.endpoint)"])
            }
            return nil
        case .gone: reason = "answered 410"
        case .failed(let words): reason = words
        }
        let failure = Failure(mayPass: delivery.mayPass, pause: delivery.pause)
        guard !Task.isCancelled else { return failure }
        Counter(label: Self.failed, factory: service.registry).increment()
        if !queue.isAway(true) {
            logger.warning(
                "telemetry isn't delivered; it is tried again, and the work goes on",
                metadata: ["host": "\(settings.endpoint)", "path": "\(path)", "error": "\(reason)"])
        }
        return failure
    }

    /// Waits; false if it was cancelled.
    private static func slept(_ time: Duration) async -> Bool {
        do {
            try await Task.sleep(for: time)
            return true
        } catch {
            return false
        }
    }
}
