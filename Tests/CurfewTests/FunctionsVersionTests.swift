import RedisClient
import TestSupport
import Testing

@testable import Curfew

@Suite("the function library", .serialized)
struct FunctionsVersionTests {
    /// The library as version 6 had it, in so far as it matters here: its name, its functions, its version.
    static let olderLibrary = """
        #!lua name=curfew
        local VERSION = 6
        redis.register_function{function_name = 'curfew_version', callback = function() return VERSION end,
          flags = {'no-writes'}}
        redis.register_function('curfew_tick', function() return redis.error_reply('ERR this is the older one') end)
        redis.register_function{function_name = 'curfew_overview', callback = function() return {'older'} end,
          flags = {'no-writes'}}
        """

    /// A library that answers to our names, and isn't ours.
    static let pretender = """
        #!lua name=\(FunctionLibrary.name)
        redis.register_function{function_name = '\(FunctionLibrary.named("curfew_version"))',
          callback = function() return \(FunctionLibrary.version) end, flags = {'no-writes'}}
        redis.register_function('\(FunctionLibrary.named("curfew_tick"))', function()
          redis.call('SET', 'stolen', 'yes')
          return {'version', 999}
        end)
        """

    private func load(_ source: String, on scene: FunctionsScene) async throws {
        try await scene.send("FUNCTION", "LOAD", "REPLACE", source)
    }

    private func presence(_ scene: FunctionsScene) async throws -> LoadedLibraries.Presence {
        let node = try #require(try await scene.redis.primaries().first)
        return try await scene.library.loaded(on: node).own
    }

    @Test("the version in the source is the one that the program knows")
    func sameVersion() throws {
        #expect(FunctionLibrary.source.contains("\nlocal VERSION = \(FunctionLibrary.version)\n"))
        #expect(FunctionLibrary.source.hasPrefix("#!lua name=\(FunctionLibrary.name)\n"))
    }

    @Test("a commit that is written in another way than the library reads is refused, and nothing of it is done")
    func otherFormat() async throws {
        #expect(FunctionLibrary.source.contains("\nlocal FORMAT = '\(CommitCall.format)'\n"))
        try await withFunctions { scene in
            var call = CommitWords()
            call.format = ""
            try call.statement([], [.init(0, "HSET", "field", nil)])
            call.change(keys: ["record"], "a", "value")
            let words = call
            let error = await #expect(throws: CurfewError.self) { _ = try await words.send(to: scene) }
            #expect(error?.message.contains("this library takes \(CommitCall.format)") == true)
            let exists = try await scene.send("EXISTS", "record")
            #expect(exists.integer == 0)
        }
    }

    @Test("a server without the library gets it with the first call")
    func loadsItself() async throws {
        try await withFunctions { scene in
            let before = try await scene.library.loadedVersion()
            #expect(before == nil)
            #expect(try await scene.tick()["version"]?.integer == FunctionLibrary.version)
            #expect(try await scene.library.loadedVersion() == FunctionLibrary.version)
        }
    }

    @Test(
        "functions that are flushed in the middle of a run are loaded again, and its lease still stands",
        .enabled(if: RedisServer.hasFunctions))
    func flushed() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.send("FUNCTION", "FLUSH")
            #expect(try await scene.renew("jobs", fence: "1").string == "")
            try await scene.send("FUNCTION", "FLUSH")
            #expect(try await scene.finish("jobs", fence: "1", next: "99").description == #"["ok"]"#)
        }
    }

    @Test(
        "a text of another version under our name is replaced before it is called, and nothing of it has run",
        .enabled(if: RedisServer.hasFunctions))
    func pretenderGoes() async throws {
        try await withFunctions { scene in
            try await load(Self.pretender, on: scene)
            #expect(try await presence(scene) == .other)
            try await scene.schedule("jobs", in: -1)
            #expect(try await scene.tick(.init("jobs"))["claim"]?.string == "jobs")
            #expect(try await presence(scene) == .same)
            #expect(try await scene.send("EXISTS", "stolen").integer == 0)
        }
    }

    @Test(
        "where it may not be replaced it isn't called either, and the error says what to do",
        .enabled(if: RedisServer.hasFunctions))
    func pretenderStays() async throws {
        try await withFunctions { scene in
            try await load(Self.pretender, on: scene)
            try await scene.send("ACL", "SETUSER", "default", "-function|load")
            let error = try #require(await #expect(throws: CurfewError.self) { try await scene.tick() })
            #expect(error.message.contains("another library than this program's is loaded as \(FunctionLibrary.name)"))
            #expect(error.message.contains("curfew functions | redis-cli -x FUNCTION LOAD REPLACE"))
            #expect(try await scene.send("EXISTS", "stolen").integer == 0)
        }
    }

    @Test(
        "a user who may not load it works with what an administrator has loaded, and is told where nobody has",
        .enabled(if: RedisServer.hasFunctions))
    func loadedByHand() async throws {
        try await withFunctions { scene in
            try await scene.send("ACL", "SETUSER", "default", "-function|load", "-config", "-function|delete")
            let error = try #require(await #expect(throws: CurfewError.self) { try await scene.tick() })
            #expect(error.message.contains("the functions of this program (\(FunctionLibrary.name)) are not loaded"))
            try await scene.send("ACL", "SETUSER", "loader", "on", ">secret", "+function|load")
            var configuration = scene.redis.configuration
            configuration.credentials = .init(user: "loader", password: "secret")
            try await RedisClient.withClient(configuration, logger: quietLogger) { loader in
                // As `redis-cli -x` sends what an editor has stored.
                _ = try await loader.send(RedisCommand("FUNCTION", ["LOAD", "REPLACE", FunctionLibrary.source + "\n"]))
            }
            #expect(try await scene.tick()["version"]?.integer == FunctionLibrary.version)
        }
    }

    @Test(
        "programs of several versions share a server: neither replaces the functions of the other",
        .enabled(if: RedisServer.hasFunctions))
    func sideBySide() async throws {
        try await withFunctions { scene in
            // As a newer program has it: another number in every name, and calls that are written otherwise.
            let newer = FunctionLibrary.source.replacing("\(FunctionLibrary.version)\n", with: "99\n")
                .replacing("'\(CommitCall.format)'", with: "'format-99'")
            try await load(Self.olderLibrary, on: scene)
            let engine = Engine(
                configuration: try Configuration.parse("redis: redis://x\ncleanups: {}", file: "a", environment: [:]),
                redis: scene.redis, instance: Instance(id: "one"), logger: quietLogger)
            for node in try await scene.redis.primaries() {
                let finding = try await Doctor(engine: engine).functions(node).first
                #expect(
                    finding?.message.hasSuffix("not loaded; other versions use this server, too: curfew (version 6)")
                        == true)
            }
            #expect(try await scene.tick()["version"]?.integer == FunctionLibrary.version)
            try await load(newer, on: scene)
            #expect(try await scene.tick()["version"]?.integer == FunctionLibrary.version)
            try await scene.send("FUNCTION", "DELETE", FunctionLibrary.name)
            #expect(try await scene.tick()["version"]?.integer == FunctionLibrary.version)
            #expect(try await scene.send("FCALL_RO", "curfew_version_99", "0").integer == 99)
            #expect(try await scene.send("FCALL_RO", "curfew_version", "0").integer == 6)
        }
    }

    @Test(
        "the function for people is there in all versions, and an older program can put its own in its place",
        .enabled(if: RedisServer.hasFunctions))
    func overview() async throws {
        try await withFunctions { scene in
            try await scene.library.load()
            let call = ["FCALL_RO", "curfew_overview", "1", scene.keys.schedule]
            #expect(try await scene.redis.send(RedisCommand(call[0], Array(call.dropFirst()))).count == 0)
            // What version 6 does where it finds no function that says its version.
            await #expect(throws: RedisError.self) { try await scene.send("FCALL_RO", "curfew_version", "0") }
            try await load(Self.olderLibrary, on: scene)
            try await scene.library.load()
            #expect(try await scene.redis.send(RedisCommand(call[0], Array(call.dropFirst())))[0].string == "older")
        }
    }

    @Test("of many that load at once each comes through, and the library is there")
    func manyLoad() async throws {
        try await withFunctions { scene in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await scene.library.load() } }
                try await group.waitForAll()
            }
            #expect(try await scene.library.loadedVersion() == FunctionLibrary.version)
        }
    }

    @Test("with memory used up leases are still kept and given back, but nothing is committed")
    func outOfMemory() async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: -1)
            try await scene.library.load()
            try await scene.send("CONFIG", "SET", "maxmemory", "1")
            #expect(try await scene.tick(.init("jobs"))["claim"]?.string == "jobs")
            #expect(try await scene.renew("jobs", fence: "1", "found", "1").string == "")
            var call = CommitWords()
            try call.statement([], [.init(0, "SET", "done")])
            call.change(keys: ["text"], "a")
            let error = try #require(await #expect(throws: CurfewError.self) { try await call.send(to: scene) })
            #expect(error.code == .unreachable)
            #expect(error.underlying?.server?.code == "OOM")
            #expect(error.message.contains(": OOM "))
            #expect(error.message.contains("maxmemory"))
            #expect(try await scene.send("EXISTS", "text").integer == 0)
            #expect(try await scene.finish("jobs", fence: "1", next: "99")[0].string == "ok")
        }
    }

    @Test(
        "with memory used up before the library was loaded, the error says so", .enabled(if: RedisServer.hasFunctions))
    func outOfMemoryAtFirst() async throws {
        try await withFunctions(arguments: ["--maxmemory", "1"]) { scene in
            let error = try #require(await #expect(throws: CurfewError.self) { try await scene.tick() })
            #expect(error.underlying?.server?.code == "OOM")
            #expect(error.message.contains("FUNCTION LOAD"))
        }
    }

    @Test("a read-only replica refuses every function that writes, and answers the one for people")
    func readOnly() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            // Nobody is there; what it holds it keeps.
            try await scene.send("REPLICAOF", "127.0.0.1", "1")
            var call = CommitWords()
            try call.statement([], [.init(0, "SET", "done")])
            call.change(keys: ["text"], "a")
            let attempts: [() async throws -> Void] = [
                { _ = try await scene.tick() }, { _ = try await scene.renew("jobs", fence: "1") },
                { try await scene.finish("jobs", fence: "1", next: "99") }, { _ = try await call.send(to: scene) },
            ]
            for attempt in attempts {
                let error = try #require(await #expect(throws: CurfewError.self) { try await attempt() })
                #expect(error.underlying?.server?.code == "READONLY")
            }
            guard RedisServer.hasFunctions else { return }
            let overview = try await scene.library.call(
                "curfew_overview", keys: [scene.keys.schedule], arguments: [], isReadOnly: true)
            #expect(overview.count == 1)
        }
    }
}
