internal import Policies
internal import RedisClient

/// Records that are kept as JSON strings: read whole, and looked into here.
extension RecordReader {
    /// Makes records of the replies to `GET`; what is no string or no JSON is that record's error.
    func documents(_ entries: [(entry: DueEntry, key: String)], replies: [RedisValue]) async throws -> [Read] {
        let (names, loose) = (names, loose)
        var reads: [Read] = []
        reads.reserveCapacity(entries.count)
        var others: [Int] = []
        for (place, reply) in replies.enumerated() {
            let (entry, key) = entries[place]
            let missing = Record(id: entry.id, key: key, content: .missing)
            if reply.isNull {
                reads.append(.success(missing))
            } else if let text = reply.string {
                if cleanup.format == .text {
                    let place = entry.place ?? Place(entry: entry.id, name: entry.id)
                    reads.append(.success(Record(id: entry.id, key: key, content: .text(text), place: place)))
                    continue
                }
                reads.append(Self.document(text, id: entry.id, key: key, names, loose: loose))
            } else {
                let error = reply.error ?? RedisServerError(message: "unexpected reply")
                guard error.code == "WRONGTYPE" else {
                    reads.append(.failure(try Self.trouble(error, key)))
                    continue
                }
                others.append(place)
                reads.append(.success(missing))
            }
        }
        guard !others.isEmpty else { return reads }
        let types = try await redis.pipeline(others.map { RedisCommand("TYPE", [entries[$0].key]) })
        for (place, type) in zip(others, types) {
            let noun = type.string ?? "thing of unknown type"
            reads[place] = .failure(
                RecordError(
                    "\(entries[place].key) is a \(noun): expected a string\(cleanup.format == .json ? " of JSON" : "")")
            )
        }
        return reads
    }

    private static func document(
        _ text: String, id: String, key: String, _ names: [String], loose: [String]
    ) -> Read {
        do {
            return .success(try Record(id: id, key: key, document: JSONRecord(text), fields: names, loose: loose))
        } catch {
            return .failure(RecordError("\(key): \(error.message)"))
        }
    }
}
