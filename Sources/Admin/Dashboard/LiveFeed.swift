internal import Curfew
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Keeps open pages up to date, with one reader of Redis per instance, however many pages are open.
///
/// While pages are open, it reads their data every two seconds, builds the parts that change, and sends changed parts
/// to every page of that subject. While no page is open, it reads nothing.
final class LiveFeed: Sendable {
    /// How many pages are kept up to date at once, and how many different subjects.
    static let mostWatchers = 500, mostSubjects = 32
    /// How many messages may wait for a slow page; at one more, the page is disconnected.
    static let mostWaiting = 8
    /// How long a page is kept up to date before it must reconnect with a valid credential.
    static let longest: Duration = .seconds(900)
    /// After this many refreshes without news, a page gets a comment, which shows whether it is still connected.
    static let quietReadings = 7
    /// Slow parts are sent with every reading of this number.
    static let slowReadings = 5

    /// One open page.
    struct Watcher: Sendable {
        let subject: LiveSubject
        /// The credential of the page; nil if none was needed.
        let pass: Pass?
        /// The number of configuration reloads when the page connected.
        let reloads: Int
        let messages: AsyncStream<ByteBuffer>.Continuation
        /// Closes the connection of a page that no longer reads.
        let drop: @Sendable () -> Void
        let end: ContinuousClock.Instant
        /// Which parts it showed when it connected; nil if it didn't say, and isn't told.
        let version: String?
        /// Whether the parts of the page have been sent to it.
        var isCurrent = false
    }

    private struct State {
        var watchers: [Int: Watcher] = [:]
        var nextID = 0
        /// What current pages show.
        var shown: [LiveSubject: [String: ShownPart]] = [:]
        /// How many readings there were.
        var readings = 0
        var quiet = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wake: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private let interval: Duration
    private let logger: Logger
    private let admitted: @Sendable ([Pass]) async -> Set<Pass>
    private let reloads: @Sendable () -> Int
    private let read: @Sendable (LiveSubject) async throws -> [Fragment]

    /// Creates the feed.
    ///
    /// - Parameters:
    /// - interval: the pause between refreshes.
    /// - admitted: returns the credentials that are still valid.
    /// - reloads: the number of configuration reloads; a reload disconnects earlier pages.
    /// - read: reads the data of a page and builds its parts.
    init(
        interval: Duration = .seconds(2), logger: Logger,
        admitted: @escaping @Sendable ([Pass]) async -> Set<Pass> = { Set($0) },
        reloads: @escaping @Sendable () -> Int = { 0 },
        read: @escaping @Sendable (LiveSubject) async throws -> [Fragment]
    ) {
        self.interval = interval
        self.logger = logger
        self.admitted = admitted
        self.reloads = reloads
        self.read = read
        (wake, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// How many pages are open.
    var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// Connects a page; returns its messages and the number to ``leave(_:)`` with.
    ///
    /// Returns nil if too many pages are open.
    ///
    /// - Parameter version: which parts the page shows already, as its last message said; nil for none.
    func watch(
        _ subject: LiveSubject, by pass: Pass? = nil, at version: String? = nil, drop: @escaping @Sendable () -> Void
    ) -> (id: Int, messages: AsyncStream<ByteBuffer>)? {
        let (messages, continuation) = AsyncStream<ByteBuffer>.makeStream(
            bufferingPolicy: .bufferingOldest(Self.mostWaiting))
        let reloads = reloads()
        let id = state.withLock { state -> Int? in
            let subjects = Set(state.watchers.values.map(\.subject))
            guard !state.isStopped, state.watchers.count < Self.mostWatchers,
                subjects.contains(subject) || subjects.count < Self.mostSubjects
            else { return nil }
            state.nextID += 1
            state.watchers[state.nextID] = Watcher(
                subject: subject, pass: pass, reloads: reloads, messages: continuation, drop: drop,
                end: .now.advanced(by: Self.longest), version: version)
            return state.nextID
        }
        guard let id else { return nil }
        waker.yield()
        return (id, messages)
    }

    /// Disconnects a closed page.
    func leave(_ id: Int) {
        state.withLock { $0.watchers.removeValue(forKey: id) }?.messages.finish()
    }

    /// Refreshes pages until a graceful shutdown or cancellation.
    func run() async {
        await withTaskCancellationOrGracefulShutdownHandler {
            for await _ in wake {
                while await runOnce() {
                    // Checked twice as often: a page ends with the session it was opened in.
                    do {
                        try await Task.sleep(for: interval / 2)
                        await dismiss()
                        try await Task.sleep(for: interval / 2)
                    } catch { break }
                }
            }
        } onCancelOrGracefulShutdown: {
            self.stop()
        }
        stop()
    }

    /// Ends every page's stream and accepts no more.
    func stop() {
        let watchers = state.withLock { state in
            state.isStopped = true
            defer { state.watchers = [:] }
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.messages.finish() }
        waker.finish()
    }

    /// Refreshes all open pages; false if there are none.
    func runOnce() async -> Bool {
        let subjects = state.withLock { state -> Set<LiveSubject> in
            let subjects = Set(state.watchers.values.map(\.subject))
            state.shown = state.shown.filter { subjects.contains($0.key) }
            return subjects
        }
        guard !subjects.isEmpty else { return false }
        var news: [LiveSubject: [Fragment]] = [:]
        for subject in subjects {
            do {
                news[subject] = try await read(subject) + [.connected]
            } catch {
                logger.debug("a page can't be refreshed", metadata: ["error": "\(error)"])
                let text = "This page is out of date: \(Self.reason(error))"
                news[subject] = [
                    Fragment(
                        id: Fragment.connected.id, content: .element("p", ["class": "notice critical"]) { text })
                ]
            }
        }
        await dismiss()
        send(news)
        return true
    }

    /// Disconnects pages whose credential is no longer valid, and all pages from before a configuration reload.
    func dismiss() async {
        let watchers = state.withLock { $0.watchers }
        guard !watchers.isEmpty else { return }
        let passes = Set(watchers.values.compactMap(\.pass))
        let admitted = passes.isEmpty ? [] : await admitted(Array(passes))
        let reloads = reloads()
        let gone = watchers.filter { _, watcher in
            watcher.reloads != reloads || !(watcher.pass.map(admitted.contains) ?? true)
        }.keys
        let ended = state.withLock { state in gone.compactMap { state.watchers.removeValue(forKey: $0) } }
        for watcher in ended { watcher.messages.finish() }
    }

    /// What the pages of a subject are sent.
    private struct News {
        let fragments: [Fragment]
        let parts: [ShownPart]
        /// What has changed since the last reading.
        let changed: ByteBuffer?
        /// The same for pages that are told which parts they have.
        let changedWithVersion: ByteBuffer?
        let version: String

        /// What a page is sent first: what it doesn't show yet.
        func first(at known: String?) -> ByteBuffer? {
            LiveMessage(LiveMessage.missing(fragments, parts, at: known)).bytes(version: known == nil ? nil : version)
        }
    }

    private static func news(_ fragments: [Fragment], _ shown: inout [String: ShownPart], isSlowDue: Bool) -> News {
        let parts = fragments.map(ShownPart.init)
        var changed: [(fragment: Fragment, new: ShownPart, shown: ShownPart?)] = []
        for (fragment, part) in zip(fragments, parts) {
            let before = shown[fragment.id]
            guard before?.signature != part.signature, !fragment.isSlow || isSlowDue || before == nil else { continue }
            changed.append((fragment, part, before))
            shown[fragment.id] = part
        }
        let version = LiveMessage.version(fragments.compactMap { shown[$0.id] })
        let message = LiveMessage(changed)
        return News(
            fragments: fragments, parts: parts, changed: message.bytes(),
            changedWithVersion: message.bytes(version: version), version: version)
    }

    private func send(_ news: [LiveSubject: [Fragment]]) {
        let now = ContinuousClock.now
        let dropped = state.withLock { state -> [Watcher] in
            state.readings += 1
            let isSlowDue = state.readings.isMultiple(of: Self.slowReadings)
            var messages: [LiveSubject: News] = [:]
            for (subject, fragments) in news {
                messages[subject] = Self.news(fragments, &state.shown[subject, default: [:]], isSlowDue: isSlowDue)
            }
            state.quiet = messages.values.contains { $0.changed != nil } ? 0 : state.quiet + 1
            let isCommentDue = state.quiet >= Self.quietReadings
            if isCommentDue { state.quiet = 0 }
            var dropped: [Watcher] = []
            for (id, watcher) in state.watchers {
                guard watcher.end > now else {
                    watcher.messages.finish()
                    state.watchers[id] = nil
                    continue
                }
                guard let message = messages[watcher.subject] else { continue }
                state.watchers[id]?.isCurrent = true
                let changed = watcher.version == nil ? message.changed : message.changedWithVersion
                let bytes =
                    watcher.isCurrent
                    ? changed ?? (isCommentDue ? Self.comment : nil) : message.first(at: watcher.version)
                guard let bytes else { continue }
                if case .enqueued = watcher.messages.yield(bytes) { continue }
                // Its messages pile up: the page no longer reads them.
                watcher.messages.finish()
                state.watchers[id] = nil
                dropped.append(watcher)
            }
            return dropped
        }
        for watcher in dropped { watcher.drop() }
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as AdminError: error.message
        case let error as CurfewError: error.message
        default: "internal error; see the log of this instance"
        }
    }

    private static let comment = ByteBuffer(string: ": keep-alive\n\n")
}
