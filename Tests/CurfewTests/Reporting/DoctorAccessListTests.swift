import Foundation
import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

/// The rights that are given out in `Deploy/redis/curfew.acl`, taken away one by one, and tried by the user of
/// `Deploy/redis/doctor.acl`.
@Suite(
    "the doctor looks at the access list", .tags(.cluster), .enabled(if: RedisServer.hasFunctions),
    .timeLimit(.minutes(5)))
struct DoctorAccessListTests {
    private static let settings = """
        webhooks:
          ops: {url: "http://127.0.0.1:9/hook", secret: s, on: [alert, warning, run-failed]}
        alerts:
          many: {cleanup: stuck-jobs, metric: found, above: 10}
        """

    private static let others = """
        generations: {policy: counters, every: 1h, records: "generation:<id>", index: "generation:index", states: [A], since: [at], timeout: 1h, total: n, counters: {queued: q, processing: p, completed: c, failed: f}, members: {set: "generation:<id>:tasks", record: "task:<id>"}}
        locks: {policy: locks, every: 1h, records: "lock:<id>", timeout: 1h}
        plans: {policy: dependent, every: 1h, records: "plan:<id>", states: [A], since: [at], parent: "job:<jobId>", parent-states: [B], to: C}
        old: {policy: retention, every: 1h, records: "download:<id>", since: [at], keep: 1d, also: ["download:<id>:log"]}
        """

    private static let cleanups = "\(SweepCleanups.retried)\n\(others)"

    private static func words(of file: String = "curfew") throws -> [String] {
        let path = DocumentationPage.root.appendingPathComponent("Deploy/redis/\(file).acl")
        return try String(contentsOf: path, encoding: .utf8).split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// The doctor of a user, and a way to give that user rights and to take some.
    private struct User {
        let doctor: Doctor
        let cluster: RedisCluster

        func set(_ word: String) async throws { try await Self.set([word], on: cluster) }

        static func set(_ words: [String], of user: String = "curfew", on cluster: RedisCluster) async throws {
            try await cluster.send(RedisCommand("ACL", ["SETUSER", user] + words), to: cluster.members[0])
        }
    }

    /// Runs a body with a doctor who has a user of its own, and looks at another who has the worker's rights.
    private func withUser(
        on cluster: RedisCluster, _ scene: SweepScene, _ body: (User) async throws -> Void
    ) async throws {
        try await scene.engine.functions.load()
        try await User.set(["on", ">secret"] + Self.words().dropFirst(3), on: cluster)
        let words = try Self.words(of: "doctor")
        try await User.set(["on", ">secret"] + words.dropFirst(3), of: words[1], on: cluster)
        var configuration = scene.engine.configuration
        configuration.redis.credentials = .init(user: words[1], password: "secret")
        try await RedisClient.withClient(configuration.redis, logger: quietLogger) { redis in
            let engine = Engine(configuration: configuration, redis: redis, logger: quietLogger)
            try await body(User(doctor: Doctor(engine: engine, rightsOf: "curfew"), cluster: cluster))
        }
    }

    /// What is wrong with what the doctor says when a command is taken away; nothing where it names the command.
    private static func silence(on command: Substring, of user: User) async throws -> [String] {
        try await user.set("-\(command)")
        let findings = await user.doctor.examine().findings
        try await user.set("+\(command)")
        let name = command.replacing("|", with: " ").uppercased()
        var texts: [String] = []
        for finding in findings where finding.state != .ok {
            let isTried = finding.state == .problem && finding.message.contains("\(name) ")
            if isTried || finding.message.hasSuffix(name) || finding.advice?.contains(name) == true { return [] }
            texts.append(finding.message)
        }
        return ["\(name) is not named"] + texts
    }

    /// What the doctor says when a pattern of keys is taken away.
    private static func finding(without pattern: String, of user: User) async throws -> Doctor.Finding {
        try await user.set("resetkeys")
        for other in try words() where other.hasPrefix("~") && other != pattern { try await user.set(other) }
        return try #require(try await user.doctor.permissions().first { $0.check == "permissions" })
    }

    @Test("with all of them nothing is missing; each that is taken away is missed, and named")
    func eachIsMissed() async throws {
        try await withClusterSweep(Self.cleanups, settings: Self.settings, primaries: 1) { cluster, scene in
            try await withUser(on: cluster, scene) { user in
                for finding in await user.doctor.examine().findings {
                    #expect(finding.state != .problem && !finding.message.hasPrefix("unknown"))
                    if finding.check == "permissions" || finding.check == "more rights" {
                        #expect(finding.state == .ok, "\(finding.message)")
                    }
                }
                var tried = 0
                // Sentinels alone are asked for their role.
                for word in try Self.words() where word.hasPrefix("+") && word != "+role" {
                    let silence = try await Self.silence(on: word.dropFirst(), of: user)
                    #expect(silence.isEmpty)
                    tried += 1
                }
                #expect(tried > 60)
            }
        }
    }

    @Test("what the doctor itself may not ask is named, and no problem; that its user can't work isn't taken for one")
    func doctors() async throws {
        try await withClusterSweep(Self.cleanups, settings: Self.settings, primaries: 1) { cluster, scene in
            try await withUser(on: cluster, scene) { user in
                let name = try Self.words(of: "doctor")[1]
                for right in ["slowlog|get", "function|list", "acl|dryrun", "info"] {
                    try await User.set(["-\(right)"], of: name, on: cluster)
                    let text = right.replacing("|", with: " ").uppercased()
                    let findings = await user.doctor.examine().findings
                    #expect(findings.contains { $0.state == .warning && $0.advice?.contains(text) == true }, "\(text)")
                    #expect(!findings.contains { $0.state == .problem })
                    try await User.set(["+\(right)"], of: name, on: cluster)
                }
                let own = try await Doctor(coordinator: user.doctor.coordinator, worker: nil).permissions()
                #expect(own.map(\.state) == [.warning] && own[0].advice?.contains("--rights-of") == true)
                let nobody = try await Doctor(coordinator: user.doctor.coordinator, worker: "nobody").permissions()
                #expect(nobody.map(\.state) == [.problem])
            }
        }
    }

    @Test(
        "a pattern of keys that is missing is told by a key of it",
        arguments: ["~{curfew}:*", "~curfew:*", "~job:*", "~jobs:*", "~user:*", "~worker:*", "~task:*"])
    func patterns(pattern: String) async throws {
        try await withClusterSweep(Self.cleanups, settings: Self.settings, primaries: 1) { cluster, scene in
            try await withUser(on: cluster, scene) { user in
                let finding = try await Self.finding(without: pattern, of: user)
                let key = pattern.dropFirst().dropLast()
                #expect(finding.state == .problem && finding.message.contains(" \(key)"))
            }
        }
    }
}
