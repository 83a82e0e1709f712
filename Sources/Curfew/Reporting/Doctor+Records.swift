internal import Policies
internal import RedisClient

/// Whether what a cleanup looks for is there, and is what it expects: a look at a few records of each.
extension Doctor {
    /// How many records of a cleanup are looked at.
    private static let sample = 64
    /// How many times the keyspace is asked for more keys, and for about how many, where the index names none.
    private static let steps = 8, step = 500

    /// One finding for each thing that is odd about a cleanup's records, or one that nothing is.
    func records() async throws -> [Finding] {
        var findings: [Finding] = []
        for cleanup in configuration.cleanups where cleanup.isEnabled {
            do {
                findings += try await records(of: cleanup)
            } catch let error as CurfewError where error.code != .unreachable {
                findings.append(Finding("records", .problem, "\(cleanup.name): \(error.message)", advice: nil))
            }
        }
        return findings.isEmpty ? [Finding("records", .ok, "a sample of each cleanup's is as expected")] : findings
    }

    private func records(of cleanup: Cleanup) async throws -> [Finding] {
        try await IndexCheck(store.redis, cleanup)?.checkScores()
        let (keys, isOfIndex) = try await sampleKeys(of: cleanup)
        guard !keys.isEmpty else {
            return [
                remark(
                    cleanup,
                    "no key fits \(cleanup.records), as far as \(Self.steps * Self.step) keys of each server show",
                    "fine where nothing is there yet; else compare records with the keys of redis-cli --scan")
            ]
        }
        let types = try await store.redis.pipeline(keys.map { RedisCommand("TYPE", [$0]) })
        if let error = types.lazy.compactMap(\.error).first {
            return [.unknown("records", "TYPE", "\(cleanup.name): \(error.message)")]
        }
        let found = zip(keys, types.map { $0.string ?? "none" }).filter { $0.1 != "none" }
        guard !found.isEmpty else {
            guard isOfIndex else { return [] }
            return [
                remark(
                    cleanup, "no record under \(cleanup.records) for any of \(keys.count) entries of its index",
                    "compare records with the keys of redis-cli --scan: nothing is dropped before this is right")
            ]
        }
        let names = RecordNames(cleanup, among: configuration.cleanups, keys: store.keys)
        let shapes = Self.remark(onShapesOf: found.compactMap { names.id(of: $0.0) }, of: cleanup)
        return [try await wrongFormat(cleanup, found), shapes].compactMap(\.self)
    }

    private func remark(_ cleanup: Cleanup, _ message: String, _ advice: String) -> Finding {
        Finding("records", .warning, "\(cleanup.name): \(message)", advice: advice)
    }

    /// Keys of records: by the index or, where that names none, found among the keys there are.
    private func sampleKeys(of cleanup: Cleanup) async throws -> (keys: [String], isOfIndex: Bool) {
        let index = cleanup.indexKey(store.keys)
        let command = RedisCommand("ZRANDMEMBER", [index, String(Self.sample)])
        // What is wrong with an index is told elsewhere.
        let ids = try await store.redis.pipeline([command])[0].elements.compactMap(\.string)
        if !ids.isEmpty {
            return (try ids.map { id throws(RecordError) in try cleanup.records.expand(id: id) { _ in nil } }, true)
        }
        let names = RecordNames(cleanup, among: configuration.cleanups, keys: store.keys)
        var keys: [String] = []
        for node in try await store.redis.primaries() {
            var cursor = "0"
            for _ in 0..<Self.steps where keys.count < Self.sample {
                let words = [cursor, "MATCH", cleanup.records.scanPattern, "COUNT", String(Self.step)]
                let reply = try await store.redis.send(RedisCommand("SCAN", words), to: node)
                keys += reply[1].elements.compactMap(\.string).filter { names.id(of: $0) != nil }
                cursor = reply[0].string ?? "0"
                if cursor == "0" { break }
            }
        }
        return (Array(keys.prefix(Self.sample)), false)
    }

    /// A record that is kept in another way than the cleanup expects.
    private func wrongFormat(_ cleanup: Cleanup, _ found: [(String, String)]) async throws -> Finding? {
        guard let expected = cleanup.recordType, let (key, type) = found.first(where: { $0.1 != expected }) else {
            return nil
        }
        let noun = cleanup.format == .json ? "a string of JSON" : "a hash"
        if cleanup.format == .json, type == "hash" {
            return remark(cleanup, "\(key) is a hash: expected \(noun)", "leave format: json out")
        }
        guard cleanup.format == .hash, type == "string" else {
            return remark(cleanup, "\(key) is a \(type): expected \(noun)", "compare records with what is at that key")
        }
        let text = try await store.redis.pipeline([RedisCommand("GET", [key])])[0].string ?? ""
        guard text.unicodeScalars.first(where: { !$0.properties.isWhitespace }) == "{" else {
            return remark(
                cleanup, "\(key) is a plain string: expected \(noun)", "compare records with what is at that key")
        }
        return remark(cleanup, "\(key) is a string that holds JSON: expected a hash", "add format: json")
    }
}
