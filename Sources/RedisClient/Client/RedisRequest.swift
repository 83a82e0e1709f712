internal import NIOCore
internal import Synchronization

/// Commands that one caller sent together and waits for together.
///
/// They are encoded on the caller's thread. The request is finished exactly once, by the replies, a failure or the
/// cancellation of the caller; later attempts have no effect.
final class RedisRequest: Sendable {
    typealias Outcome = Result<[RedisValue], RedisError>

    private enum State {
        /// No caller waits yet. Becomes `awaited` or `finished`.
        case pending
        /// The caller waits. Becomes `finished`.
        case awaited(CheckedContinuation<Void, Never>)
        /// The outcome, and when it became known.
        case finished(Outcome, at: ContinuousClock.Instant)
    }

    /// The encoded commands.
    let bytes: ByteBuffer
    /// The number of replies.
    let count: Int
    /// Whether all commands may be sent again.
    let isIdempotent: Bool
    /// The size limit of the replies: the strictest of the commands.
    let replySize: ReplySize
    /// When it fails.
    let deadline: NIODeadline
    /// When the caller started to wait.
    let started: NIODeadline
    /// The time limit, for messages.
    let timeout: Duration

    private let first: RedisCommand
    private let state = Mutex(State.pending)
    private let predecessor: Mutex<RedisRequest?>
    private let written = Mutex<ContinuousClock.Instant?>(nil)

    /// Encodes at least one command; the request waits until its predecessor is finished.
    init(
        _ commands: [RedisCommand], after predecessor: RedisRequest? = nil, timeout: Duration,
        now: NIODeadline = .now()
    ) {
        self.predecessor = Mutex(predecessor)
        var capacity = 0
        var isIdempotent = true
        var replySize = ReplySize.usual
        for command in commands {
            capacity += command.maximumByteCount
            if command.replySize.rawValue > replySize.rawValue { replySize = command.replySize }
            isIdempotent = isIdempotent && command.isIdempotent
        }
        var bytes = ByteBufferAllocator().buffer(capacity: capacity)
        for command in commands {
            command.write(to: &bytes)
        }
        self.bytes = bytes
        self.isIdempotent = isIdempotent
        self.replySize = replySize
        self.timeout = timeout
        count = commands.count
        first = commands[0]
        started = now
        deadline = now + TimeAmount(max(timeout, .zero))
    }

    /// The commands, for messages: `HMGET`, or `HMGET and 63 more`.
    var name: String {
        count == 1 ? first.name : "\(first.name) and \(count - 1) more"
    }

    /// Whether the outcome is known.
    var isFinished: Bool {
        state.withLock { if case .finished = $0 { true } else { false } }
    }

    /// Whether it must not be written yet, because its predecessor isn't finished.
    ///
    /// A finished predecessor is released, so that a long chain doesn't stay in memory.
    var isHeldBack: Bool {
        predecessor.withLock { predecessor in
            if predecessor?.isFinished == true { predecessor = nil }
            return predecessor != nil
        }
    }

    /// Records that it is written to the socket now.
    func markWritten() {
        written.withLock { $0 = .now }
    }

    /// When it was last written to the socket; nil if it wasn't.
    var writtenAt: ContinuousClock.Instant? { written.withLock { $0 } }

    /// When the outcome became known; nil before.
    var finishedAt: ContinuousClock.Instant? {
        state.withLock { if case .finished(_, let instant) = $0 { instant } else { nil } }
    }

    /// Sets the outcome, unless it is known.
    func finish(_ outcome: Outcome) {
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            switch state {
            case .pending:
                state = .finished(outcome, at: .now)
                return nil
            case .awaited(let continuation):
                state = .finished(outcome, at: .now)
                return continuation
            case .finished:
                return nil
            }
        }
        waiting?.resume()
    }

    /// Fails, unless the outcome is known.
    func fail(_ error: RedisError, at server: String? = nil, mayHaveRun: Bool = false) {
        finish(.failure(error.of(name, at: server, mayHaveRun: mayHaveRun)))
    }

    /// Waits for the outcome.
    ///
    /// It must be called once. A cancelled task stops waiting at once with ``RedisError/Code/cancelled``; the commands
    /// may have run or may still run.
    func outcome() async throws(RedisError) -> [RedisValue] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isKnown = state.withLock { state in
                    if case .finished = state { return true }
                    state = .awaited(continuation)
                    return false
                }
                if isKnown { continuation.resume() }
            }
        } onCancel: {
            fail(RedisError(.cancelled, "cancelled while waiting for the reply"), mayHaveRun: true)
        }
        let outcome: Outcome = state.withLock { state in
            guard case .finished(let outcome, _) = state else { preconditionFailure("resumed without an outcome") }
            return outcome
        }
        return try outcome.get()
    }
}
