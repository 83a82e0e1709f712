import TestNeeds
import Testing

@testable import Curfew

@Suite("The section otel", .tags(.pure))
struct TelemetryConfigurationTests {
    private static func file(_ section: String) -> String {
        "redis: redis://127.0.0.1\notel: \(section)\n"
            + "cleanups: {locks: {policy: locks, every: 1h, records: \"lock:<id>\", timeout: 1h}}"
    }

    private func problems(_ section: String) -> [String] {
        do {
            _ = try Configuration.parse(Self.file(section), file: "c", environment: ["TOKEN": "s3cr3t", "NONE": ""])
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test("an endpoint alone, and everything")
    func read() throws {
        let short = try Configuration.parse(
            Self.file("{endpoint: \"http://127.0.0.1:4318\"}"), file: "c", environment: [:])
        let settings = try #require(short.telemetry)
        #expect(settings.endpoint.appending(path: "/v1/traces").revealed == "http://127.0.0.1:4318/v1/traces")
        #expect(settings.service == "curfew" && settings.every == .seconds(60) && settings.timeout == .seconds(10))
        let text =
            "{endpoint: \"https://u:p@otel.example/base/\", headers: {Authorization: \"Bearer ${TOKEN}\"}, "
            + "service: cleanup, every: 15s, timeout: 3s}"
        let long = try Configuration.parse(Self.file(text), file: "c", environment: ["TOKEN": "s3cr3t"])
        let all = try #require(long.telemetry)
        let metrics = all.endpoint.appending(path: "/v1/metrics")
        #expect(metrics.revealed == "https://otel.example/base/v1/metrics")
        #expect(metrics.credentials?.user == "u")
        #expect(all.headers == [.init(name: "Authorization", value: Secret("Bearer s3cr3t"))])
        #expect(all.service == "cleanup" && all.every == .seconds(15) && all.timeout == .seconds(3))
        #expect(!"\(all)".contains("s3cr3t"))
    }

    @Test("without the section nothing is sent")
    func absent() throws {
        let text =
            "redis: redis://127.0.0.1\ncleanups: {l: {policy: locks, every: 1h, records: \"l:<id>\", timeout: 1h}}"
        #expect(try Configuration.parse(text, file: "c", environment: [:]).telemetry == nil)
    }

    @Test(
        "what is wrong is said, and no secret with it",
        arguments: [
            ("{every: 15s}", "otel.endpoint: missing, expected an address like https://host/path"),
            ("{endpoint: \"127.0.0.1:4318\"}", "otel.endpoint: expected an address like https://host/path"),
            ("{endpoint: \"http://h:99999\"}", "otel.endpoint: expected an address like https://host/path"),
            ("{endpoint: \"http://h\", every: 10ms}", "otel.every: expected at least 1s, found “10ms”"),
            ("{endpoint: \"http://h\", protocol: grpc}", "otel.protocol: unknown key"),
            ("{endpoint: \"http://h\", headers: [a]}", "otel.headers: expected a section, found a list"),
            (
                "{endpoint: \"http://h\", headers: {\"a b\": \"${TOKEN}\"}}",
                "otel.headers.a b: expected the name of a header, like authorization"
            ),
            (
                "{endpoint: \"http://h\", headers: {Content-Type: text}}",
                "otel.headers.Content-Type: expected the name of a header, like authorization"
            ),
            (
                "{endpoint: \"http://h\", headers: {x: \"${TOKEN}é\"}}",
                "otel.headers.x: expected a value of printable ASCII characters"
            ),
            ("{endpoint: \"http://h\", headers: {x: \"${NONE}\"}}", "otel.headers.x: "),
        ])
    func wrong(_ section: String, _ expected: String) {
        let found = problems(section)
        #expect(found.count == 1 && found[0].contains(expected), "\(found)")
        #expect(!found.joined().contains("s3cr3t"))
    }

    @Test("no more than sixteen headers")
    func tooMany() {
        let headers = (1...17).map { "h\($0): x" }.joined(separator: ", ")
        let found = problems("{endpoint: \"http://h\", headers: {\(headers)}}")
        #expect(found.count == 1 && found[0].contains("expected at most 16 headers, found 17"), "\(found)")
    }
}
