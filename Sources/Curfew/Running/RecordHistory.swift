internal import Policies
internal import RedisClient

/// The story of one record: what happened to it across all runs, and what would happen to it now.
package struct RecordHistory: Sendable, Encodable {
    /// The record.
    package var id: String
    /// What each cleanup that has the record would do with it now; empty if the record doesn't exist.
    package var now: [Explanation]
    /// Its events, newest first.
    package var items: [Item]
    /// Where the next page begins; nil at the end.
    package var next: String?
    /// How many events of all records were examined.
    package var examined: Int
    /// Whether the search ended because it had examined as many as it may; it continues at ``next``.
    package var limitReached: Bool
    /// For how long events are kept.
    package var kept: String

    /// One event.
    package struct Item: Sendable, Encodable {
        /// The event.
        package var entry: StreamEntry
        /// The run that undid the change, if one did.
        package var undoneBy: String?
        /// Whether it is a change that may be undone.
        package var undoable: Bool

        private enum CodingKeys: String, CodingKey {
            case undoneBy, undoable
        }

        /// Encodes the event, and what is known of it besides.
        package func encode(to encoder: any Encoder) throws {
            try TypedEntry(entry).encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(undoneBy, forKey: .undoneBy)
            try container.encode(undoable, forKey: .undoable)
        }
    }

    /// How many events one page has at most.
    package static let mostListed = 100

    /// Whether anything is known of the record.
    package var isKnown: Bool { !now.isEmpty || !items.isEmpty || limitReached }

    /// What the list of events leaves open, in a sentence; nil if it is whole and not empty.
    package var remark: String? {
        if limitReached {
            return
                "the newest \(examined.grouped) events of all records were examined; there may be older ones of this record"
        }
        return items.isEmpty && next == nil ? "no event of it in the history, which is kept for \(kept)" : nil
    }
}

extension RecordHistory {
    /// Reads the story of a record; what is asked for is its id, or its key.
    ///
    /// Throws a usage error if there is no such cleanup. A record that nothing is known of isn't ``isKnown``.
    ///
    /// - Parameters:
    ///   - cleanup: only that cleanup; nil for all of them.
    ///   - before: the `next` of the previous page.
    package static func read(
        _ asked: String, cleanup: String?, limit: Int = 50, before: String? = nil, _ engine: Engine
    ) async throws(CurfewError) -> RecordHistory {
        if let cleanup, try await !engine.hasHad(cleanup: cleanup) { throw engine.unknown(cleanup: cleanup) }
        let history = try await story(of: asked, cleanup: cleanup, limit, before, engine)
        guard !history.isKnown else { return history }
        // Whoever looks at Redis knows the key.
        let ids = engine.cleanups(named: cleanup).compactMap { engine.names(of: $0).id(of: asked) }
        for id in Set(ids).sorted() where id != asked {
            let other = try await story(of: id, cleanup: cleanup, limit, before, engine)
            if other.isKnown { return other }
        }
        return history
    }

    private static func story(
        of id: String, cleanup: String?, _ limit: Int, _ before: String?, _ engine: Engine
    ) async throws(CurfewError) -> RecordHistory {
        let search = RecordSearch(engine.redis, engine.keys.events, record: id, cleanup: cleanup)
        async let explained = engine.explanations(of: id, by: engine.cleanups(named: cleanup))
        let found: RecordSearch.Page
        let now: [Explanation]
        do {
            found = try await search.page(limit, before: before)
            now = try await explained
        } catch {
            throw CurfewError(thrown: error) ?? CurfewError(.server, "\(error)")
        }
        return RecordHistory(
            id: id, now: now, items: items(found.entries, engine), next: found.next, examined: found.examined,
            limitReached: found.isCut, kept: engine.configuration.streams.events.text)
    }

    /// The events with what became of them: an undo names the run that it undid.
    private static func items(_ entries: [StreamEntry], _ engine: Engine) -> [Item] {
        var undone: [String: String] = [:]
        return entries.map { entry in
            let event = Event(entry)
            func name(_ run: some StringProtocol) -> String { "\(event.cleanup)\u{0}\(run)" }
            if event.action == Undo.action {
                if let run = Undo.run(undoneAccordingTo: event.reason) { undone[name(run)] = event.run }
                return Item(entry: entry, undoneBy: nil, undoable: false)
            }
            let undoneBy = undone[name(event.run)]
            let isChange = !event.run.isEmpty && ![Change.errorAction, "delete"].contains(event.action)
            let isConfigured = engine.configuration.cleanup(named: event.cleanup) != nil
            return Item(entry: entry, undoneBy: undoneBy, undoable: isChange && isConfigured && undoneBy == nil)
        }
    }
}

/// The result of one child task, created outside of `do throws` (`OptimisedChildTaskTests`).
private struct Explained: Sendable {
    /// How many cleanups are asked at once.
    static let mostAtOnce = 32

    let number: Int
    let result: Result<Explanation?, CurfewError>
}

extension Engine {
    /// One cleanup, or all of them.
    fileprivate func cleanups(named name: String?) -> [Cleanup] {
        configuration.cleanups.filter { name == nil || $0.name == name }
    }

    /// Whether there is a cleanup of that name, or was one whose runs are still known.
    fileprivate func hasHad(cleanup name: String) async throws(CurfewError) -> Bool {
        if try await knows(cleanup: name) { return true }
        return try await !redis.reply(to: RedisCommand("HGET", [keys.fence, name])).isNull
    }

    /// What each of the cleanups would do with a record, as far as they have it.
    ///
    /// Several are asked at once: each takes a few round trips, and there may be thousands of them.
    fileprivate func explanations(of id: String, by cleanups: [Cleanup]) async throws(CurfewError) -> [Explanation] {
        var found: [Int: Result<Explanation?, CurfewError>] = [:]
        await withTaskGroup(of: Explained.self) { group in
            for (number, cleanup) in cleanups.enumerated() {
                if number >= Explained.mostAtOnce, let next = await group.next() { found[next.number] = next.result }
                group.addTask {
                    let result: Result<Explanation?, CurfewError>
                    do throws(CurfewError) {
                        result = .success(try await explanation(of: id, by: cleanup))
                    } catch {
                        result = .failure(error)
                    }
                    return Explained(number: number, result: result)
                }
            }
            for await next in group { found[next.number] = next.result }
        }
        var explanations: [Explanation] = []
        for number in cleanups.indices {
            if let explanation = try found[number]?.get() { explanations.append(explanation) }
        }
        return explanations
    }

    /// What a cleanup would do with a record; nil if it doesn't have it.
    private func explanation(of id: String, by cleanup: Cleanup) async throws(CurfewError) -> Explanation? {
        do {
            let explanation = try await Explanation.make(engine: self, cleanup: cleanup, id: id)
            return try await has(explanation) ? explanation : nil
        } catch {
            // An id that can't be one of this cleanup's records may be another's.
            guard error.code != .usage else { return nil }
            guard [.server, .damaged].contains(error.code) else { throw error }
            return .failed(error, cleanup: cleanup, id: id)
        }
    }
}
