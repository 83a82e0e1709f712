internal import Curfew
internal import Synchronization

/// The newest runs or changes of single cleanups, found among those of all.
///
/// They are searched once per stream and cleanup; then only what is new in the stream is read. Pages that are kept up to
/// date ask again and again, and in a fleet most entries are those of other cleanups.
final class NewestEntries: Sendable {
    /// How many lists are remembered, and how many pages of new entries one read takes before it searches again.
    private static let mostLists = 128, mostPages = 10

    private struct List {
        var page: History.Page
        /// The last examined entry of the stream.
        var last: String
        var usedAt: ContinuousClock.Instant
    }

    private struct Subject: Hashable {
        let stream: String
        let cleanup: String
    }

    private let lists = Mutex<[Subject: List]>([:])

    /// The newest entries of a cleanup, newest first, and where older ones begin.
    func entries(of stream: String, cleanup: String, _ engine: Engine) async throws -> History.Page {
        let subject = Subject(stream: stream, cleanup: cleanup)
        let history = History(engine: engine)
        var list: List
        if let known = lists.withLock({ $0[subject] }), let newer = try await update(known, subject, history) {
            list = newer
        } else {
            // What is added during the search is read next time.
            let last = try await history.last(1, of: stream).first?.id ?? "0-0"
            let page = try await history.page(of: stream, CleanupView.newest, before: nil) { $0["cleanup"] == cleanup }
            let newest = page.entries.first?.id ?? last
            list = List(page: page, last: StreamEntry.isLater(newest, than: last) ? newest : last, usedAt: .now)
        }
        list.usedAt = .now
        let found = list
        lists.withLock { lists in
            lists[subject] = found
            if lists.count > Self.mostLists, let oldest = lists.min(by: { $0.value.usedAt < $1.value.usedAt })?.key {
                lists[oldest] = nil
            }
        }
        return list.page
    }

    /// Adds what is new; nil if that is too much, or if the stream no longer has what was read before.
    private func update(_ list: List, _ subject: Subject, _ history: History) async throws -> List? {
        var list = list
        for _ in 0..<Self.mostPages {
            let entries = try await history.entries(of: subject.stream, after: list.last)
            let own = entries.filter { $0["cleanup"] == subject.cleanup }
            if !own.isEmpty {
                list.page.entries = Array((own.reversed() + list.page.entries).prefix(CleanupView.newest + 1))
                if list.page.entries.count > CleanupView.newest {
                    list.page.entries.removeLast()
                    list.page.next = list.page.entries.last?.id
                }
            }
            list.last = entries.last?.id ?? list.last
            guard entries.count == History.mostNew else { return list }
        }
        return nil
    }
}

extension StreamEntry {
    /// Whether an id comes after another.
    static func isLater(_ id: String, than other: String) -> Bool {
        func parts(_ id: String) -> (UInt64, UInt64) {
            let parts = id.split(separator: "-", maxSplits: 1).map { UInt64($0) ?? 0 }
            return (parts.first ?? 0, parts.count > 1 ? parts[1] : 0)
        }
        return parts(id) > parts(other)
    }
}
