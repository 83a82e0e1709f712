import Curfew
import Foundation
import Logging
import RedisClient
import TestNeeds
import TestSupport
import Testing
import Tracing

@testable import Admin

/// What a collector gets, from a service with a real receiver.
@Suite("Telemetry", .tags(.ownServer))
struct TelemetryTests {
    /// A service on an engine of its own that sends to an address.
    private func withTelemetry(
        to address: String, more: String = "timeout: 30s",
        _ body: (TelemetryService, TelemetryQueue, AdminScene) async throws -> Void
    ) async throws {
        let section = "otel: {endpoint: \"\(address)\", headers: {x-token: abc}, \(more)}"
        try await withAdmin(section) { scene in
            let settings = try #require(scene.engine.configuration.telemetry)
            let queue = TelemetryQueue()
            try await body(
                TelemetryService(settings, queue, source: scene.source, logger: scene.engine.logger), queue, scene)
        }
    }

    private func spans(_ request: HTTPReceiver.Request) throws -> [[String: Any]] {
        let resources = try request.json()["resourceSpans"] as? [[String: Any]] ?? []
        return resources.flatMap { $0["scopeSpans"] as? [[String: Any]] ?? [] }
            .flatMap { $0["spans"] as? [[String: Any]] ?? [] }
    }

    private func metrics(_ request: HTTPReceiver.Request) throws -> [[String: Any]] {
        let resources = try request.json()["resourceMetrics"] as? [[String: Any]] ?? []
        return resources.flatMap { $0["scopeMetrics"] as? [[String: Any]] ?? [] }
            .flatMap { $0["metrics"] as? [[String: Any]] ?? [] }
    }

    private func end(_ name: String, in queue: TelemetryQueue) {
        TelemetryTracer(queue: queue).startSpan(name, context: .topLevel).end()
    }

    private func end(_ count: Int, in queue: TelemetryQueue) {
        for number in 0..<count { end("span \(number)", in: queue) }
    }

    private func arrival(at receiver: HTTPReceiver) async throws {
        try await eventually("they have arrived") { !receiver.requests.isEmpty }
    }

    /// A span that is sent twice, and then one that is refused.
    private func provoke(
        _ service: TelemetryService, _ queue: TelemetryQueue, _ receiver: HTTPReceiver
    ) async throws {
        try await service.during {
            end("late", in: queue)
            try await eventually("it is sent again") { receiver.requests.count == 2 }
            end("wrong", in: queue)
            try await eventually("it is refused") { queue.dropped == 1 }
        }
        #expect(queue.count == 0)
    }

    /// A span within another one, which failed.
    private func nest(in queue: TelemetryQueue) {
        let tracer = TelemetryTracer(queue: queue)
        tracer.withSpan("outer") { outer in
            outer.attributes["cleanup"] = "stuck-jobs"
            outer.attributes["records"] = 7
            tracer.withSpan("inner", ofKind: .client) { inner in
                inner.recordError(CurfewError(.usage, "no"))
                inner.setStatus(SpanStatus(code: .error, message: "no"))
            }
        }
    }

    @Test("spans that have ended arrive with a parent, attributes, events and headers, each once")
    func delivery() async throws {
        try await HTTPReceiver.withReceiver { receiver in
            try await withTelemetry(to: "http://127.0.0.1:\(receiver.port)/base") { service, queue, scene in
                try await service.during {
                    nest(in: queue)
                    try await arrival(at: receiver)
                }
                let requests = receiver.requests.filter { $0.target == "/base/v1/traces" }
                #expect(requests.count == 1)
                let request = try #require(requests.first)
                #expect(request.method == "POST" && request.headers["x-token"] == "abc")
                #expect(request.headers["content-type"] == "application/json")
                let found = try spans(request)
                let inner = try #require(found.first { $0["name"] as? String == "inner" })
                let outer = try #require(found.first { $0["name"] as? String == "outer" })
                #expect(found.count == 2)
                #expect(inner["parentSpanId"] as? String == outer["spanId"] as? String)
                #expect(inner["traceId"] as? String == outer["traceId"] as? String)
                #expect((outer["traceId"] as? String)?.count == 32 && outer["parentSpanId"] == nil)
                #expect(inner["kind"] as? Int == 3 && outer["kind"] as? Int == 1)
                #expect((inner["status"] as? [String: Any])?["code"] as? Int == 2)
                #expect((inner["events"] as? [[String: Any]])?.first?["name"] as? String == "exception")
                let attributes = try #require(outer["attributes"] as? [[String: Any]])
                #expect(attributes.map { $0["key"] as? String } == ["cleanup", "records"])
                #expect((attributes[1]["value"] as? [String: Any])?["intValue"] as? String == "7")
                #expect(request.body.contains("{\"stringValue\":\"\(scene.engine.instance.id)\"}"))
            }
        }
    }

    @Test("a collector that is busy is asked again; what it refuses as wrong isn't sent again")
    func failures() async throws {
        try await HTTPReceiver.withReceiver(answer: Self.moody) { receiver in
            try await withTelemetry(to: "http://127.0.0.1:\(receiver.port)") { service, queue, _ in
                try await provoke(service, queue, receiver)
            }
            #expect(bodies(receiver) == ["late", "late", "wrong"])
        }
    }

    @Test("a collector that says when it wants to be asked again is left alone until then")
    func pause() async throws {
        try await HTTPReceiver.withReceiver(answer: Self.tired) { receiver in
            try await withTelemetry(to: "http://127.0.0.1:\(receiver.port)") { service, queue, _ in
                try await insist(service, queue, receiver)
            }
            let times = receiver.requests.filter { $0.target == "/v1/traces" }.map(\.at)
            #expect(times.count == 2 && times[0].duration(to: times[1]) >= .seconds(4))
        }
    }

    /// A span that is sent until it is accepted.
    private func insist(_ service: TelemetryService, _ queue: TelemetryQueue, _ receiver: HTTPReceiver) async throws {
        try await service.during {
            end("late", in: queue)
            try await eventually("it is sent again") { receiver.requests.count == 2 }
        }
    }

    /// Wants four seconds of peace, which is longer than the first delay without that.
    private static func tired(_ number: Int, _ request: HTTPReceiver.Request) -> HTTPReceiver.Answer {
        number == 1 ? .busy(429, seconds: 4) : .status(200)
    }

    /// What the names of the spans were, request by request.
    private func bodies(_ receiver: HTTPReceiver) -> [String] {
        receiver.requests.filter { $0.target == "/v1/traces" }
            .map { request in ["late", "wrong"].first { request.body.contains($0) } ?? "" }
    }

    /// Busy at first, and not fond of what is called wrong.
    private static func moody(_ number: Int, _ request: HTTPReceiver.Request) -> HTTPReceiver.Answer {
        guard request.target == "/v1/traces" else { return .status(200) }
        return .status(number == 1 ? 503 : request.body.contains("wrong") ? 400 : 200)
    }

    @Test("nobody waits for a collector that is silent or away, and the queue doesn't grow without end")
    func away() async throws {
        try await HTTPReceiver.withReceiver { _, _ in
            .silence
        } _: { receiver in
            for port in [receiver.port, try freePort()] {
                try await withTelemetry(to: "http://127.0.0.1:\(port)", more: "timeout: 1h") { service, queue, _ in
                    let watch = Stopwatch()
                    await service.during { end(2 * TelemetryQueue.most, in: queue) }
                    #expect(watch.elapsed < .seconds(20), "\(watch.elapsed)")
                    #expect(queue.count == 0)
                    #expect(queue.dropped == 2 * TelemetryQueue.most)
                }
            }
        }
    }

    @Test("at the end everything that waits is sent, in requests of bounded size")
    func rest() async throws {
        try await HTTPReceiver.withReceiver { receiver in
            try await withTelemetry(to: "http://127.0.0.1:\(receiver.port)") { service, queue, _ in
                await service.during { end(2 * TelemetryQueue.mostAtOnce + 1, in: queue) }
                let counts = try receiver.requests.filter { $0.target == "/v1/traces" }.map { try spans($0).count }
                #expect(counts == [TelemetryQueue.mostAtOnce, TelemetryQueue.mostAtOnce, 1])
                let last = try #require(receiver.requests.last)
                #expect(last.target == "/v1/metrics")
                #expect(try metrics(last).contains { $0["name"] as? String == "curfew_build_info" })
            }
        }
    }

    @Test("the instance that looks after what concerns all sends the numbers of the fleet; no other one does")
    func fleet() async throws {
        try await HTTPReceiver.withReceiver { receiver in
            try await withTelemetry(to: "http://127.0.0.1:\(receiver.port)", more: "every: 1s") { _, _, scene in
                try await scene.stick("a")
                let engines = ["one", "two"].map {
                    Engine(
                        configuration: scene.engine.configuration, redis: scene.redis, instance: Instance(id: $0),
                        logger: scene.engine.logger)
                }
                let workers = engines.map(Worker.init(engine:))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (engine, worker) in zip(engines, workers) {
                        let settings = try #require(engine.configuration.telemetry)
                        let service = TelemetryService(
                            settings, TelemetryQueue(), source: EngineSource(engine), worker: worker,
                            logger: engine.logger)
                        group.addTask { try await worker.run() }
                        group.addTask { try await service.run() }
                    }
                    try await eventually("the run is counted") {
                        try receiver.requests.contains {
                            try metrics($0).contains { $0["name"] as? String == "curfew_runs" }
                        }
                    }
                    #expect(workers.count { $0.isWatching } == 1)
                    let senders = try receiver.requests.compactMap { request in
                        try metrics(request).contains { $0["name"] as? String == "curfew_instances" }
                            ? request.body : nil
                    }
                    #expect(!senders.isEmpty && senders.allSatisfy { !$0.contains("service.instance.id") })
                    group.cancelAll()
                }
            }
        }
    }
}
