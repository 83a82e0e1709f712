internal import Algorithms
internal import Policies
internal import RedisClient

/// Records that don't fit: their sizes are asked first, and they are read as many at a time as fit.
///
/// Whoever owns a record decides how large its fields are. A page is read without a look at sizes, because almost all
/// records are small, and the client drops what goes beyond ``ReplySize``. Of those records the sizes are then asked: one
/// with a value that is too large is an error of that record, the others are read in smaller pieces.
extension RecordReader {
    /// How many bytes of records are read at once, where their sizes are known.
    static let mostBytes = ReplySize.requestBytes / 2
    /// The most records whose sizes are asked at once: each field of each is a command.
    static let mostSized = 20

    /// How many commands ask for the size of one record.
    private var sizeCount: Int { isReadByFields ? names.count : 1 }

    /// What asks for the sizes of records.
    func sizeCommands(for keys: [String]) -> [RedisCommand] {
        guard isReadByFields else { return keys.map { RedisCommand("STRLEN", [$0]) } }
        return keys.flatMap { key in names.map { RedisCommand("HSTRLEN", [key, $0]) } }
    }

    /// The size of each record, from the replies to ``sizeCommands(for:)``, or what is too large about it.
    ///
    /// Where a size can't be asked, because the key is of another type, the record counts as small: reading it says why. A
    /// user without the right to ask reads it alone.
    func sizes(of keys: [String], _ replies: ArraySlice<RedisValue>) -> [Result<Int, RecordError>] {
        keys.enumerated().map { number, key in
            let start = replies.startIndex + number * sizeCount
            var (sum, isKnown) = (0, true)
            for place in 0..<sizeCount {
                let reply = replies[start + place]
                if let error = reply.error, error.code != "WRONGTYPE" { isKnown = false }
                guard reply.kind == .integer, let size = reply.integer.flatMap(Int.init(exactly:)) else { continue }
                guard size <= ReplySize.recordValueBytes else {
                    let what = isReadByFields ? "\(key): \(names[place])" : key
                    return .failure(
                        RecordError("\(what) has \(size) bytes: expected at most \(ReplySize.recordValueBytes)"))
                }
                sum += size
            }
            guard sum <= Self.mostBytes else {
                let all = "the fields that are read of \(key) have \(sum) bytes together"
                return .failure(RecordError("\(all): expected at most \(Self.mostBytes)"))
            }
            return .success(isKnown ? sum : Self.mostBytes)
        }
    }

    /// Reads the records whose replies were too large, and leaves the others as they are.
    func readLarge(
        _ places: [Int], _ entries: [(entry: DueEntry, key: String)], known: [RedisValue], _ reads: inout [Read]
    ) async throws {
        for part in places.chunks(ofCount: Self.mostSized) {
            let keys = part.map { entries[$0].key }
            let sizes = self.sizes(of: keys, try await redis.pipeline(sizeCommands(for: keys))[...])
            for (place, size) in zip(part, sizes) {
                let entry = entries[place]
                if case .failure(let error) = size {
                    reads[place] = .failure(error)
                    continue
                }
                let replies = try await redis.pipeline([commands(for: [entry])[looksAtLocks ? 2 : 0]])
                let looks = known.isEmpty ? [] : [known[place], known[entries.count + place]]
                reads[place] = try await records([entry], replies: looks + replies, isLast: true)[0]
            }
        }
    }
}
