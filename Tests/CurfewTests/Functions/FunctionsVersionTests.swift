import RedisClient
import TestNeeds
import TestSupport
import Testing

@testable import Curfew

@Suite("the function library", .tags(.ownServer))
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

    /// As a newer program has it: another number in every name, and calls that are written otherwise.
    static let newerLibrary = FunctionLibrary.source.replacing(FunctionLibrary.version, with: "99_0123abcd")
        .replacing("'\(FunctionLibrary.formatWord)'", with: "'format-99'")

    /// A library that answers to our names, and isn't ours.
    static let pretender = """
        #!lua name=\(FunctionLibrary.name)
        redis.register_function{function_name = '\(RedisFunction.version.name)',
          callback = function() return '\(FunctionLibrary.version)' end, flags = {'no-writes'}}
        redis.register_function('\(RedisFunction.tick.name)', function()
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

    @Test("the version is made of the format and of all that is loaded, so that another text is another version")
    func ownVersion() throws {
        let lines = FunctionLibrary.source.split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
        try #require(lines.count == 3)
        let digest = FunctionLibrary.digest(of: "\(FunctionLibrary.format)\n\(lines[2])").prefix(8)
        #expect(FunctionLibrary.version == "\(FunctionLibrary.format)_\(digest)")
        #expect(lines[0] == "#!lua name=\(FunctionLibrary.name)" && lines[0].hasSuffix("_\(digest)"))
        #expect(lines[1] == "local FORMAT, VERSION = 'format-\(FunctionLibrary.format)', '\(FunctionLibrary.version)'")
    }

    @Test("a server has the functions that the program calls, and no others", .enabled(if: RedisServer.hasFunctions))
    func names() async throws {
        try await withFunctions { scene in
            try await scene.library.load()
            let list = try await scene.send("FUNCTION", "LIST").elements.flatMap {
                $0.named["functions"]?.elements ?? []
            }
            var isReading: [String: Bool] = [:]
            for function in list.map(\.named) {
                let flags = function["flags"]?.elements.compactMap(\.string) ?? []
                isReading[function["name"]?.string ?? ""] = flags.contains("no-writes")
            }
            let expected = RedisFunction.allCases.map { ($0.name, $0.isReadOnly) }
            #expect(isReading == Dictionary(expected) { first, _ in first })
        }
    }

    @Test("a commit that is written in another way than the library reads is refused, and nothing of it is done")
    func otherFormat() async throws {
        try await withFunctions { scene in
            var call = CommitWords()
            call.arguments.format = ""
            try call.statement([], [.init(0, "HSET", "field", nil)])
            call.change(keys: ["record"], "a", "value")
            let words = call
            let error = await #expect(throws: CurfewError.self) { _ = try await words.send(to: scene) }
            #expect(error?.message.contains("this library takes \(FunctionLibrary.formatWord)") == true)
            let exists = try await scene.send("EXISTS", "record")
            #expect(exists.integer == 0)
        }
    }

    @Test("a server without the library gets it with the first call")
    func loadsItself() async throws {
        try await withFunctions { scene in
            let before = try await scene.library.isLoaded()
            #expect(!before)
            #expect(try await scene.tick()["version"]?.string == FunctionLibrary.version)
            #expect(try await scene.library.isLoaded())
        }
    }

    @Test(
        "functions that are flushed in the middle of a run are loaded again, and its lease still stands",
        .enabled(if: RedisServer.hasFunctions))
    func flushed() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.send("FUNCTION", "FLUSH")
            #expect(try await scene.renew("jobs", fence: "1") == .renewed(cancelledBy: nil))
            try await scene.send("FUNCTION", "FLUSH")
            #expect(try await scene.finish("jobs", fence: "1", next: 99) == .init(alerts: [], definition: nil))
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
            #expect(error.message.contains("the library loaded as \(FunctionLibrary.name) on "))
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
            #expect(try await scene.tick()["version"]?.string == FunctionLibrary.version)
        }
    }

    @Test(
        "programs of several versions share a server: neither replaces the functions of the other",
        .enabled(if: RedisServer.hasFunctions))
    func sideBySide() async throws {
        try await withFunctions { scene in
            let newer = Self.newerLibrary
            try await load(Self.olderLibrary, on: scene)
            let engine = Engine(
                configuration: try Configuration.parse("redis: redis://x\ncleanups: {}", file: "a", environment: [:]),
                redis: scene.redis, instance: Instance(id: "one"), logger: quietLogger)
            for node in try await scene.redis.primaries() {
                let finding = try await Doctor(engine: engine).functions(node).first
                #expect(
                    finding?.message.hasSuffix("not loaded; other versions also use this server: curfew (version 6)")
                        == true)
            }
            #expect(try await scene.tick()["version"]?.string == FunctionLibrary.version)
            try await load(newer, on: scene)
            #expect(try await scene.tick()["version"]?.string == FunctionLibrary.version)
            try await scene.send("FUNCTION", "DELETE", FunctionLibrary.name)
            #expect(try await scene.tick()["version"]?.string == FunctionLibrary.version)
            #expect(try await scene.send("FCALL_RO", "curfew_version_99_0123abcd", "0").string == "99_0123abcd")
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
            #expect(try await scene.library.isLoaded())
        }
    }

    @Test("with memory used up leases are still kept and given back, but nothing is committed")
    func outOfMemory() async throws {
        try await withFunctions { scene in
            try await scene.schedule("jobs", in: -1)
            try await scene.library.load()
            try await scene.send("CONFIG", "SET", "maxmemory", "1")
            #expect(try await scene.tick(.init("jobs"))["claim"]?.string == "jobs")
            #expect(try await scene.renew("jobs", fence: "1", ["found": "1"]) == .renewed(cancelledBy: nil))
            var call = CommitWords()
            try call.statement([], [.init(0, "SET", "done")])
            call.change(keys: ["text"], "a")
            let error = try #require(await #expect(throws: CurfewError.self) { try await call.send(to: scene) })
            #expect(error.code == .unreachable)
            #expect(error.underlying?.server?.code == "OOM")
            #expect(error.message.contains(": OOM "))
            #expect(error.message.contains("maxmemory"))
            #expect(try await scene.send("EXISTS", "text").integer == 0)
            #expect(try await scene.finish("jobs", fence: "1", next: 99) != nil)
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
                { try await scene.finish("jobs", fence: "1", next: 99) }, { _ = try await call.send(to: scene) },
            ]
            for attempt in attempts {
                let error = try #require(await #expect(throws: CurfewError.self) { try await attempt() })
                #expect(error.underlying?.server?.code == "READONLY")
            }
            guard RedisServer.hasFunctions else { return }
            let overview = try await scene.library.call(OverviewCall(keys: scene.keys))
            #expect(overview.count == 1)
        }
    }
}
