import Curfew
import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

extension Chaos {
    @Suite("traces and metrics", .tags(.processes), .timeLimit(.minutes(5)))
    struct ChaosTelemetryTests {
        private static let cleanup = ProcessesScene.stuck(every: "1h")

        private struct Seen {
            var name: String
            var id: String
            var parent: String?
            var trace: String
            var attributes: [String: String]
        }

        private func spans(_ receiver: HTTPReceiver) throws -> [Seen] {
            try receiver.requests.filter { $0.target == "/v1/traces" }.flatMap { request in
                (try request.json()["resourceSpans"] as? [[String: Any]] ?? [])
                    .flatMap { $0["scopeSpans"] as? [[String: Any]] ?? [] }
                    .flatMap { $0["spans"] as? [[String: Any]] ?? [] }
            }.map { span in
                var attributes: [String: String] = [:]
                for attribute in span["attributes"] as? [[String: Any]] ?? [] {
                    let value = attribute["value"] as? [String: Any] ?? [:]
                    attributes[attribute["key"] as? String ?? ""] = value.values.map { "\($0)" }.joined()
                }
                return Seen(
                    name: span["name"] as? String ?? "", id: span["spanId"] as? String ?? "",
                    parent: span["parentSpanId"] as? String, trace: span["traceId"] as? String ?? "",
                    attributes: attributes)
            }
        }

        private func stick(_ scene: ProcessesScene, _ id: String) async throws {
            let since = String(try await scene.now() - 600_000)
            _ = try await scene.send(
                "HSET", "job:\(id)", "status", "PROCESSING", "startedAt", since, "cost", "9", "user", "u")
            _ = try await scene.send("ZADD", "job:deadlines", since, id)
        }

        @Test("a run is a trace of its pages and commits, by a worker and by curfew run, and the work counts at once")
        func traces() async throws {
            try await HTTPReceiver.withReceiver { receiver in
                try await withProcesses { scene in
                    let otel = "otel: {endpoint: \"http://127.0.0.1:\(receiver.port)\", every: 1s}\n"
                    let text = scene.configuration(Self.cleanup, lease: "3s", heartbeat: "1s")
                    let configuration = try scene.write(otel + text)
                    try await stick(scene, "a")
                    let worker = try scene.worker(configuration)
                    try await worker.ready()
                    let run = try await scene.run("completed")
                    try await eventually("the metrics of the fleet arrive") {
                        receiver.requests.contains { $0.target == "/v1/metrics" && $0.body.contains("curfew_runs") }
                    }
                    #expect(await worker.terminate() == 0)
                    try await stick(scene, "b")
                    #expect(try await scene.curfew("run", "stuck-jobs", configuration: configuration).code == 0)
                    let seen = try spans(receiver)
                    let runs = seen.filter { $0.name == "curfew.run" }
                    #expect(runs.count == 2 && runs.allSatisfy { $0.parent == nil })
                    #expect(runs.first?.attributes["curfew.run"] == run["run"])
                    #expect(runs.map { $0.attributes["curfew.trigger"] } == ["schedule", "manual"])
                    for run in runs {
                        #expect(
                            run.attributes["curfew.status"] == "completed" && run.attributes["curfew.changed"] == "1")
                        let pages = seen.filter { $0.name == "curfew.page" && $0.parent == run.id }
                        let changes = pages.filter { $0.attributes["curfew.changed"] == "1" }
                        #expect(changes.count == 1 && pages.allSatisfy { $0.trace == run.trace })
                        #expect(seen.contains { $0.name == "curfew.commit" && $0.parent == changes.first?.id })
                    }
                }
            }
        }

        @Test("a collector that is away or silent delays neither the work nor the end of a process")
        func away() async throws {
            try await HTTPReceiver.withReceiver { _, _ in
                .silence
            } _: { receiver in
                try await withProcesses { scene in
                    for port in [receiver.port, try freePort()] {
                        let otel = "otel: {endpoint: \"http://127.0.0.1:\(port)\", every: 1s}\n"
                        let text = scene.configuration(Self.cleanup, lease: "3s", heartbeat: "1s")
                        let configuration = try scene.write(otel + text)
                        try await stick(scene, "a\(port)")
                        let watch = Stopwatch()
                        let ending = try await scene.curfew("run", "stuck-jobs", "--json", configuration: configuration)
                        #expect(ending.code == 0)
                        #expect(watch.elapsed < .seconds(15))
                        #expect(try await scene.send("HGET", "job:a\(port)", "status").string == "FAILED")
                    }
                }
            }
        }
    }
}
