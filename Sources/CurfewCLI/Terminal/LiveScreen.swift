internal import Curfew
internal import RedisClient

/// The status on the whole terminal, refreshed and scrolled until `q` is pressed.
struct LiveScreen {
    let engine: Engine
    let lastRuns: LastRuns
    let interval: Duration
    /// Whether everything is listed.
    let isAll: Bool

    private enum Event: Sendable {
        case refreshed(Result<Snapshot, CurfewError>)
        case pressed(Keyboard.Key)
    }

    /// Shows the status until `q` is pressed or the task is cancelled.
    func run(_ first: Snapshot) async throws {
        // A key that is held down must not make the newest status wait; the oldest events can be lost.
        let (events, continuation) = AsyncStream<Event>.makeStream(bufferingPolicy: .bufferingNewest(100))
        let keyboard = Keyboard { continuation.yield(.pressed($0)) }
        let screen = Screen()
        screen.enter()
        defer {
            screen.leave()
            keyboard?.stop()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                while true {
                    try await Task.sleep(for: interval)
                    continuation.yield(.refreshed(try await Snapshot.attempt(engine, lastRuns, isAll: isAll)))
                }
            }
            var (last, failure) = (first, String?.none)
            var scroll = Scroll()
            screen.draw(last.lines(width: screen.columns), &scroll, hasKeys: keyboard != nil)
            for await event in events {
                switch event {
                case .refreshed(.success(let snapshot)): (last, failure) = (snapshot, nil)
                case .refreshed(.failure(let error)): failure = error.message
                case .pressed(.quit):
                    group.cancelAll()
                    return
                case .pressed(let key): scroll.press(key, page: screen.page)
                }
                screen.draw(last.lines(failure: failure, width: screen.columns), &scroll, hasKeys: keyboard != nil)
            }
            // The stream ends with the task that refreshes; its error is the command's.
            try await group.waitForAll()
        }
    }
}

/// Which line is the first on the screen.
struct Scroll {
    private(set) var top = 0

    /// Moves by a key; ``limit(to:page:)`` follows before the next draw.
    mutating func press(_ key: Keyboard.Key, page: Int) {
        switch key {
        case .up: top -= 1
        case .down: top += 1
        case .pageUp: top -= page
        case .pageDown: top += page
        case .start: top = 0
        case .end: top = .max
        case .quit: break
        }
        top = max(0, top)
    }

    /// Keeps the last line at the bottom of the screen or below.
    mutating func limit(to lines: Int, page: Int) {
        top = min(top, max(0, lines - page))
    }
}
