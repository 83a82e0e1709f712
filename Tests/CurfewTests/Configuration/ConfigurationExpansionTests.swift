import Foundation
import RedisClient
import TestNeeds
import Testing

@testable import Curfew

@Suite("Values from the environment", .tags(.pure))
struct ConfigurationExpansionTests {
    private static let environment = ["A": "1", "EMPTY": "", "TRICK": "x\nprefix: evil", "NESTED": "${A}", "_a9": "u"]

    @Test(
        "references are replaced, and only references",
        arguments: [
            ("plain", "plain"), ("${A}", "1"), ("a${A}b${A}c", "a1b1c"), ("${_a9}", "u"), ("${EMPTY}", ""),
            ("${NONE:-d}", "d"), ("${NONE:-}", ""), ("${EMPTY:-d}", "d"), ("${A:-d}", "1"), ("${NONE:-a:-b}", "a:-b"),
            ("$$", "$"), ("$${A}", "${A}"), ("$A", "$A"), ("5$", "5$"), ("$$$$", "$$"), ("${NESTED}", "${A}"),
        ])
    func expansion(text: String, expected: String) throws {
        #expect(try Expansion.expand(text, Self.environment) == expected)
    }

    @Test(
        "a reference that can't be followed says why",
        arguments: [
            ("${NONE}", "the environment variable NONE is not set; ${NONE:-default} gives a default"),
            ("${A", "“${” has no “}”; a plain “$” is written “$$”"),
            ("${}", "“${}” is unreadable, expected ${NAME} or ${NAME:-default}"),
            ("${9}", "“${9}” is unreadable, expected ${NAME} or ${NAME:-default}"),
            ("${A:?}", "“${A:?}” is unreadable, expected ${NAME} or ${NAME:-default}"),
            ("${A b}", "“${A b}” is unreadable, expected ${NAME} or ${NAME:-default}"),
        ])
    func failure(text: String, message: String) {
        #expect(throws: Expansion.Failure(message: message)) { try Expansion.expand(text, Self.environment) }
    }

    @Test("a file's text is put in as it is, without the line end after it", arguments: ["", "\n", "\r\n"])
    func file(end: String) throws {
        let path = "\(FileManager.default.temporaryDirectory.path)/curfew-\(UInt64.random(in: 0...UInt64.max))"
        defer { _ = try? FileManager.default.removeItem(atPath: path) }
        let secret = "p@s:s/w%41 ${A}\n#"
        try (secret + end).write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try Expansion.expand("a${file:\(path)}b", [:]) == "a\(secret)b")
        let read = try parse("redis: \"redis://ada:${file:\(path)}@h\"", [:])
        #expect(read.redis.credentials == .init(user: "ada", password: secret))
    }

    @Test("a file that can't be read is named")
    func noFile() {
        for (text, reason) in [
            ("${file:/nowhere/secret}", "the file /nowhere/secret can't be read"),
            ("${file:secret}", "expected ${file:/path}"), ("${file:/dev/zero}", "has more than 64 KiB"),
        ] {
            let failure = #expect(throws: Expansion.Failure.self) { try Expansion.expand(text, [:]) }
            #expect(failure?.message.contains(reason) == true, "\(String(describing: failure))")
        }
    }

    private func parse(_ text: String, _ environment: [String: String]) throws(ConfigurationError) -> Configuration {
        try Configuration.parse(text + "\ncleanups: {}", file: "c", environment: environment)
    }

    @Test("a value can't add structure")
    func noInjection() throws {
        do {
            _ = try parse("redis: redis://127.0.0.1\nprefix: ${TRICK}", Self.environment)
            Issue.record("a prefix with spaces was accepted")
        } catch {
            #expect(error.description == "c:2: prefix: expected a word without braces or spaces, found “${TRICK}”")
        }
    }

    @Test("an unset variable is a problem with its place, and the value of a set one is in no message")
    func problems() throws {
        let text = "redis: redis://127.0.0.1\nprefix: ${NONE}\nworker: {lease: '${SECRET}', concurrency: '${SECRET}'}"
        do {
            _ = try parse(text, ["SECRET": "hunter2"])
            Issue.record("accepted")
        } catch {
            #expect(
                error.description == """
                    c:2: prefix: the environment variable NONE is not set; ${NONE:-default} gives a default
                    c:3: worker.lease: expected a duration like 30s, 15m, 1h30m or 7d, found “${SECRET}”
                    c:3: worker.concurrency: expected a whole number from 1 to 64, found “${SECRET}”
                    """)
        }
    }

    @Test("numbers and durations may come from the environment, and an empty one counts as absent")
    func values() throws {
        let text = "redis: ${URL}\nprefix: ${NONE:-}\nworker: {concurrency: '${N}', lease: '${L:-20s}'}"
        let configuration = try parse(text, ["URL": "redis://127.0.0.1", "N": "2"])
        #expect(configuration.prefix == "curfew")
        #expect(configuration.worker.concurrency == 2)
        #expect(configuration.worker.lease == .seconds(20))
    }

    @Test("a key that the environment leaves empty stands in nobody's way")
    func emptyKey() throws {
        let text = """
            redis: redis://127.0.0.1
            cleanups:
              a: {policy: locks, records: "l:<id>", timeout: 1m, every: "${EVERY:-}", cron: "${CRON:-}"}
            """
        let environment = ["CRON": "0 4 * * *"]
        let configuration = try Configuration.parse(text, file: "c", environment: environment)
        #expect(configuration.cleanups.first?.schedule.description == "0 4 * * * (UTC)")
    }
}
