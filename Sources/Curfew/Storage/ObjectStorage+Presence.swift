/// Whether objects are there, before they are deleted: S3 confirms the deletion of what never was.
extension ObjectStorage {
    /// The most objects that are asked for at the same time.
    static let mostLooks = 16

    /// What is known of one object.
    enum Presence: Sendable, Equatable {
        /// It is in the bucket.
        case there
        /// It is not in the bucket; of one with versions, its last one is a deletion.
        case absent
        /// The server doesn't say: why.
        case unknown(String)
    }

    /// Asks for each object by itself (HEAD).
    ///
    /// Throws a `StorageError` where not one answer can be believed: the bucket isn't there, or the key may not look. An
    /// answer to HEAD has no body that could say so, so one object is then asked for in another way. What the checkpoint
    /// throws, which is called before every try, ends the matter.
    func presence(
        of keys: [String], checkpoint: @escaping @Sendable () throws -> Void = {}
    ) async throws -> [Presence] {
        let found = try await forEach(keys) { try await presence(of: $0, checkpoint: checkpoint) }
        if !found.contains(.there), let place = found.firstIndex(of: .absent) ?? found.indices.first {
            try await explain(keys[place], checkpoint: checkpoint)
        }
        return found
    }

    private func presence(of key: String, checkpoint: @Sendable () throws -> Void) async throws -> Presence {
        do {
            try await send(S3Request(method: "HEAD", path: path(of: key)), checkpoint: checkpoint) { _ in }
            return .there
        } catch let error as StorageError where error.code == .refused && error.status != nil {
            return error.status == 404 ? .absent : .unknown("the server doesn't say whether it is there: \(error)")
        }
    }

    /// Throws what keeps objects from being seen, apart from their absence; at most one byte of the object is read.
    private func explain(_ key: String, checkpoint: @Sendable () throws -> Void) async throws {
        var request = S3Request(method: "GET", path: path(of: key), headers: [("range", "bytes=0-0")])
        request.right = "see objects in the bucket before they are deleted (s3:GetObject and s3:ListBucket)"
        do {
            try await send(request, checkpoint: checkpoint) { _ in }
        } catch let error as StorageError where error.failure?.isGone == true || error.status == 416 {
            // It isn't there, or it is there and empty.
        }
    }

    /// Does the same with each key, some at a time, and gives back the results in order.
    func forEach<Result: Sendable>(
        _ keys: [String], _ body: @escaping @Sendable (String) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: Placed<Result>.self) { group in
            var results: [Int: Result] = [:]
            for (place, key) in keys.enumerated() {
                if place >= Self.mostLooks, let done = try await group.next() { results[done.place] = done.result }
                group.addTask {
                    let result = try await body(key)
                    return Placed(place: place, result: result)
                }
            }
            for try await done in group { results[done.place] = done.result }
            return keys.indices.compactMap { results[$0] }
        }
    }
}

/// What became of one of many, and of which: a struct, because as a tuple its number can read as 0 with the optimiser.
private struct Placed<Result: Sendable>: Sendable {
    let place: Int
    let result: Result
}
