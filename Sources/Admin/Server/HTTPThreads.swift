internal import Foundation
internal import Glibc
internal import Hummingbird
internal import NIOCore
internal import NIOPosix

/// The threads that HTTP has to itself: two for connections, one that answers strangers, two that read.
///
/// The worker's own work is done on Swift's shared threads, of which there are as many as cores. Were requests answered there
/// too, whoever floods the port would decide how much of them is left for cleanups and for the renewal of leases. Here
/// strangers wait for each other, and for nobody else:
///
/// - ``connections`` reads bytes and does TLS.
/// - ``door`` looks at tokens and answers what needs no reading: health, and every refusal. None of it takes long.
/// - ``readers`` makes pages and lists for those whom a token let in, so that a long one keeps no health check waiting.
/// - What a request sets in motion on purpose, a run or an undo, is the worker's work and goes back to the shared threads; see
///   ``Limiter``.
///
/// They live as long as the process, however many servers there are in it.
final class HTTPThreads: TaskExecutor {
    static let connections = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    static let door = HTTPThreads(1, "http-door")
    static let readers = HTTPThreads(2, "http-reader")

    private let queue = JobQueue()

    private init(_ count: Int, _ name: String) {
        let (queue, executor) = (queue, asUnownedTaskExecutor())
        for _ in 0..<count {
            let thread = Thread {
                while true { queue.next().runSynchronously(on: executor) }
            }
            thread.name = name
            thread.start()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        queue.add(UnownedJob(job))
    }
}

/// Does what is behind it on the threads of readers.
struct OnReaderThreads: RouterMiddleware {
    @concurrent
    func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        try await withTaskExecutorPreference(HTTPThreads.readers) { try await next(request, context) }
    }
}

/// What waits for a thread.
///
/// A thread is woken only where one sleeps: under load all are awake, and adding costs next to nothing.
private final class JobQueue: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let isFilled = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs = CircularBuffer<UnownedJob>()
    private var sleeping = 0

    init() {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(isFilled, nil)
    }

    func add(_ job: UnownedJob) {
        pthread_mutex_lock(lock)
        jobs.append(job)
        let hasSleeper = sleeping > 0
        pthread_mutex_unlock(lock)
        if hasSleeper { pthread_cond_signal(isFilled) }
    }

    /// The next one; sleeps until there is one.
    func next() -> UnownedJob {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while true {
            if let job = jobs.popFirst() { return job }
            sleeping += 1
            pthread_cond_wait(isFilled, lock)
            sleeping -= 1
        }
    }
}
