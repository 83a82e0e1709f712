package import Curfew
internal import HTTPTypes
internal import Policies

extension AdminService {
    /// The most entries of one page.
    package static let mostListed = 100

    /// One page of a list.
    package struct Listing: Sendable, Encodable {
        /// The entries of the stream: their ids, and their fields as strings.
        package var items: [[String: String]]
        /// The `cursor` of the next page; nil at the end.
        package var next: String?

        init(_ page: History.Page) {
            items = page.entries.map(\.object)
            next = page.next
        }
    }

    /// The requested part of a list.
    package struct Part: Sendable {
        /// The most entries.
        package var limit: Int
        /// The last id of the previous page.
        package var cursor: String?

        /// The first entries, or those after a cursor.
        package init(limit: Int = 50, cursor: String? = nil) {
            self.limit = limit
            self.cursor = cursor
        }
    }

    /// Ended runs, newest first.
    package func runs(_ part: Part = Part(), cleanup: String? = nil) async throws -> Listing {
        let engine = engine
        let page = try await History(engine: engine).page(of: engine.keys.runs, part.limit, before: part.cursor) {
            entry in
            cleanup.map { entry["cleanup"] == $0 } ?? true
        }
        return Listing(page)
    }

    /// Single changes, newest first: of one run, of one cleanup, or of all.
    package func events(
        _ part: Part = Part(), run: String? = nil, cleanup: String? = nil
    ) async throws -> Listing {
        let engine = engine
        let page = try await History(engine: engine).page(of: engine.keys.events, part.limit, before: part.cursor) {
            entry in
            (run.map { entry["run"] == $0 } ?? true) && (cleanup.map { entry["cleanup"] == $0 } ?? true)
        }
        return Listing(page)
    }

    /// The record errors of a run, newest first.
    package func errors(of run: String, _ part: Part = Part()) async throws -> Listing {
        let engine = engine
        let page = try await History(engine: engine).page(of: engine.keys.events, part.limit, before: part.cursor) {
            $0["run"] == run && $0["action"] == Change.errorAction
        }
        return Listing(page)
    }

    /// The alert history, newest first.
    package func alerts(_ part: Part = Part()) async throws -> Listing {
        let engine = engine
        return Listing(
            try await History(engine: engine).page(of: engine.keys.alerts, part.limit, before: part.cursor))
    }

    /// Measurements, newest first: of runs (`run`) or of instances (`instance`).
    package func metrics(
        _ part: Part = Part(), kind: String = "run", cleanup: String? = nil
    ) async throws -> [StreamEntry] {
        let engine = engine
        return try await History(engine: engine).page(of: engine.keys.metrics, part.limit, before: part.cursor) {
            entry in
            entry["kind"] == kind && (cleanup.map { entry["cleanup"] == $0 } ?? true)
        }.entries
    }

    /// One run, from the history or, if it is not finished, from its lease; throws 404 if there is none.
    package func run(_ id: String) async throws -> [String: String] {
        let engine = engine
        guard let run = try await engine.run(id) else {
            throw AdminError(.notFound, engine.unknown(run: id).message)
        }
        return run
    }

    /// One run with the newest runs that undid it, or its change of one record; throws 404 if there is none.
    ///
    /// An undo comes after its run, so the search for the run passes by it.
    func runWithUndos(_ id: String) async throws -> (run: [String: String], undos: [StreamEntry]) {
        let engine = engine
        var undos: [StreamEntry] = []
        let run = try await engine.run(id) { entry in
            if entry["undoes"] == id, undos.count < 10 { undos.append(entry) }
        }
        guard let run else { throw AdminError(.notFound, engine.unknown(run: id).message) }
        return (run, undos)
    }
}
