internal import Policies
internal import RedisClient

/// A place in one of Curfew's streams, after which reading begins.
public struct StreamPosition: Sendable, Hashable, ExpressibleByStringLiteral {
    enum Place: Hashable {
        case beginning, now
        case id(String)
    }

    let place: Place

    /// Before everything that the stream still has.
    public static let beginning = StreamPosition(place: .beginning)
    /// After what the stream has when the first element is asked for.
    public static let now = StreamPosition(place: .now)

    /// After the entry with this id, such as `1767225600000-0`, whether it is still there or not.
    public static func id(_ id: String) -> StreamPosition { StreamPosition(place: .id(id)) }

    /// After the entry with this id.
    public init(stringLiteral id: String) { self = .id(id) }

    private init(place: Place) { self.place = place }
}

/// The entries of one of Curfew's streams, in order, and then those that are added.
///
/// Each entry comes once, and none is left out: reading goes on after the id of the last entry, in pages of at most 500
/// that are asked for when the one before is used up, so that a slow reader holds one page and no more. To go on after
/// a restart, keep the `id` of the last element that was dealt with, and begin after it. What is older than `streams`
/// in the configuration keeps it is trimmed, read or not.
///
/// While nothing is added, Redis is asked a few times a second at first, and then once a second. Cancellation ends the
/// sequence. An error is thrown once, and ends it too; another sequence can go on after the last id. Where the
/// stream was deleted and begun anew with lower ids, because the server's clock was set back, that is an error as well.
public struct CurfewStream<Element: Sendable>: AsyncSequence, Sendable {
    /// Every error is one of Curfew's.
    public typealias Failure = CurfewError

    let client: CurfewClient
    let stream: String
    let start: StreamPosition
    /// Makes an element of an entry; nil for an entry that another program has written.
    let make: @Sendable (StreamEntry) -> Element?

    /// Begins at the start of the sequence: two iterators each have all elements.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(sequence: self) }

    /// Reads the stream.
    public struct AsyncIterator: AsyncIteratorProtocol {
        /// Every error is one of Curfew's.
        public typealias Failure = CurfewError

        private let sequence: CurfewStream
        private var position: String?
        /// Whether an entry of the stream has that position.
        private var isRead = false
        private var page: ArraySlice<StreamEntry> = []
        private var hasEnded = false

        fileprivate init(sequence: CurfewStream) {
            self.sequence = sequence
        }

        /// Each time that so many looks have found nothing, it is asked whether the stream is still the same.
        private static var looks: Int { 8 }

        /// The next element, when there is one; nil after a cancellation.
        public mutating func next() async throws(CurfewError) -> Element? {
            guard !hasEnded else { return nil }
            do {
                return try await read()
            } catch {
                hasEnded = true
                if error.code == .cancelled { return nil }
                throw error
            }
        }

        /// The next element, when there is one; nil after a cancellation.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(CurfewError) -> Element? {
            try await next()
        }

        private mutating func read() async throws(CurfewError) -> Element? {
            var retries = Retries(Backoff(first: .milliseconds(50), factor: 1.5, most: .seconds(1)))
            while true {
                while let entry = page.popFirst() {
                    if let element = sequence.make(entry.forProgram) { return element }
                }
                if Task.isCancelled { throw CurfewError(anyOf: CancellationError()) }
                let after: String
                if let position { after = position } else { after = try await sequence.first() }
                position = after
                let entries = try await sequence.entries(after: after)
                page = entries[...]
                position = entries.last?.id ?? after
                guard entries.isEmpty else {
                    isRead = true
                    continue
                }
                let wait = retries.failed()
                if isRead, retries.failures.isMultiple(of: Self.looks) {
                    try await sequence.checkGoesOn(behind: after)
                }
                do {
                    try await Task.sleep(for: wait)
                } catch {
                    throw CurfewError(anyOf: error)
                }
            }
        }
    }

    private func entries(after id: String) async throws(CurfewError) -> [StreamEntry] {
        let (engine, stream) = (client.engine, stream)
        return try await client.call { try await History(engine: engine).entries(of: stream, after: id) }
    }

    private func checkGoesOn(behind id: String) async throws(CurfewError) {
        let (engine, stream) = (client.engine, stream)
        try await client.call { try await History(engine: engine).checkGoesOn(stream, behind: id) }
    }

    /// The id after which the first entry is read.
    private func first() async throws(CurfewError) -> String {
        switch start.place {
        case .beginning: return "0-0"
        case .id(let id):
            let parts = id.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count <= 2, parts.allSatisfy({ UInt64($0) != nil }) else {
                throw CurfewError(
                    .usage, "“\(id)” is no id of a stream's entry: expected one like 1767225600000-0")
            }
            return id
        case .now:
            let (engine, stream) = (client.engine, stream)
            return try await client.call {
                try await History(engine: engine).last(1, of: stream).first?.id ?? "0-0"
            }
        }
    }
}

extension CurfewClient {
    /// What Curfew does, as it does it: one element for each change of a record, and for each error of one.
    ///
    /// - Parameter position: where to begin; ``StreamPosition/id(_:)`` with the ``CurfewEvent/id`` of the last event that
    ///   was dealt with goes on after it.
    /// - Returns: the events, whose iteration throws ``CurfewError``.
    public func events(after position: StreamPosition = .now) -> CurfewStream<CurfewEvent> {
        CurfewStream(client: self, stream: engine.keys.events, start: position, make: CurfewEvent.init)
    }

    /// The alerts that fire and resolve, and their definitions where these are new.
    ///
    /// - Parameter position: where to begin; ``StreamPosition/id(_:)`` with the ``CurfewAlert/id`` of the last alert that
    ///   was dealt with goes on after it.
    /// - Returns: the alerts, whose iteration throws ``CurfewError``.
    public func alerts(after position: StreamPosition = .now) -> CurfewStream<CurfewAlert> {
        CurfewStream(client: self, stream: engine.keys.alerts, start: position, make: CurfewAlert.init)
    }
}
