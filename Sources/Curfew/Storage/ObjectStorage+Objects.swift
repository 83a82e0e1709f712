internal import RedisClient

extension ObjectStorage {
    /// Deletes objects: at most ``DeleteRequest/mostKeys`` in one request, and separately those that the request can't
    /// contain.
    ///
    /// Returns the result for each. Throws a `StorageError` if the results are unknown. The checkpoint is called before
    /// every attempt, and its error ends the request.
    func delete(
        _ keys: [String], checkpoint: @escaping @Sendable () throws -> Void = {}
    ) async throws -> [DeleteRequest.Outcome] {
        let places = keys.indices.filter { !DeleteRequest.canName(keys[$0]) }
        guard !places.isEmpty else { return try await deleteTogether(keys, checkpoint: checkpoint) }
        var outcomes = [DeleteRequest.Outcome](repeating: .deleted, count: keys.count)
        let others = keys.indices.filter { DeleteRequest.canName(keys[$0]) }
        for (place, outcome) in zip(others, try await deleteTogether(others.map { keys[$0] }, checkpoint: checkpoint)) {
            outcomes[place] = outcome
        }
        let alone = try await forEach(places.map { keys[$0] }) { try await deleteAlone($0, checkpoint: checkpoint) }
        for (place, outcome) in zip(places, alone) { outcomes[place] = outcome }
        return outcomes
    }

    /// Deletes one object by its path, in which every byte of its key can be written.
    private func deleteAlone(
        _ key: String, checkpoint: @Sendable () throws -> Void
    ) async throws -> DeleteRequest.Outcome {
        do {
            try await send(S3Request(method: "DELETE", path: path(of: key)), checkpoint: checkpoint) { _ in }
            return .deleted
        } catch let error as StorageError where error.code == .refused {
            return error.failure?.isGone == true ? .deleted : .kept(error.failure?.text ?? error.message)
        }
    }

    private func deleteTogether(
        _ keys: [String], checkpoint: () throws -> Void
    ) async throws -> [DeleteRequest.Outcome] {
        guard !keys.isEmpty else { return [] }
        // Compared by bytes: to Swift, two spellings of é are the same text; to S3 they are two objects.
        var seen: Set<[UInt8]> = []
        let body = DeleteRequest.body(keys.filter { seen.insert(Array($0.utf8)).inserted })
        let request = S3Request(
            method: "POST", path: configuration.path, query: [("delete", "")],
            headers: [("content-type", "application/xml"), ("content-md5", S3Signature.contentMD5(body))], body: body)
        return try await send(request, checkpoint: checkpoint) { answer throws(StorageError) in
            DeleteRequest.outcomes(of: keys, in: try document(answer, named: "DeleteResult"))
        }
    }

    /// Checks that the bucket exists and the key is valid, which is all that can be tested without deleting anything.
    ///
    /// Throws a `StorageError` with the problem. It lists at most one object instead of requesting the head of the
    /// bucket, because an answer without a body can't contain a reason.
    package func check() async throws {
        _ = try await list(prefix: "", most: 1)
    }

    /// The names of the first objects with a prefix, at most a thousand.
    package func list(prefix: String, most: Int = 1_000) async throws -> [String] {
        let request = S3Request(
            method: "GET", path: configuration.path,
            query: [("list-type", "2"), ("max-keys", String(most)), ("prefix", prefix)])
        return try await send(request) { answer throws(StorageError) in
            try document(answer, named: "ListBucketResult").children.filter { $0.name == "Contents" }
                .compactMap { $0["Key"]?.text }
        }
    }

    /// Stores an object: for the demo and for tests.
    package func put(_ key: String, _ bytes: [UInt8]) async throws {
        let request = S3Request(method: "PUT", path: path(of: key), body: bytes)
        try await send(request) { _ in }
    }

    /// Creates the bucket: for the demo and for tests.
    package func makeBucket() async throws {
        try await send(S3Request(method: "PUT", path: configuration.path)) { _ in }
    }

    func path(of key: String) -> String {
        "\(configuration.path)/\(PercentEncoding.encoded(key, keeping: "/"))"
    }

    /// The document of an answer; an error if it is another one or missing.
    private func document(_ answer: Answer, named name: String) throws(StorageError) -> XMLElement {
        let document: XMLElement
        do {
            document = try XMLElement(document: answer.body)
        } catch {
            throw StorageError(.damaged, "\(configuration.place): the answer is not XML: \(error)")
        }
        if document.name == name { return document }
        // A slow request is answered with 200 before its result is known.
        guard document.name == "Error" else {
            throw StorageError(
                .damaged, "\(configuration.place): expected a \(name) in the answer, found <\(document.name)>")
        }
        let failure = S3Failure(document)
        throw StorageError(failure.isPassing ? .busy : .refused, "\(configuration.place): \(failure.text)")
    }
}
