import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite(
    "the doctor looks at servers", .tags(.ownServer), .timeLimit(.minutes(4)), .enabled(if: RedisServer.hasFunctions))
struct DoctorServerTests {
    private func found(_ scene: CoordinationScene) async throws -> [String: Doctor.Finding] {
        let findings = await Doctor(engine: try scene.engine("doctor")).examine().findings
        return Dictionary(findings.map { ($0.check, $0) }) { first, _ in first }
    }

    @Test("writes that are refused for want of replicas are a problem with its cure, and the cause of silent instances")
    func replicas() async throws {
        try await withInstances { scene in
            #expect(try await found(scene)["writes"] == nil)
            try await scene.send("CONFIG", "SET", "min-replicas-to-write", "1")
            let findings = try await found(scene)
            let writes = try #require(findings["writes"])
            #expect(writes.state == .problem && writes.message.contains("NOREPLICAS"))
            #expect(writes.advice?.contains("min-replicas-to-write 0") == true)
            #expect(findings["role"]?.state == .problem)
            #expect(findings["instances"]?.advice?.contains("fix the writes first") == true)
        }
    }

    @Test("persistence and replicas are told without CONFIG, and nothing is refused to a user without it")
    func withoutSettings() async throws {
        try await withInstances { scene in
            try await scene.send("ACL", "SETUSER", "default", "-config")
            let before = try await found(scene)
            #expect(before["persistence"]?.message.hasPrefix("no append-only file, and no snapshot since") == true)
            try await scene.send("SAVE")
            try await eventually("a snapshot that is later than the start") {
                try await scene.send("SAVE")
                return try await found(scene)["persistence"]?.message.hasPrefix("snapshots (the last ") == true
            }
            #expect(before["role"]?.message == "primary")
            #expect(try await scene.send("ACL", "LOG").count == 0)
        }
    }

    @Test("a library under our name that isn't ours, or one that only says it is Curfew's, is a problem")
    func strangers() async throws {
        try await withInstances { scene in
            try await scene.engine("one").functions.load()
            let ours = try #require(try await found(scene)["functions"])
            #expect(
                ours.state == .ok
                    && ours.message.hasPrefix("\(FunctionLibrary.name) is loaded and is that of this program"))
            let stranger = """
                #!lua name=curfew
                redis.register_function{function_name = 'curfew_version', callback = function() return 999 end, flags = {'no-writes'}}
                """
            try await scene.send("FUNCTION", "LOAD", "REPLACE", stranger)
            #expect(try await found(scene)["other functions"]?.state == .problem)
            try await scene.send("FUNCTION", "LOAD", "REPLACE", FunctionsVersionTests.pretender)
            let finding = try #require(try await found(scene)["functions"])
            #expect(finding.state == .problem && finding.message.contains("its text differs"))
        }
    }

    @Test("other versions that use the server are named, and a library that is only called alike is nobody's business")
    func neighbours() async throws {
        try await withInstances { scene in
            try await scene.send("FUNCTION", "LOAD", FunctionsVersionTests.olderLibrary)
            try await scene.send("FUNCTION", "LOAD", FunctionsVersionTests.newerLibrary)
            // As it was called before the version came from the text.
            try await scene.send(
                "FUNCTION", "LOAD", FunctionLibrary.source.replacing(FunctionLibrary.version, with: "7"))
            try await scene.send(
                "FUNCTION", "LOAD", "#!lua name=curfewed\nredis.register_function('mine', function() return 1 end)")
            try await scene.engine("one").functions.load()
            let findings = try await found(scene)
            let message = try #require(findings["functions"]?.message)
            #expect(findings["functions"]?.state == .ok && findings["other functions"] == nil)
            #expect(message.contains("other versions also use this server: "))
            #expect(message.contains("curfew (version 6)") && message.contains("curfew_7"))
            #expect(message.contains("curfew_99_0123abcd"))
        }
    }

    @Test("functions that nobody may load, and nobody has loaded, are a problem with its cure")
    func absent() async throws {
        try await withInstances { scene in
            #expect(try await found(scene)["functions"]?.state == .warning)
            try await scene.send("ACL", "SETUSER", "default", "-function|load")
            let finding = try #require(try await found(scene)["functions"])
            #expect(finding.state == .problem)
            #expect(finding.advice?.contains("curfew functions | redis-cli -x FUNCTION LOAD REPLACE") == true)
        }
    }

    @Test(
        "what a server is, by what it says of itself",
        arguments: [
            ("redis_version:7.0.15", "Redis 7.0.15", true), ("redis_version:6.2.14", "Redis 6.2.14", false),
            ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.0", "Valkey 9.1.0 (Redis 7.2.4)", true),
            ("redis_version:7.4.0\r\ndragonfly_version:df-v1.34.2", "Dragonfly 1.34.2 (Redis 7.4.0)", false),
            ("redis_version:6.3.4\r\nexecutable:/usr/bin/keydb-server", "KeyDB 6.3.4", false),
            ("redis_version:7.1.0\r\nos:Amazon ElastiCache", "Redis 7.1.0 at Amazon ElastiCache", false),
        ])
    func kinds(info: String, description: String, hasFunctions: Bool) {
        let kind = ServerKind(info: info)
        #expect(kind.description == description)
        #expect(kind.shouldHaveFunctions == hasFunctions)
    }
}
