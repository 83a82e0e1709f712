import Foundation
import RedisClient
import TestNeeds
import Testing
import Tracing

@testable import Admin

@Suite("The parts of telemetry", .tags(.pure))
struct TelemetryPartsTests {
    private struct Texts: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }

    @Test("the place in a trace goes from process to process as traceparent")
    func traceparent() throws {
        let tracer = TelemetryTracer(queue: TelemetryQueue())
        var carrier: [String: String] = [:]
        let span = tracer.startSpan("a", context: .topLevel)
        tracer.inject(span.context, into: &carrier, using: Texts())
        #expect(carrier["traceparent"]?.wholeMatch(of: /00-[0-9a-f]{32}-[0-9a-f]{16}-01/) != nil)
        var context = ServiceContext.topLevel
        tracer.extract(carrier, into: &context, using: Texts())
        let below = tracer.startSpan("b", context: context)
        #expect(below.context.traceContext?.trace == span.context.traceContext?.trace)
        #expect(below.context.traceContext?.span != span.context.traceContext?.span)
    }

    @Test(
        "what is no traceparent begins a new trace",
        arguments: [
            "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-xaf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ])
    func strange(_ text: String) { #expect(TraceContext(text) == nil) }

    @Test("a span ends once, and keeps no more than a bounded number of events")
    func span() throws {
        let queue = TelemetryQueue()
        let span = TelemetryTracer(queue: queue).startSpan("a", context: .topLevel)
        for number in 0..<(2 * TelemetrySpan.mostEvents) { span.addEvent(SpanEvent(name: "\(number)")) }
        span.operationName = "b"
        span.end()
        span.end()
        let all = queue.take()
        #expect(all.count == 1 && all[0].name == "b" && all[0].events.count == TelemetrySpan.mostEvents)
        #expect(!span.isRecording)
    }

    @Test("counters are monotonic sums, histograms have a count beyond the last bound, equal labels are added up")
    func metrics() throws {
        var writer = OTLPMetrics(at: Date(timeIntervalSince1970: 2))
        writer.add("c_total", .counter, "C.", [([("a", "1")], 2), ([("a", "1")], 3)])
        writer.add("g_seconds", .gauge, "G.", [([], 1.5)])
        writer.add("none", .gauge, "N.", [])
        var histogram = Histogram()
        for value in [0.5, 2, 7_200] { histogram.observe(value) }
        writer.add("h_seconds", "H.", [([("b", "2")], histogram)])
        let metrics = writer.metrics
        #expect(metrics.map(\.name) == ["c", "g_seconds", "h_seconds"])
        #expect(metrics.map(\.unit) == ["", "s", "s"])
        #expect(metrics[0].sum?.isMonotonic == true && metrics[0].sum?.aggregationTemporality == 2)
        #expect(metrics[0].sum?.dataPoints.map(\.asDouble) == [5])
        #expect(metrics[1].gauge?.dataPoints.map(\.timeUnixNano) == ["2000000000"])
        let point = try #require(metrics[2].histogram?.dataPoints.first)
        #expect(point.count == "3" && point.bucketCounts.last == "1" && point.sum == 7_202.5)
        #expect(point.bucketCounts.count == point.explicitBounds.count + 1)
    }

    @Test("labels that are equal as they are sent are one point: what is cut off doesn't count, nor what can't be read")
    func equalPoints() {
        var writer = OTLPMetrics(at: Date())
        let long = String(repeating: "x", count: 300)
        let unreadable = [[0xFE], [0xFF]].map { ByteText.held($0 as [UInt8]) }
        let labels = [long + "a", long + "b"] + unreadable
        writer.add("c_total", .counter, "C.", labels.map { ([("type", $0)], 1) })
        #expect(writer.metrics.map(\.count) == [2])
        #expect(writer.metrics[0].sum?.dataPoints.map(\.asDouble) == [2, 2])
    }

    @Test("many points go in several messages")
    func parts() {
        var writer = OTLPMetrics(at: Date())
        for family in 0..<6 {
            writer.add("g\(family)", .gauge, "G.", (0..<900).map { ([("n", "\($0)")], 1) })
        }
        #expect(writer.parts.map(\.count) == [2, 2, 2])
    }
}
