internal import Policies
internal import RedisClient

/// Checks a few records of each cleanup: whether they exist and have the expected type.
extension Doctor {
    /// How many records of a cleanup are checked.
    private static let sample = 64
    /// The number of scan steps and their size, if the index is empty.
    private static let steps = 8, step = 500

    /// One finding for each problem with a cleanup's records, or one that there is none.
    func records() async throws -> [Finding] {
        var findings: [Finding] = []
        for cleanup in configuration.cleanups where cleanup.isEnabled {
            do {
                findings += try await records(of: cleanup)
            } catch let error as CurfewError where error.code != .unreachable {
                findings.append(Finding("records", .problem, "\(cleanup.name): \(error.message)", advice: nil))
            }
        }
        return findings.isEmpty ? [Finding("records", .ok, "samples of every cleanup are as expected")] : findings
    }

    private func records(of cleanup: Cleanup) async throws -> [Finding] {
        // Members of registries have no keys of their own to be compared with.
        guard cleanup.source?.isRegistry != true else { return [] }
        try await IndexCheck(store.redis, cleanup)?.checkScores()
        let (keys, isOfIndex) = try await sampleKeys(of: cleanup)
        guard !keys.isEmpty else {
            return [
                remark(
                    cleanup,
                    "no key matches \(cleanup.records) among about \(Self.steps * Self.step) keys of each server",
                    "fine if there are no records yet; otherwise compare records with the keys of redis-cli --scan")
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
                    "compare records with the keys of redis-cli --scan: no entry is dropped until this is corrected")
            ]
        }
        let names = RecordNames(cleanup, among: configuration.cleanups, keys: store.keys)
        let shapes = Self.remark(onShapesOf: found.compactMap { names.id(of: $0.0) }, of: cleanup)
        return [try await wrongFormat(cleanup, found), shapes].compactMap(\.self)
    }

    private func remark(_ cleanup: Cleanup, _ message: String, _ advice: String) -> Finding {
        Finding("records", .warning, "\(cleanup.name): \(message)", advice: advice)
    }

    /// The keys of records, from the index or, if it is empty, from a scan.
    private func sampleKeys(of cleanup: Cleanup) async throws -> (keys: [String], isOfIndex: Bool) {
        let index = cleanup.indexKey(store.keys)
        let command = RedisCommand("ZRANDMEMBER", [index, String(Self.sample)])
        // Problems with an index have their own finding.
        let ids = try await store.redis.pipeline([command])[0].elements.compactMap(\.string)
        if !ids.isEmpty {
            let reader = RecordReader(redis: store.redis, cleanup: cleanup, keys: store.keys)
            return (try ids.map { id throws(RecordError) in try reader.key(of: id) }, true)
        }
        let names = RecordNames(cleanup, among: configuration.cleanups, keys: store.keys)
        var keys: [String] = []
        for node in try await store.redis.primaries() {
            var cursor = "0"
            for _ in 0..<Self.steps where keys.count < Self.sample {
                let words = [cursor, "MATCH", cleanup.scanPattern, "COUNT", String(Self.step)]
                let reply = try await store.redis.send(RedisCommand("SCAN", words), to: node)
                keys += reply[1].elements.compactMap(\.string).filter { names.id(of: $0) != nil }
                cursor = reply[0].string ?? "0"
                if cursor == "0" { break }
            }
        }
        return (Array(keys.prefix(Self.sample)), false)
    }

    /// A remark on a record whose type doesn't match the cleanup.
    private func wrongFormat(_ cleanup: Cleanup, _ found: [(String, String)]) async throws -> Finding? {
        guard let expected = cleanup.recordType, let (key, type) = found.first(where: { $0.1 != expected }) else {
            return nil
        }
        let noun = cleanup.format == .json ? "a JSON string" : "a hash"
        if cleanup.format == .json, type == "hash" {
            return remark(cleanup, "\(key) is a hash: expected \(noun)", "remove format: json")
        }
        guard cleanup.format == .hash, type == "string" else {
            return remark(
                cleanup, "\(key) is a \(type): expected \(noun)", "compare records with the content of that key")
        }
        let text = try await store.redis.pipeline([RedisCommand("GET", [key])])[0].string ?? ""
        guard text.unicodeScalars.first(where: { !$0.properties.isWhitespace }) == "{" else {
            return remark(
                cleanup, "\(key) is a plain string: expected \(noun)", "compare records with the content of that key")
        }
        return remark(cleanup, "\(key) is a JSON string: expected a hash", "add format: json")
    }
}
