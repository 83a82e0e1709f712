import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the documentation of webhooks", .tags(.ownServer), .timeLimit(.minutes(5)))
struct DocumentationWebhookTests {
    private static func page() throws -> DocumentationPage {
        try DocumentationPage(path: "\(DocumentationPage.catalogue)/Webhooks.md")
    }

    /// Runs a program with these variables, and answers what it writes.
    private static func run(
        _ arguments: [String], _ variables: [String: String], folder: String
    ) async throws -> String {
        let output = "\(folder)/output of \(arguments[0])"
        let words = ["env"] + variables.map { "\($0.key)=\($0.value)" }.sorted() + arguments
        let status = try await ChildProcess(words, output: output).wait()
        let text = try String(contentsOfFile: output, encoding: .utf8)
        #expect(status == 0, "\(text)")
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("both ways of checking a signature find a real message genuine, and a changed one not")
    func signatures() async throws {
        let page = try Self.page()
        let python = try #require(page.blocks.first { $0.language == "python" }).lines.joined(separator: "\n")
        let shell = try #require(page.blocks.first { $0.language == "sh" && $0.lines[0].hasPrefix("printf") }).lines[0]
        try await withWebhook { hook in
            try await hook.withSenders(try hook.engine("one")) {
                try await hook.alert("many", message: "größer \"als\" 10")
                try await hook.received(1)
            }
            let request = try #require(hook.receiver.requests.first)
            let folder = hook.scene.server.folder
            let timestamp = try #require(request.headers["curfew-timestamp"])
            let signature = try #require(request.headers["curfew-signature"])
            #expect(abs(Date().timeIntervalSince1970 - (Double(timestamp) ?? 0)) < 60)
            var variables = [
                "TIMESTAMP": timestamp, "BODY": request.body, "SECRET": WebhookScene.secret, "SIGNATURE": signature,
            ]
            #expect(try await Self.run(["sh", "-c", shell], variables, folder: folder) == signature)
            let call = """

                e = os.environ
                headers = {"curfew-timestamp": e["TIMESTAMP"], "curfew-signature": e["SIGNATURE"]}
                body, secret, now = e["BODY"].encode(), e["SECRET"].encode(), int(e["TIMESTAMP"])
                sys.stdout.write(" ".join(str(is_genuine(headers, b, secret, n)) for b, n in
                    [(body, now), (body, now + 301), (body + b" ", now)]))
                """
            variables["PYTHONUTF8"] = "1"
            let verdicts = try await Self.run(["python3", "-c", python + call], variables, folder: folder)
            #expect(verdicts == "True False False")
        }
    }

    @Test("the message shown has the members and fields of a real alert")
    func message() throws {
        let block = try #require(try Self.page().blocks.first { $0.language == "json" })
        let shown = try #require(
            try JSONSerialization.jsonObject(with: Data(block.lines.joined().utf8)) as? [String: Any])
        #expect(Set(shown.keys) == ["at_ms", "data", "id", "type", "webhook"])
        let documented = Set(try Self.page().rows.filter { $0.column == "Member" }.flatMap(\.names))
        #expect(documented.isSuperset(of: shown.keys))
        let fields = [
            "alert", "state", "severity", "cleanup", "metric", "op", "threshold", "value", "since_ms", "run", "message",
        ]
        #expect(Set((shown["data"] as? [String: String] ?? [:]).keys) == Set(fields))
    }

    @Test("the waits shown are the real ones")
    func waits() throws {
        let row = try #require(try Self.page().rows.first { $0.cells[0] == "longest wait" })
        let timing = NoticeTiming()
        let shown = [1.0, 4, 16, 64, 256, 1024, 3600]
        #expect((1...7).map { timing.backoff.delay(failures: $0, jitter: 1) / .seconds(1) } == shown)
        #expect(timing.backoff.delay(failures: 14, jitter: 1) == .seconds(3600))
        #expect(row.cells.dropFirst() == ["1 s", "4 s", "16 s", "64 s", "4 min", "17 min", "1 h each"])
        // Half of it at least, three quarters as a rule.
        let whole = (1...14).map { timing.backoff.delay(failures: $0, jitter: 0) / .seconds(3600) }.reduce(0, +)
        #expect(whole > 4 && whole * 1.5 > 6)
    }
}
