import RedisClient
import TestSupport
import Testing

@testable import Curfew

@Suite("the function library", .serialized)
struct FunctionsVersionTests {
    /// A library of our name that says it is of that version, and can do nothing else.
    static func pretender(_ version: Int) -> String {
        """
        #!lua name=curfew
        redis.register_function{function_name = 'curfew_version', callback = function() return \(version) end,
          flags = {'no-writes'}}
        """
    }

    private func load(_ source: String, on scene: FunctionsScene) async throws {
        try await scene.send("FUNCTION", "LOAD", "REPLACE", source)
    }

    @Test("the version in the source is the one that the program knows")
    func sameVersion() throws {
        #expect(FunctionLibrary.source.contains("\nlocal VERSION = \(FunctionLibrary.version)\n"))
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

    @Test("functions that are flushed in the middle of a run are loaded again, and its lease still stands")
    func flushed() async throws {
        try await withFunctions { scene in
            try await scene.claim("jobs")
            try await scene.send("FUNCTION", "FLUSH")
            #expect(try await scene.renew("jobs", fence: "1").string == "")
            try await scene.send("FUNCTION", "FLUSH")
            #expect(try await scene.finish("jobs", fence: "1", next: "99").description == #"["ok"]"#)
        }
    }

    @Test("a newer library is never replaced")
    func newerStays() async throws {
        try await withFunctions { scene in
            try await load(Self.pretender(99), on: scene)
            try await scene.library.load()
            #expect(try await scene.library.loadedVersion() == 99)
        }
    }

    @Test("a newer library that lacks a function stays too: the call fails and says which function")
    func newerLacksFunction() async throws {
        try await withFunctions { scene in
            try await load(Self.pretender(99), on: scene)
            let error = try #require(await #expect(throws: CurfewError.self) { try await scene.tick() })
            #expect(error.message.contains("curfew_tick"))
            #expect(error.message.contains("Function not found"))
            #expect(try await scene.library.loadedVersion() == 99)
        }
    }

    @Test("an older library is replaced")
    func olderGoes() async throws {
        try await withFunctions { scene in
            try await load(Self.pretender(0), on: scene)
            #expect(try await scene.library.loadedVersion() == 0)
            try await scene.library.load()
            #expect(try await scene.library.loadedVersion() == FunctionLibrary.version)
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
            #expect(error.message.contains("FCALL curfew_commit: OOM "))
            #expect(error.message.contains("maxmemory"))
            #expect(try await scene.send("EXISTS", "text").integer == 0)
            #expect(try await scene.finish("jobs", fence: "1", next: "99")[0].string == "ok")
        }
    }

    @Test("with memory used up before the library was loaded, the error says so")
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
            let overview = try await scene.library.call(
                "curfew_overview", keys: [scene.keys.schedule], arguments: [], isReadOnly: true)
            #expect(overview.count == 1)
        }
    }
}
