package import Curfew
internal import HTTPTypes
internal import RedisClient

extension AdminService {
    /// The most bytes of a record's id in a request.
    static let longestID = 4_096

    /// The story of one record: its events across runs, and what would happen to it now.
    ///
    /// Throws 404 if there is no such cleanup, or nothing is known of the record.
    ///
    /// - Parameters:
    ///   - id: the record's id, or its key.
    ///   - cleanup: only that cleanup; nil for all of them.
    package func record(_ id: String, cleanup: String? = nil, _ part: Part = Part()) async throws -> RecordHistory {
        guard !id.isEmpty, ByteText.count(of: id) <= Self.longestID else {
            throw AdminError(.badRequest, "id: expected the id of a record, of 1 to \(Self.longestID) bytes")
        }
        let engine = engine
        let history: RecordHistory
        do {
            history = try await searching.taken {
                try await RecordHistory.read(id, cleanup: cleanup, limit: part.limit, before: part.cursor, engine)
            }
        } catch let error as CurfewError where error.code == .usage {
            throw AdminError(.notFound, error.message)
        }
        // The end of a list is an empty page, and no unknown record.
        guard history.isKnown || part.cursor != nil else {
            throw AdminError(.notFound, engine.unknown(record: id).message)
        }
        return history
    }
}
