/// Checks whether objects exist before they are deleted: S3 also confirms the deletion of objects that never existed.
extension ObjectStorage {
    /// How many objects are checked at the same time.
    static let mostLooks = 16

    /// The result of a check.
    enum Presence: Sendable, Equatable {
        /// The object is in the bucket.
        case there
        /// The object isn't in the bucket; for a versioned object, the latest version is a deletion.
        case absent
        /// The server doesn't say, with the reason.
        case unknown(String)
    }

    /// Checks each object separately (HEAD).
    ///
    /// Throws a `StorageError` if no answer can be trusted: the bucket doesn't exist, or the key may not read. An
    /// answer to HEAD has no body with a reason, so one object is then requested differently. The checkpoint is called
    /// before every attempt, and its error ends the check.
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
            return error.status == 404 ? .absent : .unknown("the server doesn't say whether it exists: \(error)")
        }
    }

    /// Throws the reason why objects can't be seen, other than their absence; reads at most one byte of the object.
    private func explain(_ key: String, checkpoint: @Sendable () throws -> Void) async throws {
        var request = S3Request(method: "GET", path: path(of: key), headers: [("range", "bytes=0-0")])
        request.right = "see objects in the bucket before they are deleted (s3:GetObject and s3:ListBucket)"
        do {
            try await send(request, checkpoint: checkpoint) { _ in }
        } catch let error as StorageError where error.failure?.isGone == true || error.status == 416 {
            // The object doesn't exist, or it is empty.
        }
    }

    /// Runs a body for each key, several at a time, and returns the results in order.
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

/// A result with its position: a struct, because the optimiser can make the number in a tuple read as 0.
private struct Placed<Result: Sendable>: Sendable {
    let place: Int
    let result: Result
}
