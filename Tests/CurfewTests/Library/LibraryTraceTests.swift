import Curfew
import InMemoryTracing
import Metrics
import Synchronization
import TestNeeds
import TestSupport
import Testing
import Tracing

@Suite("traces and metrics of a program's runs", .tags(.ownServer))
struct LibraryTraceTests {
    @Test("a run is a span, its pages are within it, and their commits within these")
    func spans() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...50)
            let tracer = InMemoryTracer()
            try await CurfewClient.withClient(
                scene.configuration, logger: LibraryScene.silent, tracer: tracer
            ) { curfew in
                let result = try await tracer.withSpan("request") { _ in try await curfew.run("jobs") }
                let spans = tracer.finishedSpans
                let run = try #require(spans.first { $0.operationName == "curfew.run" })
                #expect(run.attributes.get("curfew.cleanup") == .string("jobs"))
                #expect(run.attributes.get("curfew.run") == .string(result.run))
                #expect(run.attributes.get("curfew.fence") == .string("\(result.fence)"))
                #expect(run.attributes.get("curfew.changed") == .int64(50))
                let request = try #require(spans.first { $0.operationName == "request" })
                #expect(run.parentSpanID == request.spanID)
                let pages = spans.filter { $0.operationName == "curfew.page" }
                #expect(pages.count == 3 && pages.allSatisfy { $0.parentSpanID == run.spanID })
                let records = pages.compactMap { page -> Int64? in
                    if case .int64(let count)? = page.attributes.get("curfew.records") { count } else { nil }
                }
                #expect(records.reduce(0, +) == 50)
                let commits = spans.filter { $0.operationName == "curfew.commit" }
                #expect(Set(commits.map(\.parentSpanID)) == Set(pages.map(\.spanID)))
                #expect(tracer.activeSpans.isEmpty)
            }
        }
    }

    @Test("a run is counted with its changes; a dry run as such alone")
    func metrics() async throws {
        try await LibraryScene.with { scene in
            try await scene.stick(1...5)
            let counts = Counts()
            try await CurfewClient.withClient(
                scene.configuration, logger: LibraryScene.silent, metrics: counts
            ) { curfew in
                _ = try await curfew.run("jobs", .init(dryRun: true))
                #expect(counts.values == ["curfew_runs_total jobs completed true": 1])
                _ = try await curfew.run("jobs")
                #expect(counts.values["curfew_runs_total jobs completed false"] == 1)
                #expect(counts.values["curfew_records_changed_total jobs fail"] == 5)
                #expect(counts.values["curfew_tokens_refunded_total jobs"] == 15)
            }
        }
    }
}

/// Adds up counters by name and labels, and forgets everything else.
private final class Counts: MetricsFactory {
    private let state = Mutex<[String: Double]>([:])

    var values: [String: Double] { state.withLock { $0.filter { $0.value != 0 } } }

    private final class Cell: CounterHandler, FloatingPointCounterHandler {
        let name: String
        let counts: Counts

        init(_ name: String, _ counts: Counts) { (self.name, self.counts) = (name, counts) }

        func increment(by amount: Int64) { increment(by: Double(amount)) }
        func increment(by amount: Double) { counts.state.withLock { $0[name, default: 0] += amount } }
        func reset() {}
    }

    private static func name(_ label: String, _ dimensions: [(String, String)]) -> String {
        ([label] + dimensions.map(\.1)).joined(separator: " ")
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        Cell(Self.name(label, dimensions), self)
    }

    func makeFloatingPointCounter(label: String, dimensions: [(String, String)])
        -> any FloatingPointCounterHandler
    {
        Cell(Self.name(label, dimensions), self)
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool)
        -> any RecorderHandler
    {
        NOOPMetricsHandler.instance
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        NOOPMetricsHandler.instance
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}
